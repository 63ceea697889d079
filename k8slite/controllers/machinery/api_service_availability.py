"""Whether the server behind an APIService can be asked: its condition Available.

Upstream: `kube-aggregator/pkg/controllers/status/{local,remote}`. A server that fails is asked
again soon, then more and more rarely; one that answers, every half minute, since nobody tells when
it ceases to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Final

from k8slite.client.resource import API_SERVICES, ENDPOINT_SLICES, SERVICES
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.core.models import Service
from k8slite.kinds.discovery.models import EndpointSlice
from k8slite.kinds.models import Model, PartialObject
from k8slite.objects.errors import NotFound
from k8slite.objects.fields import quoted
from k8slite.objects.measures import Counter, Family, Reading
from k8slite.objects.meta import Name, find_condition, timestamp

Json = dict[str, Any]
# Asks the server of an APIService; why it is not available, or "".
Check = Callable[[Json], Awaitable[str]]

AGAIN_SECONDS: Final = 30.0
_FIRST_SECONDS: Final = 0.005  # the first pause after a failure; it doubles
_SERVICE_NAME: Final = "kubernetes.io/service-name"


class ApiServiceAvailabilityController(Controller):
    """Its keys are the names of APIServices."""

    name: ClassVar[str] = "available-controller"
    workers: ClassVar[int] = 5  # one server that hangs does not hold the others

    def __init__(self, context: Context, check: Check) -> None:
        super().__init__(context)
        self._check = check
        self._failures: dict[Name, int] = {}
        self._unavailable: dict[str, bool] = {}
        self._losses = Counter(
            "aggregator_unavailable_apiservice_total",
            "[ALPHA] Counter of APIServices which are marked as unavailable broken down by "
            "APIService name and reason.",
            ("name", "reason"),
        )
        self._api_services = self.mirrors.of(API_SERVICES, PartialObject)
        self._services = self.mirrors.of(SERVICES, Service)
        self._slices = self.mirrors.of(ENDPOINT_SLICES, EndpointSlice)
        self.watch(self._api_services, own_key)
        self.watch(self._services, self._of_service)
        self.watch(self._slices, self._of_slice)

    def measures(self) -> Iterable[Family]:
        """Which are unavailable, and how often that has happened."""
        yield Reading(
            "aggregator_unavailable_apiservice",
            "[ALPHA] Gauge of APIServices which are marked as unavailable broken down by "
            "APIService name.",
            lambda: [((name,), float(gone)) for name, gone in sorted(self._unavailable.items())],
            ("name",),
        )
        yield self._losses

    async def reconcile(self, name: Name) -> float | None:
        """Find out, and say so where it is news."""
        api_service = self._api_services.document(name)
        if api_service is None:
            self._failures.pop(name, None)
            self._unavailable.pop(name.name, None)
            return None
        if not api_service["spec"].get("service"):
            await self._tell(api_service, "Local", "Local APIServices are always available")
            return None
        reason, message = self._without_asking(api_service)
        if not reason:
            message = await self._check(api_service)
            reason = "FailedDiscoveryCheck" if message else ""
        if reason:
            await self._tell(api_service, reason, message, available=False)
        else:
            await self._tell(api_service, "Passed", "all checks passed")
        if reason != "FailedDiscoveryCheck":
            self._failures.pop(name, None)
            return AGAIN_SECONDS
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        return min(_FIRST_SECONDS * 2.0 ** min(failures, 20), AGAIN_SECONDS)

    def _without_asking(self, api_service: Json) -> tuple[str, str]:
        """What can be told of a server's Service and its endpoints: reason and message."""
        wanted = api_service["spec"]["service"]
        namespace, name, port = wanted["namespace"], wanted["name"], wanted.get("port", 443)
        where = f"service/{name} in {quoted(namespace)}"
        service = self._services.get(Name(namespace, name))
        if service is None:
            return "ServiceNotFound", f"{where} is not present"
        if service.spec.type != "ClusterIP":
            return "", ""
        listening = next((one for one in service.spec.ports if one.port == port), None)
        if listening is None:
            return "ServicePortError", f"{where} is not listening on port {port}"
        slices = [
            one
            for one in self._slices.all()
            if one.metadata.namespace == namespace
            and one.metadata.labels.get(_SERVICE_NAME) == name
        ]
        if not slices:
            return "EndpointsNotFound", f"cannot find endpointslices for {where}"
        if not any(_has_endpoint(one, listening.name) for one in slices):
            text = f"have no addresses with port name {quoted(listening.name)}"
            return "MissingEndpoints", f"endpointslices for {where} {text}"
        return "", ""

    async def _tell(
        self, api_service: Json, reason: str, message: str, *, available: bool = True
    ) -> None:
        """Write the condition, where it is not there yet."""
        status = api_service.get("status") or {}
        conditions = list(status.get("conditions") or ())
        known = find_condition(conditions, "Available")
        value = "True" if available else "False"
        name = api_service["metadata"]["name"]
        self._unavailable[name] = not available
        if not available and (known is None or known.get("status") == "True"):
            self._losses.add(name, reason)
        told = {"type": "Available", "status": value, "reason": reason, "message": message}
        if known is not None and all(known.get(key) == text for key, text in told.items()):
            return
        same = known if known is not None and known.get("status") == value else {}
        since = same.get("lastTransitionTime") or timestamp(self.world.now())
        condition = {**told, "lastTransitionTime": since}
        if known is None:
            conditions.append(condition)
        else:
            conditions[conditions.index(known)] = condition
        metadata = api_service["metadata"]
        patch = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": {"conditions": conditions},
        }
        try:
            await self.client.patch(API_SERVICES, name, patch, subresource="status")
        except NotFound:
            return

    def _of_service(self, old: Service | None, new: Service | None) -> Iterable[Name]:
        one = new or old
        assert one is not None, "a change is of something"
        return self._naming(one, one.metadata.name)

    def _of_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> Iterable[Name]:
        one = new or old
        assert one is not None, "a change is of something"
        return self._naming(one, one.metadata.labels.get(_SERVICE_NAME, ""))

    def _naming(self, one: Model, service: str) -> Iterable[Name]:
        """The APIServices that a Service in the namespace of something is for."""
        for api_service in self._api_services.all():
            name = api_service.metadata.full_name
            document = self._api_services.document(name) or {}
            wanted = (document.get("spec") or {}).get("service") or {}
            if (wanted.get("namespace"), wanted.get("name")) == (one.metadata.namespace, service):
                yield name


def _has_endpoint(one: EndpointSlice, port_name: str) -> bool:
    """Whether a slice has somebody who is ready, at the port of that name."""
    ready = any(endpoint.conditions.ready is not False for endpoint in one.endpoints)
    return ready and any(port.name == port_name and port.port for port in one.ports)
