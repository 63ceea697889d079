"""Probes that are really made, of containers that really run (see `program`).

Upstream: `pkg/kubelet/prober`: a probe each period, after its initial delay; startup first, and the
others only once it has succeeded; a result changes after so many equal answers.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from attrs import frozen

from k8slite.kinds.core.probe_models import Probe
from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.runtime import ProbeKind
from k8slite.messages import Request
from k8slite.wire.client import ConnectionFailed, HttpClient

# Tells a change of a result: the probe, whether it succeeds, and why not.
Tell = Callable[[ProbeKind, bool, str], None]
Run = Callable[[tuple[str, ...]], Awaitable[int]]


@frozen
class Prober:
    """Probes one run of a container."""

    container: Container
    address: str  # "" where nobody really listens: then every connection is thought to succeed
    run: Run  # a command in it; gives its exit code
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
        with trio.move_on_after(max(probe.timeout_seconds, 1)):
            try:
                return await self._asked(probe)
            except (OSError, ConnectionFailed) as error:
                return str(error)
        if probe.grpc is not None:
            return f"timeout: health rpc did not complete within {max(probe.timeout_seconds, 1)}s"
        return f"command timed out after {probe.timeout_seconds}s"

    async def _asked(self, probe: Probe) -> str:
        if probe.http_get is not None:
            return await self._get(probe) if self.address else ""
        if probe.tcp_socket is not None and self.address:
            stream = await trio.open_tcp_stream(self.address, self._port(probe.tcp_socket.port))
            await stream.aclose()
        elif probe.exec is not None:
            code = await self.run(probe.exec.command)
            return f"command {list(probe.exec.command)} ended with code {code}" if code else ""
        elif probe.grpc is not None:
            from k8slite.kubelet.runtimes import grpc_health  # HTTP/2 is for these alone

            grpc, seconds = probe.grpc, max(probe.timeout_seconds, 1)
            return await grpc_health.complaint(
                self.address, grpc.port, grpc.service, _AGENT, seconds
            )
        return ""

    async def _get(self, probe: Probe) -> str:
        action = probe.http_get
        assert action is not None
        scheme = (action.scheme or "HTTP").lower()
        context = None
        if scheme == "https":  # upstream does not look at the certificate either
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        url = f"{scheme}://{self.address}:{self._port(action.port)}"
        path, _, query = (action.path or "/").partition("?")
        pairs = tuple((one.partition("=")[0], one.partition("=")[2]) for one in query.split("&"))
        with HttpClient(url, context, headers={"user-agent": _AGENT}) as client:
            response = await client(Request("GET", path, pairs if query else ()))
        if 200 <= response.status < 400:
            return ""
        return f"HTTP probe failed with statuscode: {response.status}"

    def _port(self, port: int | str) -> int:
        """A port's number; its name is that of one of the container's."""
        for one in self.container.ports:
            if one.name == port:
                return one.container_port
        return int(port)


_AGENT: Final = "kube-probe/1.37"
