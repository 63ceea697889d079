"""Sets of fields: their algebra, and what managers own of recorded objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.objects.field_comparison import compared, fields_of
from k8slite.objects.fieldsets import (
    FieldSet,
    common,
    contains,
    in_words,
    minus,
    minus_below,
    paths,
    union,
    with_path,
)
from k8slite.objects.protobuf_messages import message
from k8slite.objects.schema import Schemas

Json = dict[str, Any]
Path_ = tuple[str, ...]
ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle" / "dialogues.json"

STEPS = st.sampled_from(("f:a", "f:b", 'k:{"name":"c"}', 'v:"x"', "i:0"))
PATHS = st.lists(STEPS, min_size=1, max_size=3).map(tuple)
MANY = st.frozensets(PATHS, max_size=6)


def made(many: frozenset[Path_]) -> FieldSet:
    found: FieldSet = {}
    for path in sorted(many):
        found = with_path(found, path)
    return found


def of(fields: FieldSet) -> frozenset[Path_]:
    return frozenset(paths(fields))


def below(path: Path_, many: frozenset[Path_]) -> bool:
    return any(path[: len(one)] == one for one in many)


@given(one=MANY, other=MANY)
def test_sets_of_fields_are_sets_of_paths(one: frozenset[Path_], other: frozenset[Path_]) -> None:
    a, b = made(one), made(other)
    assert of(a) == one
    assert all(contains(a, path) is (path in one) for path in one | other)
    assert of(union(a, b)) == one | other
    assert of(minus(a, b)) == one - other
    assert of(common(a, b)) == one & other
    assert of(minus_below(a, b)) == frozenset(path for path in one if not below(path, other))
    assert of(a) == one and of(b) == other, "nothing was changed"


def test_paths_in_words() -> None:
    path = ("f:spec", "f:containers", 'k:{"name":"c"}', "f:args", 'v:"x"', "i:0")
    assert in_words(path) == '.spec.containers[name="c"].args[="x"][0]'
    ports = ("f:ports", 'k:{"containerPort":80,"protocol":"TCP"}')
    assert in_words(ports) == '.ports[containerPort=80,protocol="TCP"]'


SCHEMAS = Schemas.load(37)
POD = SCHEMAS.definition("", "v1", "Pod")


def pod(**spec: Any) -> Json:
    return {"spec": {"containers": [{"name": "c", "image": "x"}], **spec}}


def test_what_an_applier_owns() -> None:
    ports = [{"containerPort": 80}]
    applied = pod(
        containers=[{"name": "c", "image": "x", "ports": ports, "args": ["a"]}],
        nodeSelector={"disk": "ssd"},
        securityContext={},
        tolerations=[{"key": "a"}],
    )
    assert fields_of(applied, POD) == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"c"}': {
                    ".": {},
                    "f:args": {},
                    "f:image": {},
                    "f:name": {},
                    "f:ports": {
                        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                    },
                }
            },
            "f:nodeSelector": {},
            "f:securityContext": {},
            "f:tolerations": {},
        }
    }


def test_what_a_write_has_changed() -> None:
    old = pod(hostname="a", nodeName="n")
    new = pod(hostname="b", containers=[{"name": "c", "image": "y"}, {"name": "d", "image": "z"}])
    found = compared(old, new, POD)
    containers = {'k:{"name":"c"}': {"f:image": {}}}
    assert found.modified == {"f:spec": {"f:containers": containers, "f:hostname": {}}}
    added = {'k:{"name":"d"}': {".": {}, "f:image": {}, "f:name": {}}}
    assert found.added == {"f:spec": {"f:containers": added}}
    assert found.removed == {"f:spec": {"f:nodeName": {}}}


VALUES = st.recursive(
    st.sampled_from(("x", "y", 1)),
    lambda inner: st.dictionaries(st.sampled_from(("a", "b")), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from(("a", "b")), st.sampled_from(("1", "2"))),
        "finalizers": st.lists(st.sampled_from(("p", "q")), unique=True),
        "annotations": st.dictionaries(st.sampled_from(("a", "b")), st.sampled_from(("1", "2"))),
    },
).map(lambda metadata: {"metadata": metadata})


@given(old=OBJECTS, new=OBJECTS)
def test_differences_go_both_ways(old: Json, new: Json) -> None:
    there, back = compared(old, new, POD), compared(new, old, POD)
    assert there.added == back.removed
    assert there.removed == back.added
    assert there.modified == back.modified
    same = compared(old, old, POD)
    assert (same.added, same.removed, same.modified) == ({}, {}, {})


# What the recorded server says that a creator owns


def recorded() -> Iterator[Json]:
    if not ORACLE.exists():
        return
    for dialogue in json.loads(ORACLE.read_bytes()):
        for step in dialogue["steps"]:
            response = step["response"]
            if step["request"]["method"] != "POST" or step["status"] != 201:
                continue
            if response["metadata"].get("managedFields") and response["kind"] != "Pod":
                yield response


STRIPPED = made(
    frozenset(
        [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
        + [
            ("f:metadata", f"f:{name}")
            for name in (
                *("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName"),
                *("generation", "managedFields", "resourceVersion"),
            )
        ]
    )
)


def test_a_creator_owns_what_was_not_there() -> None:
    """(Of pods too much was filled in by admission to tell.)"""
    cases = list(recorded())
    if not cases:
        pytest.skip("the folder shared/oracle is not beside this checkout")
    assert len(cases) >= 5
    for obj in cases:
        group, _, version = obj["apiVersion"].rpartition("/")
        schema = SCHEMAS.definition(group, version, obj["kind"])
        described = message(f"{group or 'core'}/{version}.{obj['kind']}")
        assert schema is not None and described is not None
        [entry] = obj["metadata"]["managedFields"]
        found = compared(described.unfilled, obj, schema)
        owned = minus(union(found.added, found.modified), STRIPPED)
        owned.pop("f:status", None)
        assert owned == entry["fieldsV1"], obj["kind"]
