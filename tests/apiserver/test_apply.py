"""Server-side apply and managedFields, as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.oracle_server import Answer, Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


async def apply(server: Server, path: str, obj: Json, **options: str) -> Answer:
    query = "&".join(f"{key}={value}" for key, value in {"fieldManager": "one", **options}.items())
    return await server.ask("PATCH", f"{path}?{query}", obj, APPLY)


def settings(**data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def deployment(*containers: Json, **spec: Any) -> Json:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": list(containers) or [{"name": "c", "image": "x"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


def managers(obj: Json) -> dict[tuple[str, str], Json]:
    return {
        (one["manager"], one.get("subresource", "")): one["fieldsV1"]
        for one in obj["metadata"].get("managedFields", ())
    }


async def test_an_applier_of_nothing_new_writes_nothing(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        first = await apply(server, f"{MAPS}/a", settings(a="1"))
        before = server.store.revision
        again = await apply(server, f"{MAPS}/a", settings(a="1"))
        assert (first.status, again.status) == (201, 200)
        assert again.json == first.json
        assert server.store.revision == before


async def test_many_conflicts_in_words(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await apply(server, f"{MAPS}/a", settings(a="1", b="1"))
        await server.ask("PATCH", f"{MAPS}/a?fieldManager=two", {"data": {"c": "1"}}, MERGE)
        answer = await apply(server, f"{MAPS}/a", settings(a="2", b="2", c="2"), fieldManager="me")
        assert answer.status == 409
        assert answer.json["message"] == (
            'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\n'
            'conflicts with "two" using v1:\n- .data.c'
        )
        assert [one["field"] for one in answer.json["details"]["causes"]] == [
            ".data.a",
            ".data.b",
            ".data.c",
        ]


async def test_what_cannot_be_applied(autojump_clock: object) -> None:
    wrong = {**settings(), "data": {"a": "1"}}
    async with running(controllers=False) as server:
        named = {**wrong, "metadata": {"name": "b"}}
        assert (await apply(server, f"{MAPS}/a", named)).status == 400
        version = await apply(server, f"{MAPS}/a", {**wrong, "apiVersion": "v2"})
        assert version.status == 400
        assert version.json["message"] == (
            "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1"
        )
        owned = {**wrong, "metadata": {"name": "a", "managedFields": [{"manager": "x"}]}}
        answer = await apply(server, f"{MAPS}/a", owned)
        assert (answer.status, answer.json["message"]) == (
            400,
            "metadata.managedFields must be nil",
        )
        unknown = await apply(server, f"{MAPS}/a", {**wrong, "spec": {}})
        assert (unknown.status, unknown.json["message"]) == (
            500,
            "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .spec: field "
            "not declared in schema",
        )
        env = [{"name": "E", "value": "1"}, {"name": "E", "value": "2"}]
        twice = deployment({"name": "c", "image": "x", "env": env})
        answer = await apply(server, f"{DEPLOYMENTS}/d", twice)
        assert answer.json["message"] == (
            "failed to create typed patch object (default/d; apps/v1, Kind=Deployment): "
            '.spec.template.spec.containers[name="c"].env: duplicate entries for key [name="E"]'
        )
        uid = {**wrong, "metadata": {"name": "a", "uid": "x"}}
        assert (await apply(server, f"{MAPS}/a", uid)).status == 409
        assert (await server.ask("PATCH", f"{MAPS}/a?fieldManager=x", b"{", APPLY)).status == 400
        forced = await server.ask("PATCH", f"{MAPS}/a?force=true", {}, MERGE)
        assert forced.status == 422
        assert forced.json["details"]["causes"][0]["field"] == "force"
        long = await apply(server, f"{MAPS}/a", wrong, fieldManager="x" * 129)
        assert long.status == 422
        assert server.store.get("configmaps/default/a") is None


async def test_a_status_is_applied_alone(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await apply(server, f"{DEPLOYMENTS}/d", deployment(replicas=2))
        sent = {**deployment(replicas=5), "status": {"replicas": 7}}
        answer = await apply(server, f"{DEPLOYMENTS}/d/status", sent, fieldManager="two")
        assert answer.status == 200, answer.json
        assert answer.json["spec"]["replicas"] == 2
        assert answer.json["status"]["replicas"] == 7
        found = managers(answer.json)
        assert found["two", "status"] == {"f:status": {"f:replicas": {}}}
        assert "f:status" not in found["one", ""]
        absent = await apply(server, f"{DEPLOYMENTS}/e/status", sent)
        assert absent.status in (400, 404)


async def test_replicas_belong_to_who_scales(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await apply(server, f"{DEPLOYMENTS}/d", deployment(replicas=2))
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 3}}
        refused = await apply(server, f"{DEPLOYMENTS}/d/scale", scale, fieldManager="two")
        assert refused.status == 409
        assert refused.json["message"] == (
            'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
        )
        done = await apply(
            server, f"{DEPLOYMENTS}/d/scale", scale, fieldManager="two", force="true"
        )
        assert (done.status, done.json["spec"]) == (200, {"replicas": 3})
        obj = await server.get(f"{DEPLOYMENTS}/d")
        assert managers(obj)["two", "scale"] == {"f:spec": {"f:replicas": {}}}
        assert "f:replicas" not in managers(obj)["one", ""]["f:spec"]
        # The one who does not speak of replicas any more leaves them alone.
        answer = await apply(server, f"{DEPLOYMENTS}/d", deployment())
        assert answer.json["spec"]["replicas"] == 3


async def test_fields_without_an_owner_fall_back_to_their_defaults(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await apply(server, f"{DEPLOYMENTS}/d", deployment(replicas=2))
        answer = await apply(server, f"{DEPLOYMENTS}/d", deployment())
        assert answer.json["spec"]["replicas"] == 1


async def test_managers_may_be_taken_off_and_moved(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = (await apply(server, f"{MAPS}/a", settings(a="1"))).json
        nothing = await server.ask("PATCH", f"{MAPS}/a", {"metadata": {"managedFields": []}}, MERGE)
        assert managers(nothing.json) == managers(made)
        [entry] = made["metadata"]["managedFields"]
        moved = {"metadata": {"managedFields": [{**entry, "manager": "two"}]}}
        answer = await server.ask("PATCH", f"{MAPS}/a", moved, MERGE)
        assert list(managers(answer.json)) == [("two", "")]
        off = await server.ask("PATCH", f"{MAPS}/a", {"metadata": {"managedFields": [{}]}}, MERGE)
        assert managers(off.json) == {}
        wrong = {"metadata": {"managedFields": [{**entry, "operation": "Steal"}]}}
        refused = await server.ask("PATCH", f"{MAPS}/a", wrong, MERGE)
        assert refused.status == 422
        # What was there before anybody was noted belongs to one name.
        answer = await apply(server, f"{MAPS}/a", settings(b="1"))
        assert set(managers(answer.json)) == {("one", ""), ("before-first-apply", "")}


async def test_kubectl_takes_over_what_it_applied_from_the_client(autojump_clock: object) -> None:
    last = '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1"}}'
    note = "kubectl.kubernetes.io/last-applied-configuration"
    async with running(controllers=False) as server:
        noted = {**settings(a="1", b="1"), "metadata": {"name": "a", "annotations": {note: last}}}
        await server.ask("POST", f"{MAPS}?fieldManager=client-side", noted)
        other = await apply(server, f"{MAPS}/a", settings(a="2"), fieldManager="other")
        assert other.status == 409
        b = await apply(server, f"{MAPS}/a", settings(b="2"), fieldManager="kubectl")
        assert b.status == 409
        a = await apply(server, f"{MAPS}/a", settings(a="2"), fieldManager="kubectl")
        assert a.status == 200
        assert a.json["data"] == {"a": "2", "b": "1"}
        assert '"data":{"a":"2"}' in a.json["metadata"]["annotations"][note]


async def test_there_are_never_too_many_updaters(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await apply(server, f"{MAPS}/a", settings())
        for number in range(14):
            patch = {"data": {f"k{number}": "v"}}
            await server.ask("PATCH", f"{MAPS}/a?fieldManager=m{number:02}", patch, MERGE)
        found = managers(await server.get(f"{MAPS}/a"))
        updaters = [name for name, _ in found if name != "one"]
        assert len(updaters) == 10
        assert len(found["ancient-changes", ""]["f:data"]) == 1 + 5  # the map itself too


async def test_managers_see_a_write_in_their_own_version(autojump_clock: object) -> None:
    scalers = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    obj = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": spec,
    }
    async with running(controllers=False) as server:
        first = await apply(server, scalers.format("v1") + "/h", obj)
        assert first.status == 201, first.json
        resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
        patch = {"spec": {"metrics": [{"type": "Resource", "resource": resource}]}}
        answer = await server.ask(
            "PATCH", scalers.format("v2") + "/h?fieldManager=two", patch, MERGE
        )
        assert answer.status == 200, answer.json
        found = managers(answer.json)
        assert "f:targetCPUUtilizationPercentage" not in found["one", ""]["f:spec"]
        assert found["two", ""] == {"f:spec": {"f:metrics": {}}}


@pytest.mark.parametrize("yaml", [b"- 1\n", b"x\n", b"a: b: c\n", b"\xff\xfe", b"metadata: 3\n"])
async def test_bodies_that_are_no_object(autojump_clock: object, yaml: bytes) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("PATCH", f"{MAPS}/a?fieldManager=one", yaml, APPLY)
        assert answer.status == 400, answer.json


async def test_an_applier_needs_the_right_to_create(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        role = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]}
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
        await server.create(f"{rbac}/roles", {"metadata": {"name": "p"}, **role})
        binding = {
            "metadata": {"name": "p"},
            "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "p"},
        }
        await server.create(f"{rbac}/rolebindings", binding)
        answer = await server.ask(
            "PATCH", f"{MAPS}/a?fieldManager=u", settings(a="1"), APPLY, user="u"
        )
        assert answer.status == 403
        assert 'User "u" cannot create resource "configmaps"' in answer.json["message"]
        await server.create(MAPS, settings(b="1"))
        answer = await server.ask(
            "PATCH", f"{MAPS}/a?fieldManager=u", settings(a="1"), APPLY, user="u"
        )
        assert answer.status == 200


async def test_yaml_and_json_alike(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        text = (
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {1: x, d: 2026-01-01}\n"
        )
        path = f"{MAPS}/a?fieldManager=one"
        answer = await server.ask("PATCH", path, text, APPLY)
        assert answer.json["data"] == {"1": "x", "d": "2026-01-01"}, answer.json
        pair = b'{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"\\ud83d\\ude00"}}'
        answer = await server.ask("PATCH", path, pair, APPLY)
        assert answer.json["data"] == {"a": "\U0001f600"}, answer.json
