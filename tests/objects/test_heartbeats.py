"""The shape of an object: what heartbeats leave as it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from k8slite.objects.codec import dumps, loads
from k8slite.objects.heartbeats import POSTED, Shape, apply, shape_of

Json = dict[str, Any]

TEXT = st.text(max_size=12)
SECONDS = st.datetimes().map(lambda one: f"{one:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0"))
MICRO = st.datetimes().map(lambda one: f"{one:%Y-%m-%dT%H:%M:%S.%fZ}".rjust(27, "0"))


@st.composite
def objects(draw: st.DrawFn) -> Json:
    """A Lease or a Node, with anything in its labels and annotations."""
    managed = [
        {"manager": draw(TEXT), "time": draw(SECONDS)} for _ in range(draw(st.integers(0, 2)))
    ]
    metadata: Json = {
        "resourceVersion": str(draw(st.integers(1, 10**6))),
        "name": draw(TEXT),
        "annotations": draw(st.dictionaries(TEXT, TEXT, max_size=3)),
        "managedFields": managed,
    }
    if draw(st.booleans()):
        return {"metadata": metadata, "spec": {"holderIdentity": "n", "renewTime": draw(MICRO)}}
    conditions = [
        {"type": draw(st.sampled_from([*POSTED, "Other"])), "lastHeartbeatTime": draw(SECONDS)}
        for _ in range(draw(st.integers(0, 5)))
    ]
    return {"metadata": metadata, "status": {"conditions": conditions}}


def shape(obj: Json) -> Shape | None:
    before = dumps(obj)
    found = shape_of(before, obj)
    assert dumps(obj) == before, "the object is as it was"
    return found


@given(objects(), st.integers(1, 10**9), SECONDS, MICRO)
def test_a_heartbeat_is_filled_in_and_applied(
    obj: Json, revision: int, second: str, micro: str
) -> None:
    found = shape(obj)
    if found is None:
        assert "\0" in obj["metadata"]["name"] + "".join(
            [*obj["metadata"]["annotations"], *obj["metadata"]["annotations"].values()]
        ) + "".join(one["manager"] for one in obj["metadata"]["managedFields"])
        return
    later = loads(dumps(obj))
    later["metadata"]["resourceVersion"] = str(revision)
    times = []
    if later["metadata"]["managedFields"]:
        later["metadata"]["managedFields"][-1]["time"] = second
        times.append(second)
    if "spec" in later:
        later["spec"]["renewTime"] = micro
        times.append(micro)
    for condition in later.get("status", {}).get("conditions", ()):
        if condition["type"] in POSTED:
            condition["lastHeartbeatTime"] = second
            times.append(second)
    told = [one.encode() for one in times]
    assert found.times == len(told)
    assert found.filled(revision, told) == dumps(later)
    assert found.times_in(dumps(later)) == tuple(told)
    apply(obj, revision, times)
    assert obj == later
