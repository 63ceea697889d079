"""Objects as protobuf: against a recorded Kubernetes, one rule at a time, and on any bytes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.kinds.table import EVERY
from k8slite.objects import protobuf
from k8slite.objects.protobuf_messages import DEPTH_LIMIT, message
from k8slite.objects.protobuf_wire import BYTES, piece, tag, varint

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"
MAGIC = b"k8s\0"


def recorded(name: str) -> Any:
    if not (ORACLE / name).exists():
        pytest.skip("shared/oracle is not beside this checkout")
    return json.loads((ORACLE / name).read_text())


def without_nulls(value: Any) -> Any:
    """The server takes nulls out of every body, whatever its form."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    meta = piece(tag(1, BYTES), api_version.encode()) + piece(tag(2, BYTES), kind.encode())
    return MAGIC + piece(tag(1, BYTES), meta) + piece(tag(2, BYTES), raw)


def round_trip(obj: dict[str, Any]) -> dict[str, Any]:
    return protobuf.decode(protobuf.encode(obj))


def test_recorded_objects_are_the_same_in_both_directions() -> None:
    for case in recorded("protobuf.json"):
        body = base64.b64decode(case["protobufBase64"])
        assert protobuf.encode(case["json"]) == body, case["path"]
        assert protobuf.decode(body) == without_nulls(case["json"]), case["path"]


def test_recorded_frames_of_a_watch_are_the_same() -> None:
    frames = base64.b64decode(recorded("protobuf-watch.json")["framesBase64"])
    found = 0
    while frames:
        end = 4 + int.from_bytes(frames[:4], "big")
        frame, frames = frames[:end], frames[end:]
        event = frame[6 : 6 + frame[5]].decode()
        assert protobuf.watch_event(event, protobuf.decode(frame[frame.index(MAGIC) :])) == frame
        found += 1
    assert found > 1


def test_every_kind_that_is_served_has_a_message_and_a_list() -> None:
    for kind in EVERY:
        found = round_trip({"apiVersion": kind.api_version, "kind": kind.kind})
        assert found["kind"] == kind.kind
        if "list" in kind.verbs:
            round_trip({"apiVersion": kind.api_version, "kind": f"{kind.kind}List", "items": []})


def test_all_types_that_are_named_exist() -> None:
    names = json.loads(Path(protobuf.__file__).with_name("protobuf_fields.json").read_text())
    for name, text in names.items():
        found = message(name)
        assert found is not None
        assert len(found.fields) == (text.count("|") + 1 if text else 0), name
        for field in found.fields:
            assert field.type is not None


@pytest.mark.parametrize(
    ("api_version", "kind", "spec"),
    [
        ("apps/v1", "Deployment", {"replicas": 0, "revisionHistoryLimit": 0}),
        ("batch/v1", "CronJob", {"suspend": False, "startingDeadlineSeconds": 0}),
        ("v1", "Pod", {"terminationGracePeriodSeconds": 0, "enableServiceLinks": False}),
        ("v1", "Pod", {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}),
        ("v1", "Pod", {"automountServiceAccountToken": False}),
        ("policy/v1", "PodDisruptionBudget", {"minAvailable": 0}),
        ("policy/v1", "PodDisruptionBudget", {"maxUnavailable": "30%"}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"minReplicas": 0}),
        ("authentication.k8s.io/v1", "TokenRequest", {"expirationSeconds": 0}),
    ],
)
def test_zeros_that_mean_something_are_kept(
    api_version: str, kind: str, spec: dict[str, Any]
) -> None:
    found = round_trip({"apiVersion": api_version, "kind": kind, "spec": spec})
    assert {key: found["spec"][key] for key in spec} == spec


def test_zeros_that_go_leaves_out_are_left_out() -> None:
    spec = {"minReadySeconds": 0, "paused": False}
    found = round_trip({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})
    assert not found["spec"].keys() & spec.keys()
    assert found["spec"]["template"]["spec"] == {}


def test_embedded_structs_stand_among_their_owners_fields() -> None:
    volume = {"name": "v", "configMap": {"name": "c", "optional": False}}
    probe = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 3}
    containers = [{"name": "a", "image": "b", "livenessProbe": probe, "resources": {}}]
    spec = {"volumes": [volume], "containers": containers}
    assert round_trip({"apiVersion": "v1", "kind": "Pod", "spec": spec})["spec"] == spec


def test_schemas_of_custom_resources() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1.5}},
            "b": {"default": {"x": [1, "y"]}, "enum": ["p", 2], "x-kubernetes-map-type": "atomic"},
            "c": {"additionalProperties": {"type": "string", "maxLength": 0}},
        },
    }
    versions = [
        {"name": "v1", "served": True, "storage": False, "schema": {"openAPIV3Schema": schema}}
    ]
    obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"group": "g", "versions": versions},
    }
    assert round_trip(obj)["spec"]["versions"] == versions


