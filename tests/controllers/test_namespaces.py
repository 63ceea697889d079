"""Namespaces: what each one has, and how they go."""

from __future__ import annotations

from typing import Any

import orjson
import trio

from k8slite.client.resource import CONFIG_MAPS, NAMESPACES, PODS, SECRETS
from k8slite.controllers.identity.root_ca import DESCRIPTION, RootCaPublisher
from k8slite.controllers.identity.serviceaccount import ServiceAccountController
from k8slite.controllers.machinery.discovery import discover
from k8slite.controllers.machinery.namespace import NamespaceController
from k8slite.messages import Request, Response
from tests.controllers.whole_api import WholeApi, add, running

Json = dict[str, Any]

ROOT_CA = "/api/v1/namespaces/ns/configmaps/kube-root-ca.crt"


def namespace(whole: WholeApi, name: str, *, terminating: bool = False) -> None:
    metadata = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if terminating else {}
    phase = "Terminating" if terminating else "Active"
    spec = {"finalizers": ["kubernetes"]}
    add(whole, NAMESPACES, name, metadata=metadata, spec=spec, status={"phase": phase})


def conditions(whole: WholeApi) -> dict[str, tuple[str, str, str]]:
    found = whole.api.get("/api/v1/namespaces/ns")
    assert found is not None
    return {
        one["type"]: (one["status"], one["reason"], one["message"])
        for one in found["status"]["conditions"]
    }


async def test_every_namespace_has_its_account_and_bundle(autojump_clock: Any) -> None:
    whole = WholeApi()
    namespace(whole, "ns")
    namespace(whole, "going", terminating=True)
    account = "/api/v1/namespaces/ns/serviceaccounts/default"

    def publisher(context: Any) -> RootCaPublisher:
        return RootCaPublisher(context, "PEM")

    async with running(whole, ServiceAccountController, publisher):
        for _ in range(2):
            await trio.sleep(1)
            assert whole.api.get(account) is not None
            bundle = whole.api.get(ROOT_CA)
            assert bundle is not None
            assert bundle["data"] == {"ca.crt": "PEM"}
            assert bundle["metadata"]["annotations"] == {"kubernetes.io/description": DESCRIPTION}
            whole.api.put(account, None)
            whole.api.put(ROOT_CA, None)
        await trio.sleep(1)
        whole.api.change(ROOT_CA, lambda obj: obj.update(data={"other": "x"}))
        await trio.sleep(1)
        bundle = whole.api.get(ROOT_CA)
        assert bundle is not None
        assert bundle["data"] == {"ca.crt": "PEM"}
        assert len(whole.api.list("/api/v1/serviceaccounts")) == 1


async def test_a_namespace_goes_with_all_its_content_pods_first(autojump_clock: Any) -> None:
    whole = WholeApi()
    namespace(whole, "ns")
    add(whole, CONFIG_MAPS, "c", "ns")
    add(whole, CONFIG_MAPS, "kept", "other")
    add(whole, PODS, "pod", "ns", spec={"nodeName": "n", "terminationGracePeriodSeconds": 20})
    async with running(whole, NamespaceController):
        await trio.sleep(10)
        assert len(whole.api.list("/api/v1/configmaps")) == 2

        def end(obj: Json) -> None:
            obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:10Z"
            obj["status"]["phase"] = "Terminating"

        whole.api.change("/api/v1/namespaces/ns", end)
        await trio.sleep(3)
        assert len(whole.api.list("/api/v1/configmaps")) == 2  # the pod is still there
        assert conditions(whole)["NamespaceContentRemaining"] == (
            "True",
            "SomeResourcesRemain",
            "Some resources are remaining: pods. has 1 resource instances",
        )
        assert conditions(whole)["NamespaceDeletionDiscoveryFailure"] == (
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        )
        whole.api.put("/api/v1/namespaces/ns/pods/pod", None)
        await trio.sleep(2)
        assert whole.api.get("/api/v1/namespaces/ns") is None
        assert [one["metadata"]["name"] for one in whole.api.list("/api/v1/configmaps")] == ["kept"]


async def test_finalizers_hold_a_namespace_and_are_reported(autojump_clock: Any) -> None:
    whole = WholeApi()
    namespace(whole, "ns", terminating=True)
    add(whole, SECRETS, "held", "ns", metadata={"finalizers": ["example.com/x"]})
    async with running(whole, NamespaceController):
        await trio.sleep(30)
        assert conditions(whole)["NamespaceFinalizersRemaining"] == (
            "True",
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: "
            "example.com/x in 1 resource instances",
        )
        assert conditions(whole)["NamespaceDeletionContentFailure"] == (
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        )
        writes = len(whole.api.commits)
        await trio.sleep(60)
        assert len(whole.api.commits) == writes
        whole.api.put("/api/v1/namespaces/ns/secrets/held", None)
        await trio.sleep(10)
        assert whole.api.get("/api/v1/namespaces/ns") is None


async def test_what_cannot_be_discovered_cannot_be_emptied(autojump_clock: Any) -> None:
    whole = WholeApi()
    namespace(whole, "ns", terminating=True)
    answer = whole.api.before
    assert answer is not None
    broken = True

    async def before(request: Request) -> Response | None:
        response = await answer(request)
        if request.path == "/apis" and broken and response is not None:
            assert isinstance(response.body, bytes)
            found = orjson.loads(response.body)
            version: Json = {"version": "v1", "freshness": "Stale", "resources": []}
            found["items"].append({"metadata": {"name": "bad.io"}, "versions": [version]})
            return Response(200, orjson.dumps(found))
        return response

    whole.api.before = before
    async with running(whole, NamespaceController):
        await trio.sleep(5)
        assert conditions(whole)["NamespaceDeletionDiscoveryFailure"] == (
            "True",
            "DiscoveryFailed",
            "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of "
            "server APIs: bad.io/v1: stale GroupVersion discovery: bad.io",
        )
        broken = False
        await trio.sleep(60)
        assert whole.api.get("/api/v1/namespaces/ns") is None


async def test_the_older_discovery_is_understood() -> None:
    answers: dict[str, Json] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {
            "resources": [
                {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["delete", "list"]},
                {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
            ]
        },
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {
                    "name": "g",
                    "preferredVersion": {"version": "v1"},
                    "versions": [{"version": "v2"}, {"version": "v1"}, {"version": "v0"}],
                }
            ],
        },
        "/apis/g/v1": {
            "resources": [
                {"name": "foos", "kind": "Foo", "namespaced": True, "verbs": ["delete", "list"]}
            ]
        },
        "/apis/g/v2": {
            "resources": [
                {"name": "foos", "kind": "Foo", "namespaced": True, "verbs": ["delete", "list"]},
                {"name": "bars", "kind": "Bar", "namespaced": False, "verbs": ["delete", "list"]},
            ]
        },
    }

    async def before(request: Request) -> Response | None:
        if request.path in answers:
            return Response(200, orjson.dumps(answers[request.path]))
        return Response(503, orjson.dumps({"message": "away", "reason": "ServiceUnavailable"}))

    whole = WholeApi()
    whole.api.before = before
    found = await discover(whole.client())
    assert await discover(whole.client()) == found
    assert [(one.group_version, one.message) for one in found.failures] == [("g/v0", "away")]
    assert [(one.api_version, one.plural) for one in found.with_verbs("delete", "list")] == [
        ("v1", "pods"),
        ("g/v2", "bars"),
        ("g/v1", "foos"),
    ]
