"""Every built-in kind with something odd in it, created, changed, applied: never an internal error.

`make fuzz` tries more of them.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds
from tests.apiserver.oracle_server import Answer, Json, Server, running
from tests.apiserver.simple_objects import simple

NAMESPACE = "life"
KINDS = {
    f"{kind.api_version} {kind.plural}": kind
    for kind in Kinds.of(36).all()
    if {"create", "list", "watch"} <= set(kind.verbs)
}
MANY = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "25")))
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
WORDS = st.sampled_from(
    ["", "a", "A b", "-", "1", "-1", "5%", "1Gi", "-1Gi", "1e99", "x" * 300, "10.0.0.1", "::1",
     "10.0.0.0/8", "*", "a/b", "a.b/c", "https://a.b/c", "None", "Always", "self.a", "2026-01-01",
     "2026-01-01T00:00:00Z", "\u0000", "\u00e9", "{}"]
)  # fmt: skip
NUMBERS = st.sampled_from([-1, 0, 1, 2, 65536, 2**31, 2**63, -(2**63), 0.5])
ODD = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values but those that name the object."""
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, inner in items:
        at = (*path, key)
        if at in (("apiVersion",), ("kind",), ("metadata", "name")):
            continue
        yield at
        if isinstance(inner, dict | list):
            yield from places(inner, at)


@st.composite
def changes(draw: st.DrawFn, obj: Json) -> tuple[tuple[Any, ...], Any]:
    """A place of an object, and what is to stand there: mostly of the type that is there now."""
    path = draw(st.sampled_from(list(places(obj))))
    now: Any = obj
    for key in path:
        now = now[key]
    alike: dict[type, st.SearchStrategy[Any]] = {
        str: WORDS,
        int: NUMBERS,
        bool: st.booleans(),
        list: st.sampled_from([[], [*now, *now], [None]] if isinstance(now, list) else [[]]),
        dict: st.just({}),
    }
    return path, draw(alike[type(now)] | ODD)


def changed(obj: Json, path: tuple[Any, ...], value: Any) -> Json:
    found = copy.deepcopy(obj)
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return found


def partial(path: tuple[Any, ...], value: Any) -> Any:
    """The smallest object with a value at a place."""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    return value


class Odd:
    """One kind in one cluster."""

    def __init__(self, server: Server, kind: Kind, obj: Json) -> None:
        self.server, self.obj = server, obj
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        inside = f"/namespaces/{NAMESPACE}" if kind.namespaced else ""
        self.path = f"{root}{inside}/{kind.plural}"
        self.one = f"{self.path}/{obj['metadata']['name']}"
        self.has_status = "status" in (part.name for part in kind.subresources)

    async def ask(self, method: str, path: str, *body: Any) -> Answer:
        answer = await self.server.ask(method, path, *body)
        # Upstream, too, has no better code for a field that is not there, and for lists of a
        # strategic merge patch that do not fit.
        told = answer.json
        meant = "failed to create typed patch object" in told.get("message", "") or (
            STRATEGIC in body and told.get("reason") != "InternalError"
        )
        assert answer.status < 500 or meant, (method, path, body, told)
        return answer

    async def go_through(self, path: tuple[Any, ...], value: Any) -> None:
        odd = changed(self.obj, path, value)
        await self.ask("POST", f"{self.path}?dryRun=All", odd)
        await self.ask("PATCH", f"{self.one}?fieldManager=m&dryRun=All", odd, APPLY)
        made = await self.ask("POST", self.path, self.obj)
        assert made.status == 201, made.json
        await self.ask("PATCH", self.one, partial(path, value), MERGE)
        await self.ask("PATCH", self.one, partial(path, value), STRATEGIC)
        pointer = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
        for operation in ("replace", "add"):
            patch = [{"op": operation, "path": pointer, "value": value}]
            await self.ask("PATCH", self.one, patch, JSON_PATCH)
        await self.ask("PUT", self.one, odd)
        await self.ask("PATCH", f"{self.one}?fieldManager=m&force=true", odd, APPLY)
        if self.has_status:
            await self.ask("PATCH", f"{self.one}/status", {"status": value}, MERGE)
            await self.ask("PUT", f"{self.one}/status", {**odd, "status": value})
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        await self.server.ask("GET", self.path, accept=table)
        assert (await self.server.ask("GET", self.path)).status == 200


@MANY
@given(data=st.data(), name=st.sampled_from(sorted(KINDS)))
def test_any_kind(data: st.DataObject, name: str) -> None:
    kind = KINDS[name]
    obj = simple(kind.api_version, kind.plural, "one")
    path, value = data.draw(changes(obj))

    async def main() -> None:
        async with running(controllers=False) as server:
            await server.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
            await server.create(account, {"metadata": {"name": "default"}})
            await Odd(server, kind, obj).go_through(path, value)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