def test_bytes_times_and_quantities() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"b": "AAH/", "a": ""}, "metadata": {}}
    assert round_trip(secret) == secret
    lease = {"acquireTime": "1969-12-31T23:59:59.000001Z", "leaseTransitions": 0}
    obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": lease}
    assert round_trip(obj)["spec"] == lease
    hard = {"hard": {"cpu": "500m", "pods": "3"}}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": hard}
    assert round_trip(quota)["spec"] == hard


def test_options_are_the_same_in_every_group() -> None:
    for api_version in ("v1", "apps/v1", "meta.k8s.io/v1", "policy/v1"):
        obj = {"apiVersion": api_version, "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        assert round_trip(obj) == obj


def test_packed_integers_and_unknown_fields_are_taken() -> None:
    packed = piece(tag(4, BYTES), varint(7) + varint(300))  # supplementalGroups
    unknown = tag(999, 0) + varint(1) + tag(998, 1) + bytes(8) + piece(tag(997, BYTES), b"x")
    spec = piece(tag(14, BYTES), packed) + unknown  # securityContext
    body = envelope("v1", "Pod", piece(tag(2, BYTES), spec))
    assert protobuf.decode(body)["spec"]["securityContext"] == {"supplementalGroups": [7, 300]}


@pytest.mark.parametrize(
    ("body", "message_", "kind"),
    [
        (b"", "empty data", ""),
        (
            b"{}",
            "provided data does not appear to be a protobuf message, expected prefix "
            "[107 56 115 0]",
            "",
        ),
        (MAGIC + b"\x0a\x05", "unexpected EOF", ""),
        (MAGIC + b"\x08\x01", "proto: wrong wireType = 0 for field TypeMeta", ""),
        (envelope("v1", "Pod", b"\x0c"), "proto: Pod: wiretype end group for non-group", "Pod"),
        (envelope("v1", "Pod", b"\x0a\xff"), "unexpected EOF", "Pod"),
        (envelope("v1", "Pod", b"\x08\x01"), "proto: wrong wireType = 0 for field Metadata", "Pod"),
        (envelope("v1", "Pod", b"\x00\x00"), "proto: Pod: illegal tag 0 (wire type 0)", "Pod"),
        (envelope("v1", "Pod", b"\x0f"), "proto: illegal wireType 7", "Pod"),
        (envelope("v1", "Pod", b"\xff" * 11), "proto: integer overflow", "Pod"),
        (
            envelope("example.com/v1", "Thing", b""),
            'no kind "Thing" is registered for version "example.com/v1" in scheme '
            '"pkg/api/legacyscheme/scheme.go:30"',
            "Thing",
        ),
    ],
)
def test_what_is_no_object_is_refused_in_upstreams_words(
    body: bytes, message_: str, kind: str
) -> None:
    with pytest.raises(protobuf.Undecodable) as refused:
        protobuf.decode(body)
    assert (str(refused.value), refused.value.kind) == (message_, kind)


def test_what_stands_too_deep_is_refused() -> None:
    schema = b""
    for _ in range(DEPTH_LIMIT + 1):
        schema = piece(tag(28, BYTES), schema)  # not
    version = piece(tag(4, BYTES), piece(tag(1, BYTES), schema))
    spec = piece(tag(2, BYTES), piece(tag(7, BYTES), version))
    with pytest.raises(protobuf.Undecodable, match="recursion depth"):
        protobuf.decode(envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec))


def test_custom_resources_have_no_such_form() -> None:
    with pytest.raises(protobuf.NotEncodable):
        protobuf.encode({"apiVersion": "example.com/v1", "kind": "Thing"})


def decoded_or_refused(body: bytes) -> None:
    """Nothing but an object, which can be written again, or a refusal."""
    try:
        found = protobuf.decode(body)
    except protobuf.Undecodable:
        return
    json.dumps(found)
    protobuf.encode(found)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    decoded_or_refused(raw)
    decoded_or_refused(MAGIC + raw)
    for api_version, kind in (
        ("v1", "Pod"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("policy/v1", "Eviction"),
    ):
        decoded_or_refused(envelope(api_version, kind, raw))


@given(st.data())
def test_damaged_objects_are_an_object_or_refused(data: st.DataObject) -> None:
    cases = recorded("protobuf.json")
    body = bytearray(base64.b64decode(data.draw(st.sampled_from(cases))["protobufBase64"]))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    decoded_or_refused(bytes(body[: data.draw(st.integers(4, len(body)))]))
