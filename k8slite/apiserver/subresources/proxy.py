"""What is below pods, services and nodes that runs: HTTP passed on to it, with any method.

    GET /api/v1/namespaces/default/services/https:web:metrics/proxy/some/path?x=y

Upstream: `registry/core/{pod,service,node}/rest` and their ResourceLocation, and
`apimachinery/pkg/util/proxy`. An address that an EndpointSlice says is of a pod must be one of that
pod; one that is of no pod is believed here, where upstream would not go: in a cluster whose pods
are imagined these are the real ones. Imagined pods are asked in this process, by their kubelets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from attrs import define, evolve, frozen

from k8slite.apiserver.calling.endpoint import Endpoint, Way
from k8slite.apiserver.calling.passing import passed_back, passed_on, upgrades
from k8slite.apiserver.calling.rewriting import Rewriting, rewritten
from k8slite.apiserver.calling.services import Services, joined
from k8slite.apiserver.subresources.connecting import admit
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Handler, Request, Response
from k8slite.objects.errors import BadRequest, ServiceUnavailable
from k8slite.objects.fields import quoted
from k8slite.objects.meta import Name

Json = dict[str, Any]

# By address, port and whether it is to be TLS. Raises OSError where there is no answer.
ToPod = Callable[[str, int, bool, Request], Awaitable[Response]]

KUBELET_PORT: Final = 10250
_SCHEMES: Final = ("", "http", "https")


@frozen
class Target:
    """Who is meant by `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`."""

    scheme: str
    name: str
    port: str

    @classmethod
    def read(cls, text: str, what: str) -> Target:
        """Raises BadRequest (upstream: `SplitSchemeNamePort`)."""
        parts = text.split(":")
        scheme, name, port = {1: ("", *parts, ""), 2: ("", *parts), 3: tuple(parts)}.get(
            len(parts), ("?", "", "")
        )
        if scheme not in _SCHEMES or not name:
            raise BadRequest(f"invalid {what} request {quoted(text)}")
        return cls(scheme or "http", name, port)


@define(eq=False)
class Proxying:
    """Serves the subresource `proxy`."""

    verbs: Verbs
    services: Services
    way: Way | None
    kubelet: Handler | None
    pods: ToPod  # to what listens at the address of a pod that is imagined

    async def serve(self, call: Call) -> Response:
        """Pass a request on, and its answer back; what goes wrong on the way is a Status."""
        path = _path_beyond(call)
        await admit(self.verbs, call, f"{call.kind.kind}ProxyOptions", {"path": path})
        handler = _LOCATE[call.kind.plural](self, call)
        if not path and call.request.method in ("GET", "HEAD") and not upgrades(call.request):
            return _to_slash(call)
        asked = passed_on(call.request, path or "/")
        asked = evolve(asked, headers={**asked.headers, "x-forwarded-uri": call.request.path})
        try:
            response = passed_back(await handler(asked))
        except (OSError, ValueError) as error:
            raise unreachable(str(error)) from None
        return await rewritten(response, Rewriting(call.request.path.removesuffix(path)))

    def _pod(self, call: Call) -> Handler:
        target = Target.read(call.info.name, "pod")
        pod = self._found(call, "pods/", target.name)
        port = target.port or next(
            (
                str(one["containerPort"])
                for container in pod["spec"]["containers"]
                for one in container.get("ports") or ()
            ),
            "",
        )
        status = pod.get("status") or {}
        ip = next((one["ip"] for one in status.get("podIPs") or ()), status.get("podIP", ""))
        _must_be_proxyable(ip)
        if not port:
            port = "443" if target.scheme == "https" else "80"
        return self._to_pod(pod, target.scheme, ip, port)

    def _service(self, call: Call) -> Handler:
        target = Target.read(call.info.name, "service")
        namespace = call.info.namespace
        service = self._found(call, "services/", target.name)
        port_name = target.port
        if target.port.isdecimal():
            ports = (service.get("spec") or {}).get("ports") or ()
            named = [one.get("name", "") for one in ports if one["port"] == int(target.port)]
            if not named:
                raise ServiceUnavailable(
                    f"no service port {target.port} found for service {quoted(target.name)}"
                )
            port_name = named[0]
        for address, port, reference in self.services.ready(namespace, target.name, port_name):
            pod = self._pod_of(namespace, address, reference)
            if reference and pod is None:
                continue
            if pod is not None:
                return self._to_pod(pod, target.scheme, address, port)
            return self._to(target.scheme, joined(address, port))
        text = f"no endpoints available for service {quoted(call.info.name)}"
        raise ServiceUnavailable(text)

    def _node(self, call: Call) -> Handler:
        target = Target.read(call.info.name, "node")
        node = self._found(call, "nodes/", target.name)
        status = node.get("status") or {}
        daemon = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
        kubelet_port = str(daemon.get("Port") or KUBELET_PORT)
        if target.port in ("", kubelet_port):
            if self.kubelet is None:
                raise ServiceUnavailable("no kubelet is running in this cluster")
            return _of_node(self.kubelet, target.name)
        address = next(
            (
                one["address"]
                for wanted in ("InternalIP", "Hostname")
                for one in status.get("addresses") or ()
                if one["type"] == wanted
            ),
            "",
        )
        _must_be_proxyable(address)
        where = joined(address, target.port)
        if _is_imagined(node):
            return self._within(target.scheme, address, target.port)
        return self._to(target.scheme, where)

    def _found(self, call: Call, prefix: str, name: str) -> Json:
        """Raises NotFound."""
        registry = self.verbs.registry
        registry.get(call.kind, call.info.namespace, name)
        found = registry.storage.find(prefix, call.info.namespace, name)
        assert found is not None, "it was just there, and nobody has waited since"
        return found

    def _pod_of(self, namespace: str, address: str, reference: Json) -> Json | None:
        """The pod that an endpoint is said to be of; None where it is not of that pod."""
        if reference.get("namespace", namespace) != namespace:
            return None
        pod = self.services.storage.find("pods/", namespace, reference.get("name", ""))
        status = (pod or {}).get("status") or {}
        return pod if any(one["ip"] == address for one in status.get("podIPs") or ()) else None

    def _to_pod(self, pod: Json, scheme: str, address: str, port: int | str) -> Handler:
        """Addresses of pods that are only imagined may be somebody else's out there."""
        metadata = pod["metadata"]
        real = self.services.listening(Name(metadata["namespace"], metadata["name"]))
        if real:
            return self._to(scheme, joined(real, port))
        name = pod["spec"].get("nodeName", "")
        node = self.services.storage.find("nodes/", "", name) if name else None
        if node is not None and _is_imagined(node):
            return self._within(scheme, address, str(port))
        return self._to(scheme, joined(address, port))

    def _within(self, scheme: str, address: str, port: str) -> Handler:
        if not port.isdecimal():  # upstream too knows the names of a service's ports only
            raise unreachable(f"dial tcp: lookup tcp/{port}: unknown port")
        if int(port) >= 1 << 16:
            raise unreachable(f"dial tcp: address {port}: invalid port")
        return partial(self.pods, address, int(port), scheme == "https")

    def _to(self, scheme: str, address: str) -> Handler:
        if self.way is None:
            raise ServiceUnavailable("there is no way to the outside from here")
        # Upstream looks at no certificate either: a pod has none that it could be known by.
        return self.way(Endpoint(f"{scheme}://{address}", verified=False, streams=True))


