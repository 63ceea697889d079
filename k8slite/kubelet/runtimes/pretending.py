"""What a pretended container does when somebody reaches into it: commands, and its ports.

A command is answered as the script says; else it is one of those in `commands`. A port that the
container declares answers HTTP with the script's text, or with a line that names the container.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

import trio

from k8slite.kubelet.pod import Pod
from k8slite.kubelet.runtimes import commands
from k8slite.kubelet.runtimes.box import Box, Files
from k8slite.kubelet.runtimes.runtime import ContainerConfig
from k8slite.kubelet.runtimes.script import Script
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Duplex

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a request to a pretended port may have before its end; then the connection is given up.
_HEADER_MOST_BYTES: Final = 64 * 1024
_HEADER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
)
_HEADER_END: Final = b"\r\n\r\n"


def box_of(config: ContainerConfig, now: Callable[[], datetime]) -> Box:
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
        "/etc/hostname": f"{name}\n".encode(),
        "/etc/hosts": _hosts(config.pod, name, address).encode(),
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
    return Box(
        name,
        now,
        environment,
        Files(own, config.mounts),
        config.container.working_dir or "/",
        {},
        (user, group),
        security.read_only_root_filesystem,
        config.refresh,
    )


def _hosts(pod: Pod, name: str, address: str) -> str:
    """Upstream: `kubelet_pods.go` (managedHostsFileContent)."""
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "fe00::0\tip6-mcastprefix",
        "fe00::1\tip6-allnodes",
        "fe00::2\tip6-allrouters",
        f"{address}\t{name}",
    ]
    aliases = [f"{one.ip}\t{chr(9).join(one.hostnames)}" for one in pod.spec.host_aliases]
    if aliases:
        lines += ["", "# Entries added by HostAliases.", *aliases]
    return "\n".join([*lines, ""])


async def run(command: Sequence[str], script: Script, box: Box, session: Session) -> int:
    """Run a command; returns its exit code. Raises ExecFailed."""
    text = " ".join(command)
    for answer in script.answers:
        if fnmatchcase(text, answer.command):
            await session.write(answer.output.encode())
            await session.write_error(answer.error.encode())
            return answer.code
    return await commands.run(command, box, session)


async def serve(pod: Pod, port: int, script_of: dict[str, Script], duplex: Duplex) -> None:
    """Answer on a port until the client has had enough. Raises ConnectionRefusedError."""
    for container in pod.spec.containers:
        if container.name in script_of and any(
            one.container_port == port and one.protocol in ("", "TCP") for one in container.ports
        ):
            text = script_of[container.name].http
            if text is None:
                name = pod.metadata.full_name
                text = f"k8slite: pod {name}, container {container.name}, port {port}\n"
            await _answer_http(text.encode(), duplex)
            return
    raise ConnectionRefusedError(
        f"error forwarding port {port} to pod {pod.metadata.uid}, uid : failed to connect to "
        f"localhost:{port} inside namespace: dial tcp4 127.0.0.1:{port}: connect: "
        "connection refused"
    )


async def _answer_http(text: bytes, duplex: Duplex) -> None:
    waiting = bytearray()
    while piece := await duplex.receive():
        waiting += piece
        while _HEADER_END in waiting:
            request, _, rest = bytes(waiting).partition(_HEADER_END)
            waiting = bytearray(rest)
            body = b"" if request.startswith(b"HEAD ") else text
            await duplex.send(_HEADER % len(text) + body)
            await trio.lowlevel.checkpoint()
        if len(waiting) > _HEADER_MOST_BYTES:
            return
