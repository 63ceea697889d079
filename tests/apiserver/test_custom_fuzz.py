"""Whatever is sent as a definition, an object or an apply: never an internal error."""

from __future__ import annotations

import json
from typing import Any

import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apiserver.oracle_server import Json, Server, running
from tests.apiserver.test_custom import (
    APPLY,
    DEFINITIONS,
    WIDGETS,
    definition,
    version,
    widget,
)

NAMES = st.sampled_from(["a", "b", "metadata", "apiVersion", "x-y", ""])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "", "odd"])
RULES = st.sampled_from(["self.a == 1", "self.", "oldSelf == self", "'a'", "size(self) < 3", ""])


def schemas(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "items": inner,
            "additionalProperties": inner | st.booleans(),
            "default": VALUES,
            "nullable": st.booleans(),
            "enum": st.lists(VALUES, max_size=2),
            "pattern": st.sampled_from(["^a", "(", "[a-z]+"]),
            "format": st.sampled_from(["date-time", "int32", "ipv4", "odd"]),
            "anyOf": st.lists(inner, max_size=2),
            "not": inner,
            "required": st.lists(NAMES, max_size=2),
            "maximum": st.integers(-2, 2),
            "x-kubernetes-int-or-string": st.booleans(),
            "x-kubernetes-preserve-unknown-fields": st.booleans(),
            "x-kubernetes-embedded-resource": st.booleans(),
            "x-kubernetes-list-type": st.sampled_from(["map", "set", "atomic", "odd"]),
            "x-kubernetes-list-map-keys": st.lists(NAMES, max_size=1),
            "x-kubernetes-validations": st.lists(
                st.fixed_dictionaries({"rule": RULES}), max_size=1
            ),
        },
    )


SCHEMAS = st.recursive(st.builds(dict), schemas, max_leaves=5)
_PATHS = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
PATHS = st.sampled_from([".spec.a", ".status.b", ".a", ".a[", ".spec.a[0]", "{.a}", "", "[?(@.a"])
FEW = settings(max_examples=40)


def in_a_cluster(steps: Any) -> None:
    async def main() -> None:
        async with running() as server:
            await steps(server)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@FEW
@given(schema=SCHEMAS, value=VALUES, paths=st.lists(PATHS, max_size=3))
def test_any_definition(schema: Json, value: Any, paths: list[str]) -> None:
    async def steps(server: Server) -> None:
        only = {**version(), "schema": {"openAPIV3Schema": schema}}
        only["subresources"] = {"scale": dict(zip(_PATHS, paths, strict=False))}
        only["selectableFields"] = [{"jsonPath": path} for path in paths[:1]]
        only["additionalPrinterColumns"] = [
            {"name": "c", "type": "string", "jsonPath": path} for path in paths
        ]
        if not paths:
            del only["subresources"]
        answer = await server.ask("POST", DEFINITIONS, definition(only))
        assert answer.status in (201, 400, 422), answer.json
        if answer.status == 201:
            await trio.testing.wait_all_tasks_blocked()
            obj = {**widget(), "spec": value, "a": value}
            made = await server.ask("POST", WIDGETS, obj)
            assert made.status in (201, 400, 422), made.json
            table = "application/json;as=Table;v=v1;g=meta.k8s.io"
            assert (await server.ask("GET", WIDGETS, accept=table)).status == 200
            assert (await server.ask("GET", "/openapi/v3/apis/e.com/v1")).status == 200
            applied = await server.ask("PATCH", f"{WIDGETS}/a?fieldManager=m", obj, APPLY)
            told = json.dumps(applied.json)
            # (Upstream has no better code for a field that is not there.)
            assert applied.status != 500 or "failed to create typed patch object" in told, told

    in_a_cluster(steps)


@FEW
@given(
    body=st.dictionaries(
        st.sampled_from(["apiVersion", "kind", "metadata", "spec", "data"]), VALUES, max_size=4
    )
)
def test_any_apply(body: Json) -> None:
    async def steps(server: Server) -> None:
        path = "/apis/apps/v1/namespaces/default/deployments/d?fieldManager=m"
        whole = {"apiVersion": "apps/v1", "kind": "Deployment", **body}
        answer = await server.ask("PATCH", path, whole, APPLY)
        told = json.dumps(answer.json)
        assert answer.status != 500 or "failed to create typed patch object" in told, told

    in_a_cluster(steps)
