"""A small API in memory, with list, watch, every write verb and faults on demand.

It knows no kinds: every resource has a status, a generation over the rest, and finalizers; pods
on a node end gracefully. `handle` is a Handler.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import trio
from attrs import define, evolve, field, frozen

from k8slite.client.client import Client
from k8slite.messages import Request, Response
from k8slite.objects.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Expired,
    NotFound,
    UnsupportedMediaType,
)
from k8slite.objects.meta import generated_name, timestamp
from k8slite.objects.selectors import parse_selector

Json = dict[str, Any]
Key = tuple[str, str, str]  # collection path without namespace, namespace, name


class FakeWorld:
    """A world whose time of day follows trio's clock."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self._uids = 0

    def now(self) -> datetime:
        try:
            passed = trio.current_time()
        except RuntimeError:
            passed = 0.0
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=passed)

    def uid(self) -> str:
        self._uids += 1
        return f"00000000-0000-4000-8000-{self._uids:012d}"


@frozen
class Commit:
    """One write: what was there, and what is there now (None: gone)."""

    revision: int
    key: Key
    old: Json | None
    new: Json | None


@define(eq=False)
class FakeWatch:
    """A response body; `api.piece_bytes` says in what pieces it comes."""

    api: FakeApi
    path: str
    namespace: str
    labels: str
    revision: int
    buffer: bytes = b""
    closed: bool = False
    error: Exception | None = None

    async def receive(self) -> bytes:
        while True:
            await trio.lowlevel.checkpoint()
            if self.error is not None:
                raise self.error
            if not self.api.held:
                self._fill()
            if self.buffer:
                size = self.api.piece_bytes or len(self.buffer)
                piece, self.buffer = self.buffer[:size], self.buffer[size:]
                return piece
            if self.closed:
                return b""
            await self.api.changed.wait()

    def close(self) -> None:
        self.closed = True
        if self in self.api.watches:
            self.api.watches.remove(self)
        self.api.wake()

    def bookmark(self) -> None:
        self._fill()
        self.revision = self.api.revision
        self._send("BOOKMARK", {"metadata": {"resourceVersion": str(self.revision)}})

    def fail(self, error: ApiError) -> None:
        """Send an ERROR event and end."""
        self._send("ERROR", error.status())
        self.closed = True

    def _fill(self) -> None:
        selector = parse_selector(self.labels)
        for commit in self.api.commits_after(self.revision):
            self.revision = commit.revision
            if commit.key[0] != self.path or self.namespace not in ("", commit.key[1]):
                continue
            old = commit.old is not None and selector.matches(_labels(commit.old))
            new = commit.new is not None and selector.matches(_labels(commit.new))
            if new:
                self._send("MODIFIED" if old else "ADDED", commit.new)
            elif old:
                gone = _with_revision(commit.new or commit.old, commit.revision)
                self._send("DELETED", gone)

    def _send(self, kind: str, obj: Json | None) -> None:
        self.buffer += orjson.dumps({"type": kind, "object": obj}) + b"\n"


