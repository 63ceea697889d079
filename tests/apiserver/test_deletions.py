"""How objects go away: preconditions, finalizers, policies, grace, whole collections."""

from __future__ import annotations

import pytest

from tests.apiserver.oracle_server import Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def make(server: Server, name: str = "a", **metadata: object) -> Json:
    made: Json = await server.create(MAPS, {"metadata": {"name": name, **metadata}})
    return made


async def pod(server: Server, node: str = "", **metadata: object) -> Json:
    spec: Json = {"containers": [{"name": "c", "image": "x"}]}
    if node:
        spec["nodeName"] = node
    made: Json = await server.create(PODS, {"metadata": {"name": "p", **metadata}, "spec": spec})
    return made


async def test_preconditions(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await make(server)
        for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
            answer = await server.ask("DELETE", f"{MAPS}/a", {"preconditions": wrong})
            assert (answer.status, answer.json["reason"]) == (409, "Conflict")
        metadata = made["metadata"]
        right = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        answer = await server.ask("DELETE", f"{MAPS}/a", {"preconditions": right})
        assert (answer.status, answer.json["status"]) == (200, "Success")


async def test_a_finalizer_holds_an_object_until_it_is_gone(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, finalizers=["example.com/hold"])
        first = await server.ask("DELETE", f"{MAPS}/a")
        assert first.json["metadata"]["deletionTimestamp"]
        assert first.json["metadata"]["deletionGracePeriodSeconds"] == 0
        again = await server.ask("DELETE", f"{MAPS}/a")
        assert again.json["metadata"] == first.json["metadata"]
        more = await server.ask(
            "PATCH",
            f"{MAPS}/a",
            {"metadata": {"finalizers": ["example.com/hold", "example.com/new"]}},
            "application/merge-patch+json",
        )
        assert more.status == 422
        watching = await server.watch(
            f"{MAPS}?resourceVersion={first.json['metadata']['resourceVersion']}"
        )
        await server.ask(
            "PATCH",
            f"{MAPS}/a",
            {"metadata": {"finalizers": None}},
            "application/merge-patch+json",
        )
        assert (await server.ask("GET", f"{MAPS}/a")).status == 404
        assert [e["type"] for e in await watching.all()] == ["DELETED"]


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_a_policy_leaves_its_finalizer(
    policy: str, finalizer: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await make(server)
        answer = await server.ask("DELETE", f"{MAPS}/a?propagationPolicy={policy}")
        assert answer.json["metadata"]["finalizers"] == [finalizer]
        assert (await server.ask("GET", f"{MAPS}/a")).status == 200
        background = await server.ask("DELETE", f"{MAPS}/a", {"propagationPolicy": "Background"})
        assert background.status == 200
        assert (await server.ask("GET", f"{MAPS}/a")).status == 404


async def test_dependents_follow_or_stay(autojump_clock: object) -> None:
    async with running() as server:
        for policy, left in (("Foreground", 404), ("Orphan", 200)):
            owner = await make(server, f"owner-{policy.lower()}")
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": True,
            }
            name = f"child-{policy.lower()}"
            await make(server, name, ownerReferences=[reference])
            watching = await server.watch(MAPS)
            await watching.all()
            path = f"{MAPS}/owner-{policy.lower()}?propagationPolicy={policy}"
            await server.ask("DELETE", path)
            await watching.all(30)
            assert (await server.ask("GET", f"{MAPS}/owner-{policy.lower()}")).status == 404
            answer = await server.ask("GET", f"{MAPS}/{name}")
            assert answer.status == left
            assert "ownerReferences" not in answer.json["metadata"]


async def test_a_pod_on_a_node_is_given_time(autojump_clock: object) -> None:
    async with running() as server:
        await pod(server, "n1")
        first = (await server.ask("DELETE", f"{PODS}/p")).json["metadata"]
        assert first["deletionGracePeriodSeconds"] == 30
        assert first["generation"] == 2
        longer = (await server.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=60")).json["metadata"]
        assert longer == first
        shorter = (await server.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=5")).json["metadata"]
        assert shorter["deletionGracePeriodSeconds"] == 5
        assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
        assert (await server.ask("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0})).status == 200
        assert (await server.ask("GET", f"{PODS}/p")).status == 404


async def test_a_pod_without_a_node_goes_at_once_in_two_steps(autojump_clock: object) -> None:
    async with running() as server:
        made = await pod(server)
        watching = await server.watch(
            f"{PODS}?resourceVersion={made['metadata']['resourceVersion']}"
        )
        await server.ask("DELETE", f"{PODS}/p")
        events = await watching.all()
        assert [e["type"] for e in events] == ["MODIFIED", "DELETED"]
        assert events[0]["object"]["metadata"]["deletionGracePeriodSeconds"] == 0


async def test_a_collection_is_deleted_by_selection(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for name, value in (("a", "1"), ("b", "2"), ("c", "1")):
            await make(server, name, labels={"x": value})
        answer = await server.ask("DELETE", f"{MAPS}?labelSelector=x%3D1&dryRun=All")
        assert [i["metadata"]["name"] for i in answer.json["items"]] == ["a", "c"]
        assert len((await server.get(MAPS))["items"]) == 3
        await server.ask("DELETE", f"{MAPS}?labelSelector=x%3D1")
        assert [i["metadata"]["name"] for i in (await server.get(MAPS))["items"]] == ["b"]


async def test_a_terminating_namespace_takes_nothing_new(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create("/api/v1/namespaces", {"metadata": {"name": "n"}})
        answer = await server.ask("DELETE", "/api/v1/namespaces/n")
        assert answer.json["status"]["phase"] == "Terminating"
        refused = await server.ask(
            "POST", "/api/v1/namespaces/n/configmaps", {"metadata": {"name": "a"}}
        )
        assert refused.status == 403
        assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        immortal = await server.ask("DELETE", "/api/v1/namespaces/default")
        assert immortal.status == 403


async def test_wrong_wishes_are_refused(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server)
        for body in (
            {"propagationPolicy": "Sometimes"},
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            {"dryRun": ["Some"]},
        ):
            answer = await server.ask("DELETE", f"{MAPS}/a", body)
            assert answer.status in (400, 422), body
        dry = await server.ask("DELETE", f"{MAPS}/a", {"dryRun": ["All"]})
        assert dry.status == 200
        assert (await server.ask("GET", f"{MAPS}/a")).status == 200
