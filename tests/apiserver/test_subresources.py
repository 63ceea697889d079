"""What is below an object: scale, tokens, debugging containers, logs; and reviews."""

from __future__ import annotations

import json
from typing import Any

from tests.apiserver.oracle_server import Answer, Json, Server, running
from tests.apiserver.test_writes import DEPLOYMENTS, MERGE, deployment

PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authentication.k8s.io/v1"


async def test_scale(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await server.create(DEPLOYMENTS, deployment(replicas=2))
        path = f"{DEPLOYMENTS}/d/scale"
        scale = await server.get(path)
        assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
        assert scale["spec"] == {"replicas": 2}
        assert scale["status"] == {"replicas": 0, "selector": "a=b"}
        assert scale["metadata"]["uid"] == made["metadata"]["uid"]
        raised = await server.ask("PUT", path, {**scale, "spec": {"replicas": 5}})
        assert raised.json["spec"] == {"replicas": 5}
        stale = await server.ask("PUT", path, {**scale, "spec": {"replicas": 6}})
        assert stale.status == 409
        patched = await server.ask("PATCH", path, {"spec": {"replicas": 7}}, MERGE)
        assert patched.status == 200
        found = await server.get(f"{DEPLOYMENTS}/d")
        assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (7, 3)
        wrong = await server.ask("PATCH", path, {"spec": {"replicas": -1}}, MERGE)
        assert wrong.status == 422


async def test_a_token_is_asked_for_and_used(autojump_clock: object) -> None:
    async with running() as server:
        made = await server.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        asked = {"spec": {"audiences": [], "expirationSeconds": 3600}}
        answer = await server.create(f"{ACCOUNTS}/robot/token", asked)
        assert answer["kind"] == "TokenRequest"
        token = answer["status"]["token"]
        review = await server.create(f"{REVIEWS}/tokenreviews", {"spec": {"token": token}})
        assert review["status"]["authenticated"] is True
        user = review["status"]["user"]
        assert user["username"] == "system:serviceaccount:default:robot"
        assert user["uid"] == made["metadata"]["uid"]
        assert set(user["groups"]) == {
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        }
        self = await server.ask("POST", f"{REVIEWS}/selfsubjectreviews", {}, token=token)
        assert self.status == 201
        assert self.json["status"]["userInfo"]["username"] == user["username"]
        wrong = await server.create(f"{REVIEWS}/tokenreviews", {"spec": {"token": "wrong"}})
        assert not wrong["status"].get("authenticated")
        assert "user" in wrong["status"]
        assert (await server.ask("GET", PODS, token="wrong")).status == 401
        short = await server.ask(
            "POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": 5}}
        )
        assert short.status == 422
        await server.ask("DELETE", f"{ACCOUNTS}/robot")
        gone = await server.ask("POST", f"{REVIEWS}/selfsubjectreviews", {}, token=token)
        assert gone.status == 401


