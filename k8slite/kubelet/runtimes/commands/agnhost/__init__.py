"""What Kubernetes' image agnhost does (upstream: `test/images/agnhost`), by its README.

    pause, entrypoint-tester, etc-hosts, dns-suffix, dns-server-list, logs-generator, connect,
    nonewprivs                                                                           (plain)
    mounttest                                                                        (mounttest)
    netexec                                                                            (netexec)
    serve-hostname, test-webserver, liveness, porter, fake-gitserver, grpc-health-checking
                                                                                       (servers)
    guestbook, nettest                                                               (guestbook)

A container with another of its subcommands runs for ever, as one does that is not known.
"""

from __future__ import annotations

import json
from typing import Final

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost.guestbook import GUESTBOOK
from k8slite.kubelet.runtimes.commands.agnhost.mounttest import mounttest
from k8slite.kubelet.runtimes.commands.agnhost.netexec import netexec
from k8slite.kubelet.runtimes.commands.agnhost.plain import PLAIN
from k8slite.kubelet.runtimes.commands.agnhost.servers import SERVERS
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.session import Session


async def _agnhost(command: list[str], box: Box, session: Session) -> int:
    subcommand = command[1] if len(command) > 1 else "pause"
    known = SUBCOMMANDS.get(subcommand)
    if known is None:
        return await complain(session, f"Error: unknown command {json.dumps(subcommand)}")
    return await known(command, box, session)


SUBCOMMANDS: Final[dict[str, Command]] = {
    **PLAIN,
    **SERVERS,
    **GUESTBOOK,
    "mounttest": mounttest,
    "netexec": netexec,
}
AGNHOST: Final[dict[str, Command]] = {"agnhost": _agnhost, "agnhost-2": _agnhost}
