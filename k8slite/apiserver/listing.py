"""Lists: one snapshot, whole or page by page, selected without decoding.

Mirrors upstream's semantics of resourceVersion, resourceVersionMatch, limit and continue
(`apiserver/pkg/storage`): every page of one continue token shows the same revision.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson
import trio
from attrs import frozen

from k8slite.apiserver.selection import Selection
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.versions import Versions
from k8slite.kinds.kind import Kind
from k8slite.messages import Request
from k8slite.objects.errors import BadRequest, Cause, Expired, Timeout
from k8slite.objects.fields import forbidden, invalid, not_supported, refuse
from k8slite.store.store import Compacted, Store, Stored

# How long it is waited for a revision that has not come yet (upstream: `blockTimeout`).
FRESH_SECONDS: Final = 3.0
_TOKEN_VERSION: Final = "meta.k8s.io/v1"
_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


@frozen(eq=False)
class Listed:
    """One page."""

    items: list[Stored]
    revision: int
    continue_: str = ""
    remaining: int | None = None


@frozen
class ListOptions:
    """A client's wishes (upstream: `metav1.ListOptions`)."""

    resource_version: str = ""
    match: str = ""
    limit: int = 0
    continue_: str = ""


def list_options(request: Request) -> ListOptions:
    """Read the query. Raises BadRequest or Invalid."""
    options = ListOptions(
        request.parameter("resourceVersion"),
        request.parameter("resourceVersionMatch"),
        max(_integer(request, "limit"), 0),
        request.parameter("continue"),
    )
    _integer(request, "timeoutSeconds")
    causes = _complaints(options)
    if request.parameter("sendInitialEvents"):
        causes.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise refuse("ListOptions", "meta.k8s.io", "", causes)
    return options


def parse_revision(text: str) -> int:
    """A resourceVersion as a number; 0 for none. Raises ValueError with upstream's text."""
    if not text:
        return 0
    if not text.isdecimal():
        cause = invalid(
            "resourceVersion", text, f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
        raise ValueError(f"{cause.field}: {cause.message}")
    return int(text)


async def list_objects(
    storage: Storage,
    versions: Versions,
    kind: Kind,
    namespace: str,
    selection: Selection,
    options: ListOptions,
) -> Listed:
    """Read one page, in the version of `kind`. Raises BadRequest, Expired or Timeout, and Unknown
    where versions cannot be converted."""
    store = storage.store
    prefix = f"{kind.prefix}{namespace}/" if namespace else kind.prefix
    at, start = await _where(storage, prefix, options)
    if namespace and selection.name and not start and at is None:
        stored = store.get(kind.key(namespace, selection.name))
        seen = [await versions.one(kind, stored)] if stored else []
        return Listed([one for one in seen if selection.matcher(kind)(one)], store.revision)
    limit = options.limit
    try:
        if selection.everything:
            page = store.list(prefix, at=at, limit=limit, start=start)
            token = _token(page.revision, prefix, page.next_start) if page.next_start else ""
            items = list(await versions.seen(kind, page.items))
            return Listed(items, page.revision, token, page.remaining if token else None)
        page = store.list(prefix, at=at, start=start)
    except Compacted:
        raise _expired(options, start, prefix, store.revision) from None
    matches = selection.matcher(kind)
    # A converter may change what is selected by, so that all is converted before.
    candidates = await versions.seen(kind, page.items) if kind.converts else page.items
    items, token = [], ""
    for stored in candidates:
        if matches(stored):
            if limit and len(items) == limit:
                token = _token(page.revision, prefix, stored.key)
                break
            items.append(stored)
    seen = items if kind.converts else list(await versions.seen(kind, items))
    return Listed(seen, page.revision, token)


async def _where(storage: Storage, prefix: str, options: ListOptions) -> tuple[int | None, str]:
    """The revision to read at (None: newest) and the key to start from."""
    store = storage.store
    if options.continue_:
        revision, start = _read_token(options.continue_, prefix)
        if options.resource_version not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        return (revision if revision > 0 else None), start
    try:
        revision = parse_revision(options.resource_version)
    except ValueError as error:
        raise BadRequest(f"invalid resource version: {error}") from None
    if revision and (options.match == "Exact" or (not options.match and options.limit > 0)):
        if revision > store.revision:
            raise too_large(revision, store.revision)
        return revision, ""
    await until_fresh(store, revision)
    return None, ""


async def until_fresh(store: Store, revision: int) -> None:
    """Wait for a while until the store has come to a revision, which another server may have told.

    Raises Timeout. (Upstream: `waitUntilFreshAndBlock` of the watch cache.)
    """
    if revision <= store.revision:
        return
    with trio.move_on_after(FRESH_SECONDS):
        await store.wait(revision)
        return
    raise too_large(revision, store.revision)


def too_large(revision: int, current: int) -> Timeout:
    """Upstream's answer to a revision from the future, which another server may have."""
    return Timeout(
        f"Too large resource version: {revision}, current: {current}",
        details={},
        causes=[Cause("ResourceVersionTooLarge", "Too large resource version")],
        retry_after_seconds=1,
    )


def _token(revision: int, prefix: str, start: str) -> str:
    token = {"v": _TOKEN_VERSION, "rv": revision, "start": start.removeprefix(prefix)}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def _read_token(text: str, prefix: str) -> tuple[int, str]:
    try:
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_token("continue key is not valid: illegal base64 data at input byte 0") from None
    try:
        token: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        first = raw[:1].decode("latin-1")
        raise _bad_token(
            f"continue key is not valid: invalid character '{first}' looking for beginning of value"
        ) from None
    if not isinstance(token, dict) or token.get("v") != _TOKEN_VERSION:
        raise _bad_token(
            "continue key is not valid: server does not recognize this encoded version"
        )
    revision, start = token.get("rv"), token.get("start")
    if not isinstance(revision, int) or not revision or not isinstance(start, str) or not start:
        raise _bad_token("continue key is not valid: incorrect encoded start resourceVersion")
    if ".." in start.split("/"):
        raise _bad_token("continue key is not valid: " + start)
    return revision, prefix + start


def _bad_token(why: str) -> BadRequest:
    return BadRequest(f"invalid continue token: {why}")


def _expired(options: ListOptions, start: str, prefix: str, current: int) -> Expired:
    if not options.continue_:
        revision = options.resource_version
        return Expired(f"The resourceVersion for the provided list is too old: {revision}")
    error = Expired(_EXPIRED)
    error.continue_ = _token(-1, prefix, start)  # type: ignore[attr-defined]
    return error


def _complaints(options: ListOptions) -> list[Cause]:
    """Upstream's `ValidateListOptions` for lists."""
    match = options.match
    if not match:
        return []
    found = []
    if not options.resource_version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        found.append(forbidden("resourceVersionMatch", text))
    if options.continue_:
        text = "resourceVersionMatch is forbidden when continue is provided"
        found.append(forbidden("resourceVersionMatch", text))
    if match not in _MATCHES:
        found.append(not_supported("resourceVersionMatch", match, _MATCHES))
    if match == "Exact" and options.resource_version == "0":
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        found.append(forbidden("resourceVersionMatch", text))
    return found


def _integer(request: Request, name: str) -> int:
    text = request.parameter(name)
    try:
        return int(text) if text else 0
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


_MATCHES: Final = ("Exact", "NotOlderThan")
