"""The verbs on resources: from a request to the registry and back to bytes.

One method a verb; what they share is how the body is decoded and how the outcome is rendered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field

from k8slite.apiserver.applying import read_config
from k8slite.apiserver.attributes import Asked
from k8slite.apiserver.call import Call as Call
from k8slite.apiserver.decoding import Decoder, media_type
from k8slite.apiserver.deletion import Deletion, delete_options
from k8slite.apiserver.listing import (
    Listed,
    list_objects,
    list_options,
    parse_revision,
    until_fresh,
)
from k8slite.apiserver.patching import patched
from k8slite.apiserver.registry import Registry, Written
from k8slite.apiserver.request_info import RequestInfo, flag
from k8slite.apiserver.selection import select
from k8slite.apiserver.versions import Views
from k8slite.apiserver.watching import WatchCounts, open_watch, watch_options
from k8slite.apiserver.write_options import APPLY, dry_run
from k8slite.kinds.kind import Kind
from k8slite.messages import Request, Response
from k8slite.objects.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
)

Json = dict[str, Any]
Protect = Callable[[Json, Json], None]


@define(eq=False)
class Verbs:
    """get, list, watch, create, update, patch, delete, deletecollection."""

    registry: Registry
    deletion: Deletion
    decoder: Decoder
    watch_counts: WatchCounts = field(factory=WatchCounts)

    async def get(self, call: Call) -> Response:
        """One object; a resourceVersion asks for a state at least that new."""
        wanted = call.request.parameter("resourceVersion")
        if wanted:
            try:
                revision = parse_revision(wanted)
            except ValueError as error:
                raise BadRequest(f"invalid resource version: {error}") from None
            await until_fresh(self.registry.storage.store, revision)
        kind = self._storage_kind(call.kind)
        stored = await self.registry.read(kind, call.info.namespace, call.info.name)
        return call.response(200, call.form.object(call.kind, stored.value, self._now()))

    async def list(self, call: Call) -> Response:
        """A page of a collection."""
        listed = await self._listed(call)
        body = call.form.list(
            call.kind,
            [stored.value for stored in listed.items],
            listed.revision,
            self._now(),
            continue_=listed.continue_,
            remaining=listed.remaining,
        )
        return call.response(200, body)

    async def watch(self, call: Call) -> Response:
        """A stream of changes."""
        request, kind = call.request, self._storage_kind(call.kind)
        fields = request.parameter("fieldSelector")
        if call.info.name:
            fields = f"{fields},metadata.name={call.info.name}".lstrip(",")
        selection = select(call.kind, request.parameter("labelSelector"), fields)
        options = watch_options(request, self.registry.world)
        form = call.form.events(call.kind, self.registry.world.now)
        stream = await open_watch(
            self.registry.storage,
            self.registry.versions,
            kind,
            call.info.namespace,
            selection,
            options,
            form,
            self.watch_counts,
        )
        return Response(200, stream, call.headers(call.form.stream_type))

    async def create(self, call: Call) -> Response:
        """POST to a collection."""
        obj = self.decoder.object(call.request, call.kind, call.warnings.append)
        same_namespace(call, obj)
        kind, obj = self._to_storage(call.kind, obj)
        name = (obj.get("metadata") or {}).get("name") or ""
        written = await self.registry.create(call.asked(kind, name=name), obj)
        return self._written(call, written, 201)

    async def update(self, call: Call) -> Response:
        """PUT of an object, or of its status."""
        kind = self._storage_kind(call.kind)
        first: list[Json] = [self._decoded(call)]

        def create(old: Json) -> Json:
            call.may_create()
            return change(old)

        def change(_old: Json) -> Json:
            # The registry owns what it gets, so that a second round needs it afresh.
            return first.pop() if first else self._decoded(call)

        strategy = kind.strategy
        written = await self.registry.update(
            call.asked(kind),
            change,
            reads_old=False,
            create=create if strategy.create_on_update and not call.info.subresource else None,
            protect=self._protect(call, kind),
            unconditional=strategy.unconditional_update,
        )
        return self._written(call, written, 201 if written.created else 200)

    async def patch(self, call: Call) -> Response:
        """PATCH of an object, or of its status."""
        kind = self._storage_kind(call.kind)
        protect = self._protect(call, kind)
        if media_type(call.request) == APPLY:
            return await self._apply(call, kind, protect)
        change = self.patch_change(call, call.kind)

        def stored_change(old: Json) -> Json:
            if call.kind is not kind and call.kind.from_stored and call.kind.to_stored:
                return call.kind.to_stored(change(call.kind.from_stored(old)))
            return change(old)

        written = await self.registry.update(call.asked(kind), stored_change, protect=protect)
        return self._written(call, written, 200)

    async def _apply(self, call: Call, kind: Kind, protect: Protect | None) -> Response:
        """A PATCH by server-side apply, which makes what is not there."""
        asked = evolve(call.asked(kind), applies=True)
        applying = read_config(self.decoder, self.registry.management, call.request, asked)
        same_namespace(call, applying.config)
        same_name(call, applying.config)

        def change(old: Json) -> Json:
            return self._to_storage(call.kind, applying.change(old))[1]

        def create(old: Json) -> Json:
            call.may_create()
            new = change(old)
            new["metadata"].setdefault("name", call.info.name)
            return new

        written = await self.registry.update(
            asked, change, create=None if call.info.subresource else create, protect=protect
        )
        return self._written(call, written, 201 if written.created else 200)

    def patch_change(self, call: Call, kind: Kind) -> Callable[[Json], Json]:
        """The change that a patch stands for. Raises UnsupportedMediaType or BadRequest."""
        made = patched(call, self.decoder, kind)

        def change(old: Json) -> Json:
            new = made(old)
            same_name(call, new)
            return new

        return change

    async def delete(self, call: Call) -> Response:
        """DELETE of one object."""
        options = delete_options(self._delete_body(call), dict(call.request.query))
        kind = self._storage_kind(call.kind)
        asked = call.asked(kind)
        if options.dry_run:
            asked = evolve(asked, dry_run=True)
        status, written = await self.deletion.delete(asked, options)
        if status is not None:
            return call.answer(200, status)
        return self._written(call, written, 200)

    async def deletecollection(self, call: Call) -> Response:
        """DELETE of a collection; answers with what was in it."""
        request, kind = call.request, self._storage_kind(call.kind)
        options = delete_options(self._delete_body(call), dict(request.query))
        listed = await self._listed(call)
        is_dry = options.dry_run or dry_run(request)
        for stored in listed.items:
            namespace, _, name = stored.key.removeprefix(kind.prefix).rpartition("/")
            views = Views() if kind.converts else None
            asked = Asked(kind, call.user, namespace, name, dry_run=is_dry, views=views)
            try:
                await self.deletion.delete(asked, options)
            except NotFound:
                continue  # somebody else was faster, which is as good
        body = call.form.list(
            call.kind, [stored.value for stored in listed.items], listed.revision, self._now()
        )
        return call.response(200, body)

    async def _listed(self, call: Call) -> Listed:
        request, kind = call.request, self._storage_kind(call.kind)
        labels, fields = request.parameter("labelSelector"), request.parameter("fieldSelector")
        selection, options = select(call.kind, labels, fields), list_options(request)
        storage, versions = self.registry.storage, self.registry.versions
        return await list_objects(storage, versions, kind, call.info.namespace, selection, options)

    def _decoded(self, call: Call) -> Json:
        obj = self.decoder.object(call.request, call.kind, call.warnings.append)
        same_namespace(call, obj)
        same_name(call, obj)
        return self._to_storage(call.kind, obj)[1]

    def _written(self, call: Call, written: Written, status: int) -> Response:
        return call.response(status, call.form.object(call.kind, written.value, self._now()))

    def _delete_body(self, call: Call) -> Json:
        if not call.request.body:
            return {}
        body = self.decoder.document(call.request, "DeleteOptions")
        if body.get("kind", "DeleteOptions") not in ("DeleteOptions", ""):
            raise BadRequest(
                f"expected DeleteOptions, got {body.get('kind')}: the body must be DeleteOptions"
            )
        return {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}

    def _protect(self, call: Call, kind: Kind) -> Protect | None:
        if not call.info.subresource:
            return None
        if call.info.subresource in ("status", "approval"):
            return keep_all_but_status
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )

    def _storage_kind(self, kind: Kind) -> Kind:
        return self.registry.storage.storage_kind(kind)

    def _to_storage(self, kind: Kind, obj: Json) -> tuple[Kind, Json]:
        stored = self._storage_kind(kind)
        if stored is kind or kind.to_stored is None:
            return kind, obj
        kind.strategy.default(obj)
        return stored, kind.to_stored(obj)

    def _now(self) -> Any:
        return self.registry.world.now()


def keep_all_but_status(new: Json, old: Json) -> None:
    """A status write: everything else stays as it is stored (upstream: statusStrategy)."""
    status = new.get("status")
    metadata = new["metadata"]
    for part in [part for part in new if part not in ("metadata", "status")]:
        del new[part]
    for part, value in old.items():
        if part not in ("metadata", "status"):
            new[part] = value
    if status is None:
        new.pop("status", None)
    for name in ("ownerReferences",):
        if name in old["metadata"]:
            metadata[name] = old["metadata"][name]
        else:
            metadata.pop(name, None)


def same_namespace(call: Call, obj: Json) -> None:
    """Raises BadRequest for an object of another namespace than the request's."""
    metadata = obj.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequest("metadata is not an object")
    namespace = (metadata or {}).get("namespace") or ""
    if call.kind.namespaced and namespace and namespace != call.info.namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def same_name(call: Call, obj: Json) -> None:
    """Raises BadRequest for an object of another name than the request's."""
    name = (obj.get("metadata") or {}).get("name") or ""
    if name and call.info.name and name != call.info.name:
        raise BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({call.info.name})"
        )


def watches(info: RequestInfo, request: Request) -> bool:
    """Whether a GET of a collection is a watch."""
    return info.verb == "list" and flag(request.parameter("watch"))
