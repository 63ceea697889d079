"""The ports of a pretended container that plays a script: a server's, or those that it declares.

Nothing is loaded for them before somebody asks: most pods declare ports, and few are asked.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from k8slite.kubelet.runtimes.container_log import Line
from k8slite.kubelet.runtimes.fake_run import Run
from k8slite.kubelet.runtimes.network import Listener, Network
from k8slite.kubelet.timers import Timers
from k8slite.messages import Request, Response

if TYPE_CHECKING:
    from k8slite.kubelet.runtimes.box import Box

_WEB_PORT: Final = 80
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)


def open_ports(run: Run, network: Network, timers: Timers) -> None:
    """Have them answer until the run has ended."""
    if run.ended is not None:
        return
    server = run.script.server
    if server:
        if server != "pause":  # which listens nowhere
            listener = Listener(partial(_serve, run, network, timers))
            _listen(run, network, _WEB_PORT, listener)
        return
    for one in run.config.container.ports:
        if one.protocol in ("", "TCP"):
            listener = Listener(partial(_answer, run, one.container_port))
            _listen(run, network, one.container_port, listener)


def _listen(run: Run, network: Network, port: int, listener: Listener) -> None:
    with suppress(OSError):  # another container of the pod was first
        network.listen(run.addresses, port, listener)
        run.listeners.append(listener)


async def _serve(run: Run, network: Network, timers: Timers, request: Request) -> Response:
    from k8slite.kubelet.runtimes.commands.web import answer
    from k8slite.kubelet.runtimes.pretending import box_of

    def box() -> Box:
        if run.box is None:
            run.box = box_of(run.config, timers.date, network)
        return run.box

    async def write(data: bytes) -> None:
        run.notes.append(Line(timers.now().date, data.decode(errors="replace").rstrip("\n")))
        run.wake()

    return await answer(run.script.server, box(), write, request)


async def _answer(run: Run, port: int, request: Request) -> Response:
    text = run.script.http
    if text is None:
        name, container = run.config.pod.metadata.full_name, run.config.container.name
        text = f"k8slite: pod {name}, container {container}, port {port}\n"
    return Response(200, text.encode(), _TEXT)
