"""Who stands behind a Service: at rest exactly its ready pods, each in one slice.

Mirrors `pkg/controller/endpointslice` and `pkg/controller/endpoint`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.objects.selectors import selector_of_labels
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    ENDPOINT_SLICES,
    NAMESPACES,
    PODS,
    SERVICES,
    named,
    ready,
    terminal,
    terminating,
)

Json = dict[str, Any]

_SLICES: Final = "endpointslice-controller"
_ENDPOINTS: Final = "endpoint-controller"
_MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"


class Endpoints:
    """EndpointSlices and Endpoints at rest."""

    name: ClassVar[str] = "endpoints"
    prefixes: ClassVar[tuple[str, ...]] = (SERVICES,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        return ()

    def rest(self) -> Iterable[str]:
        running, state = self._setting.running, self._setting.state
        for _, service in state.all(SERVICES):
            spec, namespace = service["spec"], service["metadata"]["namespace"]
            home = state.get(NAMESPACES + namespace)
            if not spec.get("selector") or spec.get("type") == "ExternalName":
                continue
            if terminating(service) or home is None or terminating(home):
                continue
            wanted = self._ready_addresses(service, namespace)
            if _SLICES in running:
                yield from self._slices(service, namespace, wanted)
            if _ENDPOINTS in running:
                yield from self._endpoints(service, wanted)

    def _ready_addresses(self, service: Json, namespace: str) -> dict[str, str]:
        """Pods by address."""
        selector = selector_of_labels(service["spec"]["selector"])
        early = bool(service["spec"].get("publishNotReadyAddresses"))
        found = {}
        for key, pod in self._setting.state.all(PODS):
            if not key.startswith(f"{PODS}{namespace}/") or terminal(pod):
                continue
            counts = early or (ready(pod) and not terminating(pod))
            if counts and selector.matches(pod["metadata"].get("labels") or {}):
                for one in (pod.get("status") or {}).get("podIPs") or ():
                    found[one["ip"]] = key
        return found

    def _slices(self, service: Json, namespace: str, wanted: dict[str, str]) -> Iterator[str]:
        listed: Counter[str] = Counter()
        for _, one in self._setting.state.all(ENDPOINT_SLICES):
            labels = one["metadata"].get("labels") or {}
            if (
                one["metadata"]["namespace"] != namespace
                or labels.get("kubernetes.io/service-name") != service["metadata"]["name"]
                or labels.get(_MANAGED_BY) != "endpointslice-controller.k8s.io"
            ):
                continue
            ports = ",".join(f"{p.get('name')}:{p.get('port')}" for p in one.get("ports") or ())
            for endpoint in one.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready", True):
                    listed.update(f"{address} {ports}" for address in endpoint["addresses"])
        name = named(service)
        for text, count in listed.items():
            address = text.partition(" ")[0]
            if count > 1:
                yield f"{address} is {count} times in the slices of Service {name}"
            if address not in wanted:
                yield f"{address} is in the slices of Service {name}, and is no ready pod of it"
        there = {text.partition(" ")[0] for text in listed}
        for address, pod in wanted.items():
            if address not in there and _serves(service, address):
                yield f"{pod} is ready, but not in the slices of Service {name}"

    def _endpoints(self, service: Json, wanted: dict[str, str]) -> Iterator[str]:
        name = named(service)
        found = self._setting.state.get(f"endpoints/{name}")
        there = {
            one["ip"]
            for subset in (found or {}).get("subsets") or ()
            for one in subset.get("addresses") or ()
        }
        for address, pod in wanted.items():
            if address not in there and _serves(service, address, first_only=True):
                yield f"{pod} is ready, but not in the Endpoints of Service {name}"
        for address in sorted(there):
            if address not in wanted:
                yield f"{address} is in the Endpoints of Service {name}, and is no ready pod of it"


def _serves(service: Json, address: str, *, first_only: bool = False) -> bool:
    """Whether a Service publishes addresses of that family."""
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    family = "IPv6" if ":" in address else "IPv4"
    return family == families[0] if first_only else family in families
