"""Conversion webhooks: an object is kept in one version and seen, changed and owned in others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from attrs import define, field

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler, Request, Response
from tests.apiserver.oracle_server import Json, Server, running

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATHS = {v: f"/apis/e.com/{v}/namespaces/default/hosts" for v in ("v1", "v2")}
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
STRING = {"type": "string"}
INTEGER = {"type": "integer"}
SHARED: Json = {
    "size": INTEGER,
    "status": {"type": "object", "properties": {"size": INTEGER, "where": STRING}},
    "spec": {"type": "object", "properties": {"replicas": INTEGER}},
}
FIELDS: dict[str, Json] = {
    "v1": {"hostPort": STRING},
    "v2": {"host": STRING, "port": {**STRING, "default": "80"}},
}


def other_version(obj: Json, version: str) -> Json:
    """What the converter makes of an object: `hostPort` is `host` and `port` elsewhere."""
    new = {**obj, "apiVersion": f"e.com/{version}"}
    if version == "v2":
        text = new.pop("hostPort", "")
        new["host"], _, new["port"] = text.partition(":")
    else:
        new["hostPort"] = f"{new.pop('host', '')}:{new.pop('port', '')}"
    return new


@define
class Converter:
    """The other side: whose answer a test may spoil."""

    spoil: Callable[[Json], Any] = field(default=lambda review: review)
    asked: list[Json] = field(factory=list)
    sleep_seconds: float = 0

    def __call__(self, endpoint: Endpoint) -> Handler:
        assert endpoint.url == "https://converter.e.com:443"

        async def handle(request: Request) -> Response:
            await trio.sleep(self.sleep_seconds)
            review = json.loads(request.body)
            if review["kind"] != "ConversionReview":
                return self.admission(review)
            self.asked.append(review["request"])
            version = review["request"]["desiredAPIVersion"].partition("/")[2]
            objects = [other_version(one, version) for one in review["request"]["objects"]]
            review["response"] = {
                "uid": review["request"]["uid"],
                "result": {"status": "Success"},
                "convertedObjects": objects,
            }
            return Response(200, json.dumps(self.spoil(review)).encode())

        return handle

    def admission(self, review: Json) -> Response:
        self.asked.append(review["request"])
        patch = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2hvc3QiLCJ2YWx1ZSI6InBhdGNoZWQifV0="
        response = {"uid": review["request"]["uid"], "allowed": True}
        response |= {"patchType": "JSONPatch", "patch": patch}
        return Response(200, json.dumps({**review, "response": response}).encode())


def definition(kept: str = "v1", **webhook: Any) -> Json:
    parts = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.size"},
    }
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == kept,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": fields | SHARED}},
            "subresources": parts,
            "selectableFields": [{"jsonPath": f".{next(iter(fields))}"}],
        }
        for name, fields in FIELDS.items()
    ]
    client = {"url": "https://converter.e.com/convert"}
    chosen = {"clientConfig": client, "conversionReviewVersions": ["v1"], **webhook}
    return {
        "metadata": {"name": "hosts.e.com"},
        "spec": {
            "group": "e.com",
            "scope": "Namespaced",
            "names": {"kind": "Host", "plural": "hosts"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": chosen},
        },
    }


def host(name: str = "a", version: str = "v1", **fields: Any) -> Json:
    filled = fields or ({"hostPort": "h:1"} if version == "v1" else {"host": "h", "port": "1"})
    metadata = {"name": name}
    return {"apiVersion": f"e.com/{version}", "kind": "Host", "metadata": metadata, **filled}


async def define_hosts(server: Server, **webhook: Any) -> None:
    await server.create(DEFINITIONS, definition(**webhook))
    await trio.testing.wait_all_tasks_blocked()


async def keep_in(server: Server, version: str) -> None:
    patch = {"spec": {"versions": definition(version)["spec"]["versions"]}}
    answer = await server.ask("PATCH", f"{DEFINITIONS}/hosts.e.com", patch, MERGE)
    assert answer.status == 200, answer.json
    await trio.testing.wait_all_tasks_blocked()


def kept(server: Server, name: str = "a") -> Json:
    stored = server.store.get(f"e.com.hosts/default/{name}")
    assert stored is not None
    found: Json = json.loads(stored.value)
    return found


async def test_each_version_sees_its_own_fields(autojump_clock: object) -> None:
    converter = Converter()
    async with running(webhooks=converter) as server:
        await define_hosts(server)
        made = await server.create(PATHS["v1"], host())
        assert converter.asked == [], "what is kept as it is spoken is nobody else's business"
        seen = await server.get(f"{PATHS['v2']}/a")
        assert (seen["apiVersion"], seen["host"], seen["port"]) == ("e.com/v2", "h", "1")
        assert "hostPort" not in seen and seen["metadata"]["uid"] == made["metadata"]["uid"]
        [asked] = converter.asked
        assert asked["desiredAPIVersion"] == "e.com/v2" and asked["uid"]
        assert asked["objects"][0]["apiVersion"] == "e.com/v1"
        assert asked["objects"][0]["hostPort"] == "h:1"
        second = await server.create(PATHS["v2"], host("b", "v2", host="other"))
        assert (second["host"], second["port"]) == ("other", "80"), "its version's default"
        assert kept(server, "b")["hostPort"] == "other:80"
        assert kept(server, "b")["apiVersion"] == "e.com/v1"
        assert (await server.get(f"{PATHS['v1']}/b"))["hostPort"] == "other:80"


async def test_lists_of_mixed_versions_are_converted_by_one_question(
    autojump_clock: object,
) -> None:
    converter = Converter()
    async with running(webhooks=converter) as server:
        await define_hosts(server)
        for name in ("a", "b"):
            await server.create(PATHS["v1"], host(name))
        await keep_in(server, "v2")
        found = await server.get(f"{DEFINITIONS}/hosts.e.com")
        assert found["status"]["storedVersions"] == ["v1", "v2"]
        await server.create(PATHS["v2"], host("c", "v2"))
        assert [kept(server, name)["apiVersion"] for name in "abc"] == [
            "e.com/v1",
            "e.com/v1",
            "e.com/v2",
        ]
        for version, converted in (("v1", 1), ("v2", 2)):
            converter.asked.clear()
            listed = await server.get(PATHS[version])
            assert {one["apiVersion"] for one in listed["items"]} == {f"e.com/{version}"}
            assert [one.get("host") for one in listed["items"]] == [
                "h" if version == "v2" else None
            ] * 3
            assert [len(one["objects"]) for one in converter.asked] == [converted]


async def test_a_write_that_changes_nothing_brings_an_object_to_the_version_that_is_kept(
    autojump_clock: object,
) -> None:
    async with running(webhooks=Converter()) as server:
        await define_hosts(server)
        before = await server.create(PATHS["v1"], host())
        await keep_in(server, "v2")
        answer = await server.ask("PUT", f"{PATHS['v1']}/a", before)
        assert answer.status == 200, answer.json
        assert kept(server)["apiVersion"] == "e.com/v2" and kept(server)["host"] == "h"
        assert answer.json["hostPort"] == "h:1"
        revision = answer.json["metadata"]["resourceVersion"]
        again = await server.ask("PUT", f"{PATHS['v1']}/a", answer.json)
        assert again.json["metadata"]["resourceVersion"] == revision
        path = f"{DEFINITIONS}/hosts.e.com/status"
        patch = {"status": {"storedVersions": ["v1"]}}
        refused = await server.ask("PATCH", path, patch, MERGE)
        assert refused.status == 422
        assert "must have the storage version v2" in refused.json["message"]
        patch = {"status": {"storedVersions": ["v2"]}}
        assert (await server.ask("PATCH", path, patch, MERGE)).status == 200
        without = [one for one in definition("v2")["spec"]["versions"] if one["name"] == "v2"]
        patch = {"spec": {"versions": without}}
        answer = await server.ask("PATCH", f"{DEFINITIONS}/hosts.e.com", patch, MERGE)
        assert answer.status == 200, answer.json


async def test_changes_through_another_version(autojump_clock: object) -> None:
    async with running(webhooks=Converter()) as server:
        await define_hosts(server)
        await server.create(PATHS["v1"], {**host(), "spec": {"replicas": 1}})
        patched = await server.ask("PATCH", f"{PATHS['v2']}/a", {"port": "7"}, MERGE)
        assert (patched.json["host"], patched.json["port"]) == ("h", "7")
        assert kept(server)["hostPort"] == "h:7" and kept(server)["metadata"]["generation"] == 2
        put = {**patched.json, "host": "i"}
        assert (await server.ask("PUT", f"{PATHS['v2']}/a", put)).status == 200
        stale = await server.ask("PUT", f"{PATHS['v2']}/a", put)
        assert stale.status == 409
        status = {"status": {"where": "here"}, "host": "not by this way"}
        answer = await server.ask("PATCH", f"{PATHS['v2']}/a/status", status, MERGE)
        assert answer.json["status"] == {"where": "here"} and answer.json["host"] == "i"
        scaled = await server.ask(
            "PATCH", f"{PATHS['v2']}/a/scale", {"spec": {"replicas": 5}}, MERGE
        )
        assert scaled.json["spec"] == {"replicas": 5}
        assert (await server.get(f"{PATHS['v2']}/a/scale"))["spec"] == {"replicas": 5}
        assert kept(server)["hostPort"] == "i:7" and kept(server)["spec"] == {"replicas": 5}
        gone = await server.ask("DELETE", f"{PATHS['v2']}/a")
        assert gone.json["status"] == "Success"
        await server.create(PATHS["v2"], host("b", "v2"))
        swept = await server.ask("DELETE", PATHS["v2"])
        assert [one["host"] for one in swept.json["items"]] == ["h"]
        assert (await server.get(PATHS["v1"]))["items"] == []


async def test_a_watch_speaks_its_version(autojump_clock: object) -> None:
    async with running(webhooks=Converter()) as server:
        await define_hosts(server)
        await server.create(PATHS["v1"], host())
        watch = await server.watch(PATHS["v2"])
        chosen = await server.watch(f"{PATHS['v2']}?fieldSelector=host%3Dx")
        await server.ask("PATCH", f"{PATHS['v1']}/a", {"hostPort": "x:2"}, MERGE)
        await keep_in(server, "v2")
        await server.ask("PATCH", f"{PATHS['v1']}/a", {"hostPort": "y:3"}, MERGE)
        await server.ask("DELETE", f"{PATHS['v1']}/a")
        events = await watch.all()
        assert [(one["type"], one["object"]["host"]) for one in events] == [
            ("ADDED", "h"),
            ("MODIFIED", "x"),
            ("MODIFIED", "y"),
            ("DELETED", "y"),
        ]
        assert {one["object"]["apiVersion"] for one in events} == {"e.com/v2"}
        assert [one["type"] for one in await chosen.all()] == ["ADDED", "DELETED"]
        listed = await server.get(f"{PATHS['v2']}?fieldSelector=host%3Dx")
        assert listed["items"] == []


async def test_a_watch_ends_with_what_the_converter_says(autojump_clock: object) -> None:
    converter = Converter()
    async with running(webhooks=converter) as server:
        await define_hosts(server)
        watch = await server.watch(PATHS["v2"])
        converter.spoil = lambda review: {**review, "response": None}
        await server.create(PATHS["v1"], host())
        [event] = await watch.all()
        assert event["type"] == "ERROR"
        assert event["object"]["message"] == (
            "conversion webhook for e.com/v1, Kind=Host failed: no response provided"
        )


async def test_owners_of_fields_in_other_versions(autojump_clock: object) -> None:
    async with running(webhooks=Converter()) as server:
        await define_hosts(server)
        query = "?fieldManager=one"
        first = await server.ask("PATCH", f"{PATHS['v1']}/a{query}", host(), APPLY)
        assert first.status == 201, first.json
        refused = await server.ask(
            "PATCH", f"{PATHS['v2']}/a?fieldManager=two", host(version="v2", port="9"), APPLY
        )
        assert refused.status == 409
        assert refused.json["message"] == (
            'Apply failed with 1 conflict: conflict with "one": .hostPort'
        )
        forced = await server.ask(
            "PATCH",
            f"{PATHS['v2']}/a?fieldManager=two&force=true",
            host(version="v2", port="9"),
            APPLY,
        )
        assert forced.json["port"] == "9" and forced.json["host"] == "h"
        owned = [
            (one["manager"], one["apiVersion"], one["fieldsV1"])
            for one in forced.json["metadata"]["managedFields"]
        ]
        assert owned == [("two", "e.com/v2", {"f:port": {}})]
        await server.ask("PATCH", f"{PATHS['v1']}/a?fieldManager=x", {"hostPort": "k:9"}, MERGE)
        owned = [
            (one["manager"], one["apiVersion"], one["fieldsV1"])
            for one in kept(server)["metadata"]["managedFields"]
        ]
        assert owned == [
            ("two", "e.com/v2", {"f:port": {}}),
            ("x", "e.com/v1", {"f:hostPort": {}}),
        ]


def of_object(**more: Any) -> Callable[[Json], Json]:
    def spoil(review: Json) -> Json:
        for one in review["response"]["convertedObjects"]:
            one.update(more)
        return review

    return spoil


def of_metadata(**more: Any) -> Callable[[Json], Json]:
    def spoil(review: Json) -> Json:
        for one in review["response"]["convertedObjects"]:
            one["metadata"].update(more)
        return review

    return spoil


def answering(**more: Any) -> Callable[[Json], Json]:
    return lambda review: {**review, "response": {**review["response"], **more}}


NAMED = "conversion webhook for e.com/v1, Kind=Host"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (answering(result={"status": "Failure", "message": "no"}), f"{NAMED} failed: no"),
        (
            answering(result={}),
            f"{NAMED} failed: response.result.status was '', not 'Success'",
        ),
        (answering(uid="x"), f'{NAMED} failed: expected response.uid="UID", got "x"'),
        (answering(convertedObjects=[]), f"{NAMED} returned 0 objects, expected 1"),
        (
            lambda review: {**review, "apiVersion": "e.com/v1"},
            f"{NAMED} failed: expected webhook response of apiextensions.k8s.io/v1, "
            "Kind=ConversionReview, got e.com/v1, Kind=ConversionReview",
        ),
        (
            of_object(apiVersion="e.com/v1"),
            f"{NAMED} returned invalid object at index 0: invalid groupVersion (expected "
            "e.com/v2, received e.com/v1)",
        ),
        (
            of_object(kind="Guest"),
            f"{NAMED} returned invalid object at index 0: invalid kind (expected Host, received "
            "Guest)",
        ),
        (
            of_metadata(name="b"),
            f"{NAMED} returned invalid object: must have the same name: a != b",
        ),
        (
            of_metadata(labels={"a": 1}),
            f"{NAMED} returned invalid metadata: metadata.labels[a] must be a string, but is "
            "int64 in converted object",
        ),
        (
            of_metadata(labels={"-": "x"}),
            f'{NAMED} returned invalid metadata: metadata.labels: Invalid value: "-"',
        ),
        (lambda _review: [], f"{NAMED} failed: Post"),
        (answering(convertedObjects=["x"]), f"{NAMED} returned invalid object at index 0"),
    ],
)
async def test_what_a_converter_may_not(
    autojump_clock: object, spoil: Callable[[Json], Any], told: str
) -> None:
    converter = Converter(spoil)
    async with running(webhooks=converter) as server:
        await define_hosts(server)
        await server.create(PATHS["v1"], host())
        for path in (f"{PATHS['v2']}/a", PATHS["v2"]):
            answer = await server.ask("GET", path)
            assert answer.status == 500 and "reason" not in answer.json
            message = answer.json["message"].replace(converter.asked[-1]["uid"], "UID")
            assert message.startswith(told)
        assert (await server.get(f"{PATHS['v1']}/a"))["hostPort"] == "h:1"


async def test_only_labels_and_annotations_are_taken(autojump_clock: object) -> None:
    wrong = of_metadata(labels={"a": "b"}, generation=7, finalizers=["e.com/x"])
    async with running(webhooks=Converter(wrong)) as server:
        await define_hosts(server)
        await server.create(PATHS["v1"], host())
        metadata = (await server.get(f"{PATHS['v2']}/a"))["metadata"]
        assert metadata["labels"] == {"a": "b"}
        assert metadata["generation"] == 1 and "finalizers" not in metadata
        labelled = await server.get(f"{PATHS['v2']}?labelSelector=a%3Db")
        assert len(labelled["items"]) == 1
        assert (await server.get(f"{PATHS['v1']}?labelSelector=a%3Db"))["items"] == []


async def test_a_converter_that_hangs_holds_nobody_else(autojump_clock: object) -> None:
    converter = Converter(sleep_seconds=3600)
    async with running(webhooks=converter) as server, trio.open_nursery() as nursery:
        await define_hosts(server)
        await server.create(PATHS["v1"], host())
        told: list[str] = []

        async def ask() -> None:
            began = trio.current_time()
            answer = await server.ask("GET", f"{PATHS['v2']}/a")
            assert trio.current_time() - began == 30
            told.append(answer.json["message"])

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        await server.get(f"{PATHS['v1']}/a")
        await server.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "m"}})
        assert trio.current_time() == began
        await trio.sleep(40)
        assert told == [
            f'{NAMED} failed: Post "https://converter.e.com/convert?timeout=30s": context '
            "deadline exceeded"
        ]


async def test_admission_sees_the_version_that_it_asks_for(autojump_clock: object) -> None:
    converter = Converter()
    hook = {
        "name": "a.e.com",
        "clientConfig": {"url": "https://converter.e.com/admit"},
        "rules": [
            {
                "operations": ["CREATE"],
                "apiGroups": ["e.com"],
                "apiVersions": ["v2"],
                "resources": ["hosts"],
            }
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    async with running(webhooks=converter) as server:
        await define_hosts(server)
        await server.create(path, {"metadata": {"name": "c"}, "webhooks": [hook]})
        made = await server.create(PATHS["v1"], host())
        asked = next(one for one in converter.asked if "operation" in one)
        assert asked["object"]["apiVersion"] == "e.com/v2" and asked["object"]["host"] == "h"
        assert made["hostPort"] == "patched:1"


@pytest.mark.parametrize(
    ("conversion", "told"),
    [
        ({"strategy": "Other"}, "spec.conversion.strategy: Unsupported value"),
        (
            {"strategy": "Webhook"},
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set "
            "to Webhook",
        ),
        (
            {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x"}}},
            "spec.conversion.conversionReviewVersions: Required value",
        ),
        (
            {
                "strategy": "Webhook",
                "webhook": {"clientConfig": {}, "conversionReviewVersions": ["v1"]},
            },
            "spec.conversion.webhookClientConfig: Required value: exactly one of url or service "
            "is required",
        ),
        (
            {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {"url": "http://u@x/p?q#f"},
                    "conversionReviewVersions": ["v1"],
                },
            },
            "spec.conversion.webhookClientConfig.url: Invalid value: \"http\": 'https' is the "
            "only allowed URL scheme; desired format: https://host[/path]",
        ),
        (
            {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {"service": {"name": "s", "namespace": "n", "path": "/a//b"}},
                    "conversionReviewVersions": ["v1"],
                },
            },
            'spec.conversion.webhookClientConfig.service.path: Invalid value: "/a//b": segment[1] '
            "may not be empty",
        ),
        (
            {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {"url": "https://x"},
                    "conversionReviewVersions": ["v3", "v3"],
                },
            },
            'spec.conversion.conversionReviewVersions[1]: Invalid value: "v3": duplicate version',
        ),
        (
            {"strategy": "None", "webhook": {"conversionReviewVersions": ["v1"]}},
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy "
            "is not set to Webhook",
        ),
    ],
)
async def test_conversions_that_cannot_be(
    autojump_clock: object, conversion: Json, told: str
) -> None:
    async with running(controllers=False) as server:
        wrong = definition()
        wrong["spec"]["conversion"] = conversion
        answer = await server.ask("POST", DEFINITIONS, wrong)
        assert answer.status == 422
        assert told in answer.json["message"]
