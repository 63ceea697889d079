"""Events are written, counted, combined and limited as client-go does."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.recorder import QUEUED_MOST, Recorder, Reference
from k8slite.kinds.models import Metadata
from tests.client.fake_api import FakeApi

POD = Reference(
    "v1", "Pod", Metadata(name="p", namespace="ns", uid="u1", resource_version="7"), "spec.x"
)
NODE = Reference("v1", "Node", Metadata(name="n", uid="u2"))


@pytest.fixture
async def api():
    return FakeApi()


@pytest.fixture
async def recorder(api, nursery):
    recorder = Recorder(api.client(), api.world, "kubelet", "node-1")
    await nursery.start(recorder.run)
    return recorder


def events(api):
    return api.list("/api/v1/events")


async def test_an_event_says_who_did_what_to_whom(autojump_clock, api, recorder):
    recorder.event(POD, "Normal", "Pulled", "Image is there")
    await trio.sleep(1)
    (event,) = events(api)
    metadata = event.pop("metadata")
    assert metadata["namespace"] == "ns"
    name, _, number = metadata["name"].partition(".")
    assert name == "p" and int(number, 16) > 10**18
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": "ns",
            "name": "p",
            "uid": "u1",
            "resourceVersion": "7",
            "fieldPath": "spec.x",
        },
        "reason": "Pulled",
        "message": "Image is there",
        "type": "Normal",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        "reportingComponent": "kubelet",
        "reportingInstance": "node-1",
    }


async def test_a_repeated_event_is_counted(autojump_clock, api, recorder):
    for _ in range(3):
        recorder.event(NODE, "Warning", "Full", "Disk is full")
        await trio.sleep(10)
    (event,) = events(api)
    assert event["metadata"]["namespace"] == "default"
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:00:20Z"


async def test_similar_events_are_combined(autojump_clock, api, recorder):
    for number in range(15):
        recorder.event(POD, "Normal", "Created", f"Created {number}")
    await trio.sleep(1)
    found = events(api)
    assert len(found) == 10
    (combined,) = [one for one in found if one["message"].startswith("(combined")]
    assert combined["message"] == "(combined from similar events): Created 14"
    assert combined["count"] == 6


async def test_a_noisy_source_is_stopped(autojump_clock, api, recorder):
    for number in range(100):
        recorder.event(POD, "Normal", f"Reason{number}", "x")
    await trio.sleep(1)
    assert len(events(api)) == 25
    await trio.sleep(600)
    for number in range(100, 200):
        recorder.event(POD, "Normal", f"Reason{number}", "x")
    await trio.sleep(1)
    assert len(events(api)) == 27


async def test_a_full_queue_drops_and_counts(autojump_clock, api):
    recorder = Recorder(api.client(), api.world, "kubelet")
    for _ in range(QUEUED_MOST + 5):
        recorder.event(POD, "Normal", "R", "m")
    assert recorder.dropped == 5


async def test_a_lost_connection_delays_an_event(autojump_clock, api, recorder):
    failures = 3

    async def fail(_):
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError("connection refused")

    api.before = fail
    recorder.event(POD, "Normal", "R", "m")
    await trio.sleep(60)
    assert len(events(api)) == 1


async def test_a_taken_name_and_an_expired_event_lead_to_new_ones(autojump_clock, api, recorder):
    recorder.event(POD, "Normal", "R", "m")
    await trio.sleep(1)
    (event,) = events(api)
    api.put(f"/api/v1/namespaces/ns/events/{event['metadata']['name']}", None)
    recorder.event(POD, "Normal", "R", "m")
    await trio.sleep(1)
    (again,) = events(api)
    assert again["count"] == 2
