"""Which subresource is served by what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define

from k8slite.apiserver.authentication.service_account_tokens import TokenIssuer
from k8slite.apiserver.subresources import binding, eviction, finalize, pods, scale, streams, token
from k8slite.apiserver.subresources.proxy import Proxying
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Handler, Response
from k8slite.objects.errors import MethodNotAllowed, NotFound

Serve = Callable[[Verbs, Call], Awaitable[Response]]

_VIEWS: Final = ("status", "approval")


@define(eq=False)
class Subresources:
    """Serves what is below an object."""

    verbs: Verbs
    # The kubelets' side of logs and streams; None where there are no nodes.
    kubelet: Handler | None = None
    tokens: TokenIssuer | None = None
    proxying: Proxying | None = None

    async def serve(self, call: Call) -> Response:
        """Answer a request to a subresource. Raises NotFound where there is no such one."""
        name = call.info.subresource
        if not any(one.name == name for one in call.kind.subresources):
            raise NotFound("the server could not find the requested resource", details={})
        if name in _VIEWS:
            return await self._view(call)
        if name in streams.NAMES:
            return await streams.stream(self.verbs, call, self.kubelet)
        if name == "log":
            self.verbs.registry.get(call.kind, call.info.namespace, call.info.name)
            if self.kubelet is None:
                raise streams.no_kubelet()
            return await pods.log(self.verbs, call, self.kubelet)
        if name == "proxy" and self.proxying is not None:
            return await self.proxying.serve(call)
        if name == "token" and self.tokens is not None:  # without a key it is not there (upstream)
            return await token.request_token(self.verbs, call, self.tokens)
        serve = _SERVED.get(name)
        if serve is None:
            raise NotFound("the server could not find the requested resource", details={})
        return await serve(self.verbs, call)

    async def _view(self, call: Call) -> Response:
        verb = call.info.verb
        if verb == "get":
            return await self.verbs.get(call)
        if verb == "update":
            return await self.verbs.update(call)
        if verb == "patch":
            return await self.verbs.patch(call)
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )


_SERVED: Final[dict[str, Serve]] = {
    "binding": binding.bind,
    "ephemeralcontainers": pods.ephemeral_containers,
    "eviction": eviction.evict,
    "finalize": finalize.finalize,
    "resize": pods.resize,
    "scale": scale.scale,
}
