"""A watch's line is read once for all who get the same bytes."""

from typing import Any

import pytest

from k8slite.client import reading
from k8slite.client.reading import REMEMBERED_LINES, read
from k8slite.kinds.coordination.models import Lease
from k8slite.kinds.core.models import Node, Pod
from k8slite.kinds.models import PartialObject
from k8slite.objects.codec import dumps, loads
from k8slite.objects.structure import structure


def line(name: str) -> bytes:
    metadata = {"name": name, "resourceVersion": "7", "labels": {"a": "b"}}
    return dumps({"type": "ADDED", "object": {"metadata": metadata}})


def test_equal_bytes_are_one_line_and_one_model() -> None:
    first, second = read(line("a")), read(bytes(bytearray(line("a"))))
    assert second is first
    assert (first.kind, first.revision) == ("ADDED", 7)
    assert first.model(Pod) is second.model(Pod)
    assert first.model(PartialObject).metadata == first.model(Pod).metadata


def test_only_the_latest_lines_are_remembered() -> None:
    first = read(line("first"))
    for number in range(REMEMBERED_LINES):
        read(line(f"other-{number}"))
    assert len(reading._recent) == REMEMBERED_LINES
    assert read(line("first")) is not first


def test_an_error_has_no_revision() -> None:
    found = read(dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}))
    assert (found.kind, found.revision, found.obj["code"]) == ("ERROR", 0, 410)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises((ValueError, KeyError)):
        read(b"{}")


MOMENTS = ("2026-01-01T00:00:00", "2026-01-01T00:00:10")


REST: dict[str, Any] = {
    "namespace": "kube-node-lease",
    "uid": "5b0e4f2c-77d5-4b8d-8f3a-0b2a3c4d5e6f",
    "creationTimestamp": "2026-01-01T00:00:00Z",
}


def lease(moment: str, revision: int, name: str = "node-1", holder: str = "node-1") -> bytes:
    entry = {"manager": "kubelet", "time": f"{moment}Z"}
    metadata = {"resourceVersion": str(revision), "name": name, **REST, "managedFields": [entry]}
    spec = {"holderIdentity": holder, "renewTime": f"{moment}.000001Z"}
    head = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata}
    return dumps({"type": "MODIFIED", "object": {**head, "spec": spec}})


def node(moment: str, revision: int, ready: str = "True") -> bytes:
    entry = {"manager": "kubelet", "time": f"{moment}Z"}
    metadata: dict[str, Any] = {"resourceVersion": str(revision), "name": "node-1", **REST}
    metadata["managedFields"] = [entry]
    conditions = [
        {"type": type_, "status": ready, "lastHeartbeatTime": f"{moment}Z"}
        for type_ in ("Ready", "Other", "DiskPressure")
    ]
    conditions[1]["lastHeartbeatTime"] = f"{MOMENTS[0]}Z"
    head = {"kind": "Node", "apiVersion": "v1", "metadata": metadata}
    return dumps({"type": "MODIFIED", "object": {**head, "status": {"conditions": conditions}}})


@pytest.mark.parametrize(("make", "model"), [(lease, Lease), (node, Node)])
def test_a_heartbeat_is_known_without_decoding(make: Any, model: Any) -> None:
    first = read(make(MOMENTS[0], 99))
    assert first.model(model).metadata.resource_version == "99"
    assert first.model(PartialObject).metadata.name == "node-1"
    second = read(make(MOMENTS[1], 100))
    assert second._obj is None, "it was not decoded"
    assert (second.kind, second.name, second.revision) == ("MODIFIED", first.name, 100)
    assert second.model(model) == structure(second.obj, model)
    assert second.model(PartialObject) == structure(second.obj, PartialObject)
    assert second.model(Pod) == structure(second.obj, Pod)
    assert second.obj == loads(second.raw)["object"]


def test_what_is_more_than_a_heartbeat_is_decoded() -> None:
    read(lease(MOMENTS[0], 99)).model(Lease)
    stolen = read(lease(MOMENTS[1], 100, holder="node-2"))
    assert stolen.model(Lease).spec.holder_identity == "node-2"
    assert read(lease(MOMENTS[1], 101, name="node-9")).name.name == "node-9"
    read(node(MOMENTS[0], 102)).model(Node)
    assert (
        read(node(MOMENTS[1], 103, ready="False")).model(Node).status.conditions[0].status
        == "False"
    )
