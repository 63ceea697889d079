"""How an answer is written: plain objects, their metadata only, or a table.

    form = negotiate(request.headers.get("accept", ""), kind, request, minor)
    body = form.object(kind, stored.value, now)

Values are objects in their stored form and version (see `objects.codec`). Plain JSON is a join of
bytes; only other forms, and kinds that are kept in another version, decode. Mirrors upstream's
`endpoints/handlers/{negotiation,response}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from io import StringIO
from typing import Any, Final

import orjson
from attrs import frozen

from k8slite.apiserver import tables
from k8slite.apiserver.accepting import JSON, PROTOBUF, YAML, Wanted, not_acceptable, read_accept
from k8slite.apiserver.empty import empty_parts
from k8slite.kinds.kind import Json, Kind
from k8slite.kinds.table import NEWEST_MINOR, is_built_in
from k8slite.messages import Request
from k8slite.objects.codec import dumps, loads, type_prefix
from k8slite.objects.errors import NotAcceptable
from k8slite.objects.heartbeats import EVENT, told_of

Now = Callable[[], datetime]

OFFERED: Final = (JSON, YAML, PROTOBUF)
# Custom resources, which nobody has generated protobuf for.
_OFFERED_OF_CUSTOM: Final = (JSON, YAML)
_META_GROUP: Final = "meta.k8s.io"
_META_VERSIONS: Final = ("v1", "v1beta1")
_INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"

# How many prefixes of kinds are remembered: built-in kinds and a few hundred custom ones.
_PREFIXES: Final = 1024
_FORMS: Final = 48  # three media types, pretty or not, for each minor version


def negotiate(
    accept: str,
    kind: Kind,
    request: Request,
    minor: int = NEWEST_MINOR,
    *,
    has_table: bool = True,
) -> Form:
    """The form that a client wants most of those there are.

    `minor` says whose schemas describe the columns of tables, `has_table` whether what is asked
    for can be shown as one. Raises NotAcceptable, or BadRequest for a table with an
    `includeObject` that is none.
    """
    media_type, transform, version = _chosen(accept, is_built_in(kind), has_table)
    pretty = _wants_pretty(request)
    if not transform:
        return _plain(media_type, pretty, minor)
    if transform == "Table":
        include = tables.included_part(request.parameter("includeObject"))
        return TableForm(media_type, pretty, minor, version, include)
    return MetadataForm(media_type, pretty, minor, version, transform.endswith("List"))


def status_answer(accept: str, status: Json) -> tuple[str, bytes]:
    """An error's media type and body; JSON for who takes nothing of what there is."""
    try:
        media_type = _chosen_plain(accept)
    except NotAcceptable:
        media_type = JSON
    return media_type, Form(media_type).document(status)


