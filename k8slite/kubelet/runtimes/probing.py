"""Probes that are really made, of containers in which something runs (see `program`).

Upstream: `pkg/kubelet/prober`: a probe each period, after its initial delay; startup first, and the
others only once it has succeeded; a result changes after so many equal answers.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import frozen

from k8slite.kinds.core.probe_models import Probe
from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.hooks import RunIn
from k8slite.kubelet.runtimes.reach import AGENT, Reach, get, port_of
from k8slite.kubelet.runtimes.runtime import ProbeKind
from k8slite.messages import read_all

# Tells a change of a result: the probe, whether it succeeds, and why not.
Tell = Callable[[ProbeKind, bool, str], None]


@frozen
class Prober:
    """Probes one run of a container."""

    container: Container
    reach: Reach
    run: RunIn
    tell: Tell

    async def probe(self) -> None:
        """Probe for ever."""
        await trio.lowlevel.checkpoint()  # what ends at once is never ready
        container = self.container
        if container.startup_probe is not None:
            await self._repeat("startup", container.startup_probe, once=True)
        async with trio.open_nursery() as nursery:
            if container.readiness_probe is None:
                self.tell("readiness", True, "")
            else:
                nursery.start_soon(self._repeat, "readiness", container.readiness_probe)
            if container.liveness_probe is not None:
                nursery.start_soon(self._repeat, "liveness", container.liveness_probe)

    async def _repeat(self, kind: ProbeKind, probe: Probe, once: bool = False) -> None:
        known: bool | None = True if kind == "liveness" else None
        streak_ok, streak = False, 0
        await trio.sleep(probe.initial_delay_seconds)
        while True:
            complaint = await self._complaint(probe)
            ok = not complaint
            streak = streak + 1 if ok is streak_ok else 1
            streak_ok = ok
            needed = probe.success_threshold if ok else probe.failure_threshold
            if ok is not known and streak >= max(needed, 1):
                known = ok
                self.tell(kind, ok, complaint)
                if ok and once:
                    return
            await trio.sleep(max(probe.period_seconds, 1))

    async def _complaint(self, probe: Probe) -> str:
        """Why it fails; "" where it does not."""
        seconds = max(probe.timeout_seconds, 1)
        with trio.move_on_after(seconds):
            try:
                return await self._asked(probe)
            except OSError as error:
                return str(error)
        if probe.exec is not None:
            return f'command timed out: "{" ".join(probe.exec.command)}" timed out after {seconds}s'
        if probe.http_get is not None:
            return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        if probe.grpc is not None:
            return f"timeout: health rpc did not complete within {seconds}s"
        return "i/o timeout"

    async def _asked(self, probe: Probe) -> str:
        if probe.http_get is not None:
            response = await get(self.reach, probe.http_get, self.container, AGENT)
            await read_all(response)
            if 200 <= response.status < 400:
                return ""
            return f"HTTP probe failed with statuscode: {response.status}"
        if probe.tcp_socket is not None:
            host = probe.tcp_socket.host or self.reach.host
            await self.reach.tcp(host, port_of(probe.tcp_socket.port, self.container))
        elif probe.exec is not None:
            code, printed = await self.run(probe.exec.command)
            if code:
                return printed or f"command {list(probe.exec.command)} ended with code {code}"
        elif probe.grpc is not None:
            seconds = max(probe.timeout_seconds, 1)
            return await self.reach.health(probe.grpc.port, probe.grpc.service, seconds)
        return ""