def unreachable(why: str) -> ServiceUnavailable:
    """Upstream's words where there is no answer."""
    return ServiceUnavailable(f"error trying to reach service: {why}")


def _path_beyond(call: Call) -> str:
    """What follows the subresource in a path, slashes and all."""
    head = f"/{call.info.name}/proxy"
    return call.request.path.partition(head)[2]


def _to_slash(call: Call) -> Response:
    """Relative links of a page work only below a slash (upstream: issue 4958)."""
    query = "&".join(f"{key}={value}" for key, value in call.request.query)
    location = f"{call.request.path}/" + (f"?{query}" if query else "")
    return Response(301, b"", (("Location", location),))


def _of_node(kubelet: Handler, name: str) -> Handler:
    """A kubelet of this process; it must be told as which node it is asked."""

    async def handle(request: Request) -> Response:
        headers = {**request.headers, "x-node-name": name}
        return await kubelet(evolve(request, headers=headers))

    return handle


def _is_imagined(node: Json) -> bool:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return str(info.get("containerRuntimeVersion", "")).startswith("fake://")


def _must_be_proxyable(address: str) -> None:
    """Raises BadRequest (upstream: `IsProxyableIP` and its like)."""
    try:
        ip = ip_address(address)
    except ValueError:
        ip = None
    if ip is None or ip.is_loopback or ip.is_unspecified or ip.is_multicast or ip.is_link_local:
        raise BadRequest("address not allowed")


_LOCATE: Final[dict[str, Callable[[Proxying, Call], Handler]]] = {
    "pods": Proxying._pod,
    "services": Proxying._service,
    "nodes": Proxying._node,
}
