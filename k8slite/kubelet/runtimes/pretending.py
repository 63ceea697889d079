"""What a pretended container does when somebody reaches into it: commands, and its ports.

A command is answered as the script says; else it is one of those in `commands`. A port that the
container declares answers HTTP with the script's text, or with a line that names the container.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from k8slite.kubelet.runtimes import commands
from k8slite.kubelet.runtimes.box import Box, Files
from k8slite.kubelet.runtimes.host_files import hosts, resolv_conf
from k8slite.kubelet.runtimes.images import image_of
from k8slite.kubelet.runtimes.network import Interface, Network
from k8slite.kubelet.runtimes.runtime import ContainerConfig
from k8slite.kubelet.runtimes.script import Script
from k8slite.kubelet.runtimes.session import Session

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def box_of(config: ContainerConfig, now: Callable[[], datetime], network: Network) -> Box:
    """The surroundings of commands in a container, until it ends."""
    spec = config.pod.spec
    name = (spec.hostname or config.pod.metadata.name)[:63]  # as a host's name is cut
    environment = {
        "PATH": _PATH,
        "HOSTNAME": name,
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        **{one.name: one.value for one in config.container.env},
    }
    address = config.addresses[0] if config.addresses else "127.0.0.1"
    own = {
        **image_of(config.container.image).files,
        "/etc/hostname": f"{name}\n".encode(),
        "/etc/hosts": hosts(config.pod, name, address).encode(),
        "/etc/resolv.conf": resolv_conf(config.pod).encode(),
    }
    for one in spec.security_context.sysctls:
        own[f"/proc/sys/{one.name.replace('.', '/')}"] = f"{one.value}\n".encode()
    security, of_pod = config.container.security_context, spec.security_context
    user, group = (
        next((one for one in pair if one is not None), 0)
        for pair in (
            (security.run_as_user, of_pod.run_as_user),
            (security.run_as_group, of_pod.run_as_group),
        )
    )
    files = Files(own, config.mounts)
    return Box(
        name,
        now,
        environment,
        files,
        config.container.working_dir or "/",
        {},
        (user, group),
        security.read_only_root_filesystem,
        security.allow_privilege_escalation is False,
        security.privileged,
        config.refresh,
        Interface(network, config.addresses or (config.pod.metadata.uid,), files),
    )


async def run(command: Sequence[str], script: Script, box: Box, session: Session) -> int:
    """Run a command; returns its exit code. Raises ExecFailed."""
    text = " ".join(command)
    for answer in script.answers:
        if fnmatchcase(text, answer.command):
            await session.write(answer.output.encode())
            await session.write_error(answer.error.encode())
            return answer.code
    return await commands.run(command, box, session)
