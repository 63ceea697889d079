"""Where the names and addresses of services lead: a cluster's DNS, and the proxies of its nodes.

The API is asked when a pod dials, and at no other time; while it is away, what was known last holds
(as it does for a proxy). Upstream: the DNS specification of Kubernetes, `pkg/proxy`: any of the
ready endpoints, the same again for a client where the service wants that; none: refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from k8slite.client.client import Client
from k8slite.client.resource import ENDPOINT_SLICES, SERVICES
from k8slite.kubelet.node_pods import NodePods, host_port
from k8slite.kubelet.runtimes.network import LOOPBACK
from k8slite.kubelet.timers import Timers
from k8slite.objects.errors import ApiError, NotFound

T = TypeVar("T")
Json = dict[str, Any]
Key = tuple[str, ...]

DOMAIN: Final = ("cluster", "local")
_AFFINITY_SECONDS: Final = 10_800  # how long a client is remembered, unless the service says
_CLIENTS_MOST: Final = 10_000  # that are remembered; then all are forgotten


@frozen
class Target:
    """A port that a name of a service stands for (a record SRV)."""

    port: int
    host: str


@define(eq=False)
class Routes:
    """Looks services up where they are: in the API."""

    client: Client
    timers: Timers
    of_nodes: Container[str]  # all addresses of nodes
    nodes: Callable[[], Iterable[NodePods]]  # those of this fleet
    _known: dict[Key, Any] = field(factory=dict)  # what was answered last, by what was asked
    _chosen: dict[Key, tuple[str, float]] = field(factory=dict)  # endpoints of clients, until when

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of a whole name, without a dot at its end; none where there is none."""
        labels = tuple(name.lower().split("."))
        if labels[-2:] != DOMAIN or len(labels) < 4:
            return ()
        *rest, kind = labels[:-2]
        if kind == "pod" and len(rest) == 2:
            parts = rest[0].split("-")
            ipv4 = len(parts) == 4 and all(one.isdecimal() for one in parts)
            return (".".join(parts),) if ipv4 else ()
        if kind != "svc" or len(rest) not in (2, 3):
            return ()
        service = await self._service(rest[-1], rest[-2])
        if service is None or service["spec"].get("type") == "ExternalName":
            return ()
        if service["spec"].get("clusterIP") not in (None, "", "None"):
            return () if len(rest) == 3 else tuple(service["spec"].get("clusterIPs") or ())
        host = rest[0] if len(rest) == 3 else None
        slices = await self._slices(rest[-1], rest[-2])
        found = [one for one in _ready(slices) if host is None or _host_of(one) == host]
        return tuple(dict.fromkeys(one["addresses"][0] for one in found))

    async def alias(self, name: str) -> str:
        """What a name is another name of; "" for none."""
        labels = tuple(name.lower().split("."))
        if labels[-3:] != ("svc", *DOMAIN) or len(labels) != 5:
            return ""
        service = await self._service(labels[1], labels[0])
        spec = (service or {}).get("spec") or {}
        return str(spec["externalName"]) if spec.get("type") == "ExternalName" else ""

    async def targets(self, name: str) -> Sequence[Target]:
        """What a name _PORT._PROTOCOL.SERVICE.NAMESPACE.svc stands for."""
        labels = tuple(name.lower().split("."))
        if labels[-3:] != ("svc", *DOMAIN) or len(labels) != 7:
            return ()
        port_name, protocol, service_name, namespace = labels[:4]
        service = await self._service(namespace, service_name)
        if service is None:
            return ()
        wanted = (port_name.removeprefix("_"), protocol.removeprefix("_"))
        ports = [
            one
            for one in service["spec"].get("ports") or ()
            if (one.get("name"), one.get("protocol", "TCP").lower()) == wanted
        ]
        base = ".".join(labels[2:])
        if service["spec"].get("clusterIP") != "None":
            return tuple(Target(one["port"], base) for one in ports)
        return tuple(
            Target(one["port"], f"{_host_of(endpoint)}.{base}")
            for found in await self._slices(namespace, service_name)
            for one in found.get("ports") or ()
            if (one.get("name"), one.get("protocol", "TCP").lower()) == wanted
            for endpoint in _ready([found])
        )

    async def endpoint(
        self, address: str, port: int, protocol: str, source: str
    ) -> tuple[str, int] | None:
        """Where a service's address, or a node's, leads; None for one that is neither.

        Raises ConnectionRefusedError where the service has no endpoint.
        """
        loopback = address == LOOPBACK
        pod = host_port(self.nodes(), source if loopback else address, address, port, protocol)
        if pod is not None or loopback:
            return pod
        found = await self._by_address(address, port, protocol)
        if found is None:
            return None
        service, name = found
        metadata, spec = service["metadata"], service["spec"]
        slices = await self._slices(metadata["namespace"], metadata["name"])
        endpoints = _at(slices, name, _ready) or _at(slices, name, _serving)
        if not endpoints:
            text = f"dial {protocol.lower()} {address}:{port}: connect: connection refused"
            raise ConnectionRefusedError(text)
        if spec.get("sessionAffinity") != "ClientIP":
            return self.timers.chance.choice(endpoints)
        settings = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        seconds = settings.get("timeoutSeconds") or _AFFINITY_SECONDS
        return self._same(endpoints, (metadata["uid"], name, source), seconds)

    def _same(self, endpoints: list[tuple[str, int]], key: Key, seconds: float) -> tuple[str, int]:
        """The endpoint that a client had before, if it had one not long ago."""
        now = self.timers.now().seconds
        before, until = self._chosen.get(key, ("", 0.0))
        there = next((one for one in endpoints if one[0] == before), None)
        chosen = there if there and now < until else self.timers.chance.choice(endpoints)
        if len(self._chosen) >= _CLIENTS_MOST:
            self._chosen.clear()
        self._chosen[key] = (chosen[0], now + seconds)
        return chosen

    async def _by_address(self, address: str, port: int, protocol: str) -> tuple[Json, str] | None:
        """The service that an address and port are of, and the name of that port."""
        services = await self._asked(("services",), self._every_service)
        for service in services or ():
            spec = service["spec"]
            balanced = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
            own = (
                *(spec.get("clusterIPs") or ()),
                *(spec.get("externalIPs") or ()),
                *(one.get("ip", "") for one in balanced or ()),
            )
            for one in spec.get("ports") or ():
                if one.get("protocol", "TCP") != protocol:
                    continue
                if (address in own and one["port"] == port) or (
                    one.get("nodePort") == port and address in self.of_nodes
                ):
                    return service, one.get("name") or ""
        # A cluster IP is nobody else's: what it does not serve is refused.
        if any(address in (one["spec"].get("clusterIPs") or ()) for one in services or ()):
            text = f"dial {protocol.lower()} {address}:{port}: connect: connection refused"
            raise ConnectionRefusedError(text)
        return None

    async def _every_service(self) -> list[Json]:
        return list((await self.client.list(SERVICES))["items"])

    async def _service(self, namespace: str, name: str) -> Json | None:
        async def ask() -> Json | None:
            try:
                return await self.client.get(SERVICES, name, namespace)
            except NotFound:
                return None

        return await self._asked(("service", namespace, name), ask)

    async def _slices(self, namespace: str, name: str) -> list[Json]:
        async def ask() -> list[Json]:
            selector = f"kubernetes.io/service-name={name}"
            found = await self.client.list(ENDPOINT_SLICES, namespace, labelSelector=selector)
            return sorted(found["items"], key=lambda one: str(one["metadata"]["name"]))

        return await self._asked(("slices", namespace, name), ask)

    async def _asked(self, key: Key, ask: Callable[[], Awaitable[T]]) -> T:
        """What the API says, or has said last. Raises TimeoutError."""
        try:
            found = await ask()
        except (ApiError, ConnectionError):
            if key not in self._known:
                raise TimeoutError("i/o timeout") from None
            return self._known[key]  # type: ignore[no-any-return]
        if len(self._known) >= _CLIENTS_MOST:
            self._known.clear()
        self._known[key] = found
        return found


def _at(
    slices: Sequence[Json], port_name: str, chosen: Callable[[Sequence[Json]], Iterator[Json]]
) -> list[tuple[str, int]]:
    """Address and port of some of a service's endpoints."""
    return [
        (one["addresses"][0], at["port"])
        for each in slices
        for at in each.get("ports") or ()
        if (at.get("name") or "") == port_name and at.get("port")
        for one in chosen([each])
    ]


def _ready(slices: Sequence[Json]) -> Iterator[Json]:
    for found in slices:
        for one in found.get("endpoints") or ():
            if (one.get("conditions") or {}).get("ready") is not False:
                yield one


def _serving(slices: Sequence[Json]) -> Iterator[Json]:
    """Those that are about to end, where there are no others."""
    for found in slices:
        for one in found.get("endpoints") or ():
            conditions = one.get("conditions") or {}
            if conditions.get("serving") and conditions.get("terminating"):
                yield one


def _host_of(endpoint: Json) -> str:
    """The name of an endpoint in its service's domain."""
    return str(endpoint.get("hostname") or endpoint["addresses"][0].replace(".", "-"))