@frozen
class Form:
    """Objects as they are, in JSON, YAML or protobuf."""

    content_type: str = JSON
    pretty: bool = False
    minor: int = NEWEST_MINOR

    def object(self, kind: Kind, value: bytes, now: datetime) -> bytes:
        """One object."""
        return self._written(self._object(kind, value, now))

    def list(
        self,
        kind: Kind,
        values: Sequence[bytes],
        revision: int,
        now: datetime,
        *,
        continue_: str = "",
        remaining: int | None = None,
    ) -> bytes:
        """A page of objects; `revision` 0 for what has none."""
        metadata = _list_metadata(revision, continue_, remaining)
        return self._written(self._list(kind, values, metadata, now))

    def events(self, kind: Kind, now: Now) -> EventForm:
        """The events of a watch. Raises NotAcceptable for YAML, which upstream does not stream."""
        if self.content_type == YAML:
            raise not_acceptable((JSON, PROTOBUF))
        return EventForm(self, kind, now)

    def document(self, obj: Json) -> bytes:
        """An answer that is no stored object, whatever its transformation: a Status, a review."""
        return self._written(dumps(obj))

    @property
    def stream_type(self) -> str:
        """The media type of a watch."""
        return f"{PROTOBUF};stream=watch" if self.content_type == PROTOBUF else self.content_type

    def event_object(self, kind: Kind, value: bytes, now: datetime, *, first: bool) -> bytes:
        """What stands in a watch's line; `first` says that it is the first line of its watch."""
        return self._object(kind, value, now)

    def _object(self, kind: Kind, value: bytes, now: datetime) -> bytes:
        return plain_object(kind, value)

    def _list(self, kind: Kind, values: Sequence[bytes], metadata: bytes, now: datetime) -> bytes:
        if kind.from_stored is not None:
            values = [dumps(converted(kind, value)) for value in values]
        elif not is_built_in(kind):
            # Upstream's lists of custom resources say in every item what it is.
            prefix = _prefix(kind.api_version, kind.kind)
            values = [prefix + value[1:] for value in values]
        head = _prefix(kind.api_version, kind.list_kind)
        return b'%b"metadata":%b,"items":[%b]}' % (head, metadata, b",".join(values))

    def _written(self, body: bytes) -> bytes:
        if self.content_type == YAML:
            return _yaml(loads(body))
        if self.content_type == PROTOBUF:
            return _protobuf(loads(body))
        if self.pretty:
            return orjson.dumps(loads(body), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return body


@frozen
class MetadataForm(Form):
    """`PartialObjectMetadata`, or a list of it: what garbage collectors and quotas look at."""

    version: str = "v1"
    is_list: bool = False

    def event_object(self, kind: Kind, value: bytes, now: datetime, *, first: bool) -> bytes:
        return tables.partial_object(self.version, converted(kind, value))

    def _object(self, kind: Kind, value: bytes, now: datetime) -> bytes:
        if self.is_list:
            raise NotAcceptable(
                "you requested PartialObjectMetadataList, but the requested object is not a list "
                f"({_go_type(kind)})"
            )
        return tables.partial_object(self.version, converted(kind, value))

    def _list(self, kind: Kind, values: Sequence[bytes], metadata: bytes, now: datetime) -> bytes:
        if not self.is_list:
            raise NotAcceptable(
                "you requested PartialObjectMetadata, but the requested object is a list "
                f"({_go_type(kind)}List)"
            )
        items = b",".join(
            tables.partial_object(self.version, converted(kind, value)) for value in values
        )
        head = _prefix(f"{_META_GROUP}/{self.version}", "PartialObjectMetadataList")
        return b'%b"metadata":%b,"items":[%b]}' % (head, metadata, items)


@frozen
class TableForm(Form):
    """What `kubectl get` prints."""

    version: str = "v1"
    include: tables.Included = "Metadata"

    def event_object(self, kind: Kind, value: bytes, now: datetime, *, first: bool) -> bytes:
        revision = loads(value)["metadata"].get("resourceVersion", "0")
        metadata = _list_metadata(int(revision or 0), "", None)
        # A watch's later lines leave out the columns, which the client knows from the first.
        columns = tables.column_definitions(kind.table, self.minor) if first else b"null"
        return self._table(kind, (value,), metadata, columns, now)

    def _object(self, kind: Kind, value: bytes, now: datetime) -> bytes:
        return self.event_object(kind, value, now, first=True)

    def _list(self, kind: Kind, values: Sequence[bytes], metadata: bytes, now: datetime) -> bytes:
        columns = tables.column_definitions(kind.table, self.minor)
        return self._table(kind, values, metadata, columns, now)

    def _table(
        self, kind: Kind, values: Sequence[bytes], metadata: bytes, columns: bytes, now: datetime
    ) -> bytes:
        rows = b",".join(self._row(kind, value, now) for value in values)
        head = _prefix(f"{_META_GROUP}/{self.version}", "Table")
        return b'%b"metadata":%b,"columnDefinitions":%b,"rows":[%b]}' % (
            head,
            metadata,
            columns,
            rows,
        )

    def _row(self, kind: Kind, value: bytes, now: datetime) -> bytes:
        # Cells are made of the stored version, so that all versions of a kind print the same.
        obj = loads(value)
        head = tables.row_head(kind.table, obj, now)
        if self.include == "None":
            return head + b"null}"
        if self.include == "Object":
            return head + plain_object(kind, value) + b"}"
        shown = kind.from_stored(obj) if kind.from_stored is not None else obj
        return head + tables.partial_object(self.version, shown) + b"}"


class EventForm:
    """The events of one watch: lines of JSON, or frames."""

    def __init__(self, form: Form, kind: Kind, now: Now) -> None:
        self._form = form
        self._kind = kind
        self._now = now
        self._first = True
        # What stands before an object that is sent as it is stored; most are.
        self._before: bytes | None = None
        if type(form) is Form and form.content_type == JSON and kind.from_stored is None:
            self._before = _prefix(kind.api_version, kind.kind)

    def added(self, value: bytes) -> bytes:
        """An object that is new to the watcher."""
        return self._line(b"ADDED", value)

    def modified(self, value: bytes) -> bytes:
        """An object that has changed."""
        if self._before is not None:
            return b'{"type":"MODIFIED","object":%b%b}\n' % (self._before, value[1:])
        return self._line(b"MODIFIED", value)

    def deleted(self, value: bytes) -> bytes:
        """The last state of an object, under the revision of its deletion."""
        return self._line(b"DELETED", value)

    def bookmark(self, revision: int, *, initial: bool = False) -> bytes:
        """That everything up to a revision was sent; `initial`: all that was there at first."""
        metadata: Json = {"resourceVersion": str(revision)}
        if initial:
            metadata["annotations"] = {_INITIAL_EVENTS_END: "true"}
        empty = empty_parts(self._kind, self._form.minor)
        return self._line(b"BOOKMARK", dumps({"metadata": metadata, **empty}))

    def heartbeats(self, times: Sequence[bytes], revisions: Mapping[str, int]) -> bytes:
        """That objects live, by path and resourceVersion; the newest one last."""
        told = told_of([time.decode() for time in times], revisions)
        return dumps({"type": EVENT, "object": told}) + b"\n"

    def error(self, status: Json) -> bytes:
        """Why the watch ends."""
        return self._event(b"ERROR", dumps(status))

    def _line(self, event: bytes, value: bytes) -> bytes:
        if self._before is not None:
            return b'{"type":"%b","object":%b%b}\n' % (event, self._before, value[1:])
        obj = self._form.event_object(self._kind, value, self._now(), first=self._first)
        self._first = False
        return self._event(event, obj)

    def _event(self, event: bytes, obj: bytes) -> bytes:
        if self._form.content_type == PROTOBUF:
            return _protobuf(loads(obj), event)
        return b'{"type":"%b","object":%b}\n' % (event, obj)


def plain_object(kind: Kind, value: bytes) -> bytes:
    """One object in JSON: its type, then what is stored."""
    prefix = _prefix(kind.api_version, kind.kind)
    if kind.from_stored is None:
        return prefix + value[1:]
    return prefix + dumps(converted(kind, value))[1:]


def converted(kind: Kind, value: bytes) -> Json:
    """A stored object, decoded, in the version of `kind`."""
    obj: Json = loads(value)
    return obj if kind.from_stored is None else kind.from_stored(obj)


@lru_cache(_PREFIXES)
def _prefix(api_version: str, kind: str) -> bytes:
    return type_prefix(api_version, kind)


@lru_cache(_FORMS)
def _plain(media_type: str, pretty: bool, minor: int) -> Form:
    return Form(media_type, pretty, minor)


@lru_cache(_PREFIXES)
def _chosen(accept: str, built_in: bool, has_table: bool) -> tuple[str, str, str]:
    """Media type, transformation and its version. Raises NotAcceptable."""
    offered = OFFERED if built_in else _OFFERED_OF_CUSTOM
    for wanted in read_accept(accept):
        for media_type in offered:
            if wanted.takes(media_type) and _can_transform(wanted):
                transform, version, _ = wanted.transform
                if transform == "Table" and (media_type == PROTOBUF or not has_table):
                    continue  # upstream has no such messages
                return media_type, transform, version
    raise not_acceptable(offered)


@lru_cache(_PREFIXES)
def _chosen_plain(accept: str) -> str:
    """The media type of an answer that cannot be transformed. Raises NotAcceptable."""
    for wanted in read_accept(accept):
        for media_type in OFFERED:
            if wanted.takes(media_type) and not wanted.transform[0]:
                return media_type
    raise not_acceptable(OFFERED)


def _can_transform(wanted: Wanted) -> bool:
    transform, version, group = wanted.transform
    return not transform or (
        transform in _TRANSFORMS and version in _META_VERSIONS and group == _META_GROUP
    )


def _wants_pretty(request: Request) -> bool:
    """Asked for, or a person at a terminal or in a browser (upstream: `isPrettyPrint`)."""
    asked = request.parameter("pretty")
    if asked:
        return asked.lower() in ("1", "t", "true")
    return request.headers.get("user-agent", "").startswith(_FOR_PEOPLE)


def _list_metadata(revision: int, continue_: str, remaining: int | None) -> bytes:
    metadata: Json = {}
    if revision:
        metadata["resourceVersion"] = str(revision)
    if continue_:
        metadata["continue"] = continue_
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return dumps(metadata)


def _go_type(kind: Kind) -> str:
    """The type that upstream names in a complaint: `*core.Pod`."""
    return f"*{kind.group.partition('.')[0] or 'core'}.{kind.kind}"


def _protobuf(obj: Json, event: bytes = b"") -> bytes:
    """An object, or the frame of a watch's event. Raises NotAcceptable."""
    from k8slite.objects import protobuf  # only clients that are written in Go ask for it

    try:
        return protobuf.watch_event(event.decode(), obj) if event else protobuf.encode(obj)
    except protobuf.NotEncodable as error:
        raise NotAcceptable(str(error)) from error


def _yaml(value: Any) -> bytes:
    # Rarely asked for, and the library is slow to import.
    import ruamel.yaml

    writer = ruamel.yaml.YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.width = 1_000_000  # upstream does not fold long lines
    text = StringIO()
    writer.dump(value, text)
    return text.getvalue().encode()


_TRANSFORMS: Final = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_FOR_PEOPLE: Final = ("curl/", "Wget", "Mozilla/")