async def test_reviews_of_access(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        path = "/apis/authorization.k8s.io/v1"
        attributes = {"verb": "get", "resource": "pods", "namespace": "default"}
        mine = await server.create(
            f"{path}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}
        )
        assert mine["status"]["allowed"] is True
        assert mine["spec"]["resourceAttributes"] == attributes
        rules = await server.create(
            f"{path}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}
        )
        assert rules["status"]["resourceRules"]
        assert rules["status"]["incomplete"] is False
        empty = await server.ask("POST", f"{path}/selfsubjectaccessreviews", {"spec": {}})
        assert empty.status == 422
        me = await server.create(f"{REVIEWS}/selfsubjectreviews", {})
        assert me["kind"] == "SelfSubjectReview"
        assert me["status"]["userInfo"]["username"] == "admin"


async def pod(server: Server, **spec: Any) -> Json:
    containers = [{"name": "c", "image": "x"}]
    made: Json = await server.create(
        PODS, {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}
    )
    return made


async def test_debugging_containers_are_only_added(autojump_clock: object) -> None:
    async with running() as server:
        await pod(server)
        path = f"{PODS}/p/ephemeralcontainers"
        strategic = "application/strategic-merge-patch+json"
        added = await server.ask(
            "PATCH",
            path,
            {"spec": {"ephemeralContainers": [{"name": "e", "image": "z"}]}},
            strategic,
        )
        assert added.status == 200, added.body
        found = added.json["spec"]["ephemeralContainers"][0]
        assert found["terminationMessagePolicy"] == "File"
        changed = await server.ask(
            "PATCH",
            path,
            {"spec": {"ephemeralContainers": [{"name": "e", "image": "y"}]}},
            strategic,
        )
        assert changed.status == 422
        elsewhere = await server.ask(
            "PATCH", f"{PODS}/p", {"spec": {"ephemeralContainers": None}}, MERGE
        )
        assert elsewhere.status in (200, 422)
        assert (await server.get(f"{PODS}/p"))["spec"]["ephemeralContainers"] == [found]


async def apply(server: Server, path: str, manager: str, **spec: Any) -> Answer:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}, "spec": spec}
    query = f"{path}?fieldManager={manager}"
    return await server.ask("PATCH", query, body, "application/apply-patch+yaml")


async def test_debugging_containers_are_applied(autojump_clock: object) -> None:
    async with running() as server:
        await pod(server)
        path = f"{PODS}/p/ephemeralcontainers"
        added = await apply(server, path, "me", ephemeralContainers=[{"name": "e", "image": "z"}])
        assert added.status == 200, added.json
        assert added.json["spec"]["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"
        assert "labels" not in added.json["metadata"]
        (entry,) = owned(added.json, "me")
        assert (entry["operation"], entry["subresource"]) == ("Apply", "ephemeralcontainers")
        assert entry["fieldsV1"] == {
            "f:spec": {
                "f:ephemeralContainers": {
                    'k:{"name":"e"}': {".": {}, "f:image": {}, "f:name": {}},
                }
            }
        }
        same = await apply(server, path, "me", ephemeralContainers=[{"name": "e", "image": "z"}])
        assert same.json["metadata"] == added.json["metadata"]
        taken = await apply(server, path, "you", ephemeralContainers=[{"name": "e", "image": "y"}])
        assert (taken.status, taken.json["reason"]) == (409, "Conflict")
        gone = await apply(server, path, "me")
        assert gone.status == 422  # they are only added


async def test_resources_are_applied(autojump_clock: object) -> None:
    async with running() as server:
        container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": "1"}}}
        await pod(server, containers=[container])
        path = f"{PODS}/p/resize"
        wanted = [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "2"}}}]
        refused = await apply(server, path, "me", containers=wanted)
        assert refused.status == 409  # who made the pod owns them
        resized = await apply(server, f"{path}", "me&force=true", containers=wanted)
        assert resized.status == 200, resized.json
        (found,) = resized.json["spec"]["containers"]
        assert (found["image"], found["resources"]) == ("x", {"requests": {"cpu": "2"}})
        (entry,) = owned(resized.json, "me")
        assert entry["subresource"] == "resize" and "f:image" not in json.dumps(entry)


def owned(obj: Json, manager: str) -> list[Json]:
    return [one for one in obj["metadata"]["managedFields"] if one["manager"] == manager]


async def test_logs(autojump_clock: object) -> None:
    async with running(nodes=1, scheduler=True) as server:
        await pod(server)
        watching = await server.watch(f"{PODS}?fieldSelector=status.phase%3DRunning")
        assert await watching.next(60) is not None
        answer = await server.ask("GET", f"{PODS}/p/log")
        assert answer.status == 200, answer.body
        assert dict(answer.headers)["Content-Type"].startswith("text/plain")
        wrong = await server.ask("GET", f"{PODS}/p/log?container=other")
        assert wrong.status == 400
        assert wrong.json["message"] == "container other is not valid for pod p"