@define(eq=False)
class FakeApi:
    """The API; everything in it may be looked at and changed by tests."""

    world: FakeWorld = field(factory=FakeWorld)
    piece_bytes: int = 0  # 0: a piece is whatever there is
    held: bool = False  # watches bring nothing while it is set
    # Called before a request; may raise, or answer in the API's place.
    before: Callable[[Request], Awaitable[Response | None]] | None = None
    # Called after a request with its answer; may raise, which loses the answer.
    after: Callable[[Request, Response], Awaitable[None]] | None = None
    on_commit: list[Callable[[Commit], None]] = field(factory=list)
    objects: dict[Key, Json] = field(factory=dict)
    commits: list[Commit] = field(factory=list)
    requests: list[Request] = field(factory=list)
    watches: list[FakeWatch] = field(factory=list)
    revision: int = 1
    compacted: int = 0
    changed: trio.Event = field(factory=trio.Event)

    def client(self, user_agent: str = "test") -> Client:
        return Client(self.handle, user_agent)

    async def handle(self, request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        try:
            response = await self.before(request) if self.before else None
            if response is None:
                response = self._answer(request)
        except ApiError as error:
            response = Response(error.status_code, orjson.dumps(error.status()))
        if self.after is not None:
            await self.after(request, response)
        return response

    # What tests do to it

    def get(self, path: str) -> Json | None:
        """The object at a path, or None."""
        key, _ = _parsed(path)
        found = self.objects.get(key)
        return orjson.loads(orjson.dumps(found)) if found else None

    def list(self, path: str) -> list[Json]:
        """The objects of a collection, in order of name."""
        (wanted, namespace, _), _ = _parsed(path)
        return [
            orjson.loads(orjson.dumps(obj))
            for key, obj in sorted(self.objects.items(), key=lambda item: item[0])
            if key[0] == wanted and namespace in ("", key[1])
        ]

    def put(self, path: str, obj: Json | None) -> Json:
        """Store an object as it is (None: remove it), as if another client had."""
        key, _ = _parsed(path)
        return self._commit(key, obj)

    def change(self, path: str, change: Callable[[Json], None]) -> Json:
        """Change what is stored, status and all."""
        found = self.get(path)
        assert found is not None, path
        change(found)
        return self.put(path, found)

    def commits_after(self, revision: int) -> list[Commit]:
        found = []
        for commit in reversed(self.commits):
            if commit.revision <= revision:
                break
            found.append(commit)
        return found[::-1]

    def close_watches(self, error: Exception | None = None) -> None:
        """End every watch, by an error of the connection or in good order."""
        for watch in list(self.watches):
            watch.error = error
            watch.closed = True
        self.watches.clear()
        self.wake()

    def expire_watches(self) -> None:
        """Forget the history, and tell every watch so."""
        self.compacted = self.revision
        for watch in list(self.watches):
            watch.fail(Expired("too old resource version"))
        self.watches.clear()
        self.wake()

    def bookmark(self) -> None:
        """Send every watch a bookmark."""
        for watch in self.watches:
            watch.bookmark()
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    # The verbs

    def _answer(self, request: Request) -> Response:
        if not request.path.startswith(("/api/", "/apis/")):
            raise NotFound("the server could not find the requested resource")
        key, subresource = _parsed(request.path)
        named = bool(key[2])
        if request.method == "GET" and not named:
            if request.parameter("watch") == "true":
                return self._watch(key, request)
            return self._list(key, request)
        if request.method == "POST":
            return _json(self._create(key, subresource, orjson.loads(request.body)), 201)
        old = self.objects.get(key)
        if old is None:
            raise NotFound(f'{key[0].rsplit("/", 1)[-1]} "{key[2]}" not found')
        if request.method == "GET":
            return _json(old)
        if request.method == "PUT":
            return _json(self._replace(key, subresource, old, orjson.loads(request.body)))
        if request.method == "PATCH":
            media_type = request.headers.get("content-type", "")
            patch = orjson.loads(request.body)
            return _json(self._replace(key, subresource, old, _patched(old, patch, media_type)))
        if request.method == "DELETE":
            return _json(self._delete(key, old, orjson.loads(request.body or b"{}")))
        raise BadRequest(f"unknown method {request.method}")

    def _list(self, key: Key, request: Request) -> Response:
        selector = parse_selector(request.parameter("labelSelector"))
        items = [obj for obj in self.list(_path(key)) if selector.matches(_labels(obj))]
        limit = int(request.parameter("limit") or 0)
        for item in items:  # as upstream: items come without them
            item.pop("kind", None)
            item.pop("apiVersion", None)
        metadata = {"resourceVersion": str(self.revision)}
        return _json({"metadata": metadata, "items": items[: limit or None]})

    def _watch(self, key: Key, request: Request) -> Response:
        after = int(request.parameter("resourceVersion") or self.revision)
        if after < self.compacted:
            raise Expired(f"too old resource version: {after} ({self.compacted})")
        watch = FakeWatch(self, key[0], key[1], request.parameter("labelSelector"), after)
        self.watches.append(watch)
        return Response(200, watch)

    def _create(self, key: Key, subresource: str, obj: Json) -> Json:
        metadata = obj["metadata"] = dict(obj.get("metadata") or {})
        if subresource:
            raise BadRequest("the fake API has no subresources to post to")
        if not metadata.get("name"):
            metadata["name"] = generated_name(metadata["generateName"], self.world.chance)
        key = (key[0], key[1], metadata["name"])
        if key in self.objects:
            raise AlreadyExists(f'{key[0].rsplit("/", 1)[-1]} "{key[2]}" already exists')
        if key[1]:
            metadata["namespace"] = key[1]
        metadata["uid"] = self.world.uid()
        metadata["creationTimestamp"] = timestamp(self.world.now())
        metadata["generation"] = 1
        if key[0].endswith("/pods"):
            obj.setdefault("status", {"phase": "Pending"})
        return self._commit(key, obj)

    def _replace(self, key: Key, subresource: str, old: Json, new: Json) -> Json:
        expected = new["metadata"].get("resourceVersion")
        if expected and expected != old["metadata"]["resourceVersion"]:
            raise Conflict(f'"{key[2]}": the object has been modified; please apply your changes')
        if new["metadata"].get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise Conflict("Precondition failed: UID in precondition")
        if subresource == "status":
            new = {**old, "metadata": new["metadata"], "status": new.get("status", {})}
        else:
            kept = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "name")
            metadata = {k: v for k, v in new["metadata"].items() if k not in kept}
            metadata |= {k: old["metadata"][k] for k in kept if k in old["metadata"]}
            new = {**new, "metadata": metadata, "status": old.get("status", {})}
            if new.get("spec") != old.get("spec"):
                metadata["generation"] += 1
        if _bare(new) == _bare(old):
            return old
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            return self._commit(key, None)
        return self._commit(key, new)

    def _delete(self, key: Key, old: Json, options: Json) -> Json:
        metadata = old["metadata"]
        expected = options.get("preconditions") or {}
        if expected.get("uid", metadata["uid"]) != metadata["uid"]:
            raise Conflict("Precondition failed: UID in precondition")
        if (
            expected.get("resourceVersion", metadata["resourceVersion"])
            != (metadata["resourceVersion"])
        ):
            raise Conflict("Precondition failed: ResourceVersion in precondition")
        spec = old.get("spec") or {}
        seconds = options.get("gracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
        graceful = key[0].endswith("/pods") and seconds > 0 and bool(spec.get("nodeName"))
        policy = options.get("propagationPolicy", "")
        finalizers = list(metadata.get("finalizers") or ())
        if policy == "Foreground" and "foregroundDeletion" not in finalizers:
            finalizers.append("foregroundDeletion")
        if not graceful and not finalizers:
            return self._commit(key, None)
        if metadata.get("deletionTimestamp"):
            return old
        ending = {"deletionTimestamp": timestamp(self.world.now())}
        if graceful:
            ending["deletionGracePeriodSeconds"] = seconds
        if finalizers:
            ending["finalizers"] = finalizers
        return self._commit(key, {**old, "metadata": {**metadata, **ending}})

    def _commit(self, key: Key, new: Json | None) -> Json:
        self.revision += 1
        old = self.objects.get(key)
        if new is None:
            assert old is not None, key
            del self.objects[key]
        else:
            new = _with_revision(new, self.revision)
            self.objects[key] = new
        commit = Commit(self.revision, key, old, new)
        self.commits.append(commit)
        self.wake()
        for observer in self.on_commit:
            observer(commit)
        found = new if new is not None else _with_revision(old or {}, self.revision)
        return evolve(commit, new=found).new or {}


def _parsed(path: str) -> tuple[Key, str]:
    """The collection, namespace and name of a path, and its subresource."""
    parts = path.strip("/").split("/")
    count = 2 if parts[0] == "api" else 3
    root, rest = parts[:count], parts[count:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    rest += [""] * (3 - len(rest))
    return ("/" + "/".join([*root, rest[0]]), namespace, rest[1]), rest[2]


def _path(key: Key) -> str:
    root, _, plural = key[0].rpartition("/")
    return f"{root}/namespaces/{key[1]}/{plural}" if key[1] else key[0]


def _json(value: Json, status: int = 200) -> Response:
    return Response(status, orjson.dumps(value))


def _labels(obj: Json | None) -> Mapping[str, str]:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def _bare(obj: Json) -> Json:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return {**obj, "metadata": metadata}


def _with_revision(obj: Json | None, revision: int) -> Json:
    found: Json = orjson.loads(orjson.dumps(obj))
    found["metadata"]["resourceVersion"] = str(revision)
    return found


def _patched(old: Json, patch: Any, media_type: str) -> Json:
    if media_type == "application/merge-patch+json":
        return _merged(old, patch, {})
    if media_type == "application/strategic-merge-patch+json":
        return _merged(old, patch, _MERGE_KEYS)
    raise UnsupportedMediaType(f"the fake API knows no {media_type}")


def _merged(old: Any, patch: Any, merge_keys: Mapping[str, str]) -> Any:
    if not isinstance(patch, dict):
        return patch
    found = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif key in merge_keys and isinstance(value, list):
            found[key] = _merged_list(found.get(key) or [], value, merge_keys[key], merge_keys)
        else:
            found[key] = _merged(found.get(key), value, merge_keys)
    return found


def _merged_list(
    old: list[Json], patch: list[Json], merge_key: str, merge_keys: Mapping[str, str]
) -> list[Json]:
    found = {item[merge_key]: item for item in old}
    for item in patch:
        key = item[merge_key]
        if item.get("$patch") == "delete":
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key, {}), item, merge_keys)
    return list(found.values())


_MERGE_KEYS = {"ownerReferences": "uid", "conditions": "type"}
