"""Models out of decoded objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import Factory, field, frozen

from k8slite.objects.structure import camel_case, structure


@frozen
class Inner:
    name: str = "none"
    pod_ip: str = ""


@frozen
class Outer:
    name: str
    count: int = 1
    is_big: bool = False
    limit: int | None = None
    port: int | str | None = None
    since: datetime | None = None
    words: tuple[str, ...] = ()
    inner: Inner | None = None
    first: Inner = Inner()
    inners: tuple[Inner, ...] = ()
    labels: Mapping[str, str] = Factory(dict)
    free: Mapping[str, Any] = Factory(dict)
    type_: str = ""
    odd: str = field(default="", metadata={"json": "ODD"})


def test_every_shape_of_field_is_read() -> None:
    json = {
        "name": "n",
        "count": 2,
        "isBig": True,
        "limit": 0,
        "port": "http",
        "since": "2026-01-01T00:00:00Z",
        "words": ["a", "b"],
        "inner": {"podIP": "10.0.0.1", "unknown": 1},
        "first": {"name": "x"},
        "inners": [{"name": "y"}, {}],
        "labels": {"a": "b"},
        "free": {"deep": [1]},
        "type": "t",
        "ODD": "o",
    }
    assert structure(json, Outer) == Outer(
        name="n",
        count=2,
        is_big=True,
        limit=0,
        port="http",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        words=("a", "b"),
        inner=Inner(pod_ip="10.0.0.1"),
        first=Inner("x"),
        inners=(Inner("y"), Inner()),
        labels={"a": "b"},
        free={"deep": [1]},
        type_="t",
        odd="o",
    )


def test_what_is_absent_or_null_is_as_the_model_says() -> None:
    json = {"name": "n", "count": None, "words": None, "inner": None, "first": {"name": None}}
    assert structure(json, Outer) == structure({"name": "n"}, Outer) == Outer("n")


@pytest.mark.parametrize(
    "json",
    [
        {},
        {"name": "n", "count": "many"},
        {"name": "n", "inner": "text"},
        {"name": "n", "inners": ["text"]},
        {"name": "n", "words": 3},
        {"name": "n", "since": "yesterday"},
    ],
)
def test_what_does_not_fit(json: Mapping[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        structure(json, Outer)


def test_names_are_spelled_as_the_api_does() -> None:
    assert [camel_case(one) for one in ("pod_ip", "host_path", "type_", "cluster_ips")] == [
        "podIP",
        "hostPath",
        "type",
        "clusterIPs",
    ]
