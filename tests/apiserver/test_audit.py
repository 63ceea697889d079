"""The audit log: which requests are told, how much of them, and what never is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import evolve

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.auditing.policy import Level, read_policy
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import Peer, User
from k8slite.objects import protobuf
from tests.apiserver.oracle_server import Server, request, running
from tests.apiserver.test_webhooks import MUTATING, RULE, Hooks, hook, patch, register

Json = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
MAP = {"metadata": {"name": "m"}, "data": {"a": "b"}}


def policy(*rules: Json, **more: Any) -> Json:
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}


@asynccontextmanager
async def audited(
    *rules: Json, webhooks: Hooks | None = None, **more: Any
) -> AsyncIterator[tuple[Server, list[Json]]]:
    """A server, and the events of those who come from outside."""
    events: list[Json] = []

    def write(line: bytes) -> None:
        assert line.endswith(b"\n") and line.count(b"\n") == 1
        event = json.loads(line)
        # The components of the cluster are audited too, as upstream's are.
        if event["user"].get("username") in (None, "admin", "joe"):
            events.append(event)

    log = AuditLog(read_policy(policy(*rules, **more)), write)
    async with running(controllers=False, audit=log, webhooks=webhooks) as server:
        yield server, events


def stages(events: list[Json]) -> list[str]:
    return [event["stage"] for event in events]


async def test_metadata(autojump_clock: object) -> None:
    async with audited({"level": "Metadata"}) as (server, events):
        answer = await server.ask("POST", f"{MAPS}?fieldManager=me", MAP)
        assert stages(events) == ["RequestReceived", "ResponseComplete"]
        last = events[-1]
        assert list(last)[:5] == ["kind", "apiVersion", "level", "auditID", "stage"]
        assert last["kind"] == "Event" and last["apiVersion"] == "audit.k8s.io/v1"
        assert last["level"] == "Metadata" and last["verb"] == "create"
        assert last["requestURI"] == f"{MAPS}?fieldManager=me"
        assert last["user"] == {
            "username": "admin",
            "groups": ["system:masters", "system:authenticated"],
        }
        assert last["userAgent"] == "Python-urllib/3.11"
        assert last["objectRef"] == {
            "resource": "configmaps",
            "namespace": "default",
            "apiVersion": "v1",
        }
        assert last["responseStatus"] == {"metadata": {}, "code": 201}
        assert last["annotations"] == {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "",
        }
        assert "requestObject" not in last and "responseObject" not in last
        assert ("Audit-Id", last["auditID"]) in answer.headers
        assert events[0]["auditID"] == last["auditID"]
        assert last["requestReceivedTimestamp"] <= last["stageTimestamp"]


async def test_requests_and_responses(autojump_clock: object) -> None:
    rules = (
        {"level": "Request", "verbs": ["update"]},
        {"level": "RequestResponse", "omitManagedFields": True, "omitStages": ["RequestReceived"]},
    )
    async with audited(*rules) as (server, events):
        await server.create(MAPS, MAP)
        (made,) = events
        assert made["requestObject"] == MAP
        assert made["responseObject"]["data"] == {"a": "b"}
        assert "managedFields" not in made["responseObject"]["metadata"]
        await server.ask("PUT", f"{MAPS}/m", MAP)
        changed = events[-1]
        assert changed["requestObject"] == MAP and "responseObject" not in changed
        patch = [{"op": "add", "path": "/data/c", "value": "d"}]
        await server.ask("PATCH", f"{MAPS}/m", patch, "application/json-patch+json")
        assert events[-1]["requestObject"] == patch
        refused = await server.ask("GET", f"{MAPS}/none")
        assert refused.status == 404
        status = events[-1]["responseStatus"]
        assert (status["code"], status["reason"]) == (404, "NotFound")
        assert status["message"] == 'configmaps "none" not found'


async def test_watches_have_a_beginning_and_an_end(autojump_clock: object) -> None:
    async with audited({"level": "Metadata"}) as (server, events):
        watching = await server.watch(MAPS)
        assert stages(events) == ["RequestReceived", "ResponseStarted"]
        await trio.sleep(5)
        watching.close()
        watching.close()
        assert stages(events) == ["RequestReceived", "ResponseStarted", "ResponseComplete"]
        assert events[-1]["verb"] == "watch"


async def test_who_may_not_and_whom_nobody_knows(autojump_clock: object) -> None:
    async with audited({"level": "Metadata", "omitStages": ["RequestReceived"]}) as (
        server,
        events,
    ):
        joe = evolve(request("GET", PODS), peer=Peer(user=User("joe", ("dev",))))
        assert (await server.cluster.handler(joe)).status == 403
        noted = events[-1]["annotations"]
        assert noted["authorization.k8s.io/decision"] == "forbid"
        assert events[-1]["responseStatus"]["reason"] == "Forbidden"
        assert (await server.ask("GET", PODS, token="very-secret")).status == 401
        assert events[-1]["user"] == {} and events[-1]["responseStatus"]["code"] == 401
        assert "very-secret" not in json.dumps(events)
        await server.ask("GET", PODS, user="jane")
        assert events[-1]["user"]["username"] == "admin"
        assert events[-1]["impersonatedUser"]["username"] == "jane"


async def test_no_token_is_told(autojump_clock: object) -> None:
    async with audited({"level": "RequestResponse"}) as (server, events):
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        await server.create(accounts, {"metadata": {"name": "robot"}})
        made = await server.create(f"{accounts}/robot/token", {"spec": {}})
        token = made["status"]["token"]
        review = {"kind": "TokenReview", "spec": {"token": token}}
        await server.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert token not in json.dumps(events)
        assert events[-1]["responseObject"]["status"]["authenticated"] is True


async def test_a_client_may_choose_the_identity(autojump_clock: object) -> None:
    async with audited({"level": "Metadata"}) as (server, events):
        for chosen in ("mine", "x" * 65):
            asked = request("GET", "/version")
            asked = evolve(asked, headers={**asked.headers, "audit-id": chosen})
            await server.cluster.handler(asked)
            assert events[-1]["auditID"] == chosen


async def test_what_pod_security_notes(autojump_clock: object) -> None:
    async with audited({"level": "Metadata"}) as (server, events):
        prefix = "pod-security.kubernetes.io/"
        labels = {f"{prefix}enforce": "privileged", f"{prefix}audit": "baseline"}
        await server.create("/api/v1/namespaces", {"metadata": {"name": "ns", "labels": labels}})
        await server.create(
            "/api/v1/namespaces/ns/serviceaccounts", {"metadata": {"name": "default"}}
        )
        context = {"privileged": True}
        spec = {"containers": [{"name": "c", "image": "x", "securityContext": context}]}
        pod = {"metadata": {"name": "p"}, "spec": spec}
        await server.create("/api/v1/namespaces/ns/pods", pod)
        noted = events[-1]["annotations"]
        assert noted[f"{prefix}enforce-policy"] == "privileged:latest"
        assert noted[f"{prefix}audit-violations"] == (
            'would violate PodSecurity "baseline:latest": privileged (container "c" must not set '
            "securityContext.privileged=true)"
        )


JOE = User("joe", ("dev",))
GET_POD = RequestInfo("get", "", True, "", "v1", "ns", "pods", "p")
GET_LOG = RequestInfo("get", "", True, "", "v1", "ns", "pods", "p", "log")
GET_NODE = RequestInfo("get", "", True, "", "v1", "", "nodes", "n")
GET_HEALTH = RequestInfo("get", "/healthz/ping")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, [GET_POD, GET_LOG, GET_NODE, GET_HEALTH]),
        ({"users": ["joe"]}, [GET_POD, GET_LOG, GET_NODE, GET_HEALTH]),
        ({"users": ["jane"]}, []),
        (
            {"userGroups": ["ops", "dev"], "verbs": ["get"]},
            [GET_POD, GET_LOG, GET_NODE, GET_HEALTH],
        ),
        ({"verbs": ["list"]}, []),
        ({"namespaces": ["ns"]}, [GET_POD, GET_LOG]),
        ({"namespaces": [""]}, [GET_NODE]),
        ({"resources": [{"group": ""}]}, [GET_POD, GET_LOG, GET_NODE]),
        ({"resources": [{"resources": ["pods"]}]}, [GET_POD]),
        ({"resources": [{"resources": ["pods/*"]}]}, [GET_POD, GET_LOG]),
        ({"resources": [{"resources": ["*/log"]}]}, [GET_LOG]),
        ({"resources": [{"resources": ["*"], "resourceNames": ["n"]}]}, [GET_NODE]),
        ({"resources": [{"group": "apps"}]}, []),
        ({"nonResourceURLs": ["/healthz*"]}, [GET_HEALTH]),
        ({"nonResourceURLs": ["/healthz"]}, []),
    ],
)
def test_rules(rule: Json, told: list[RequestInfo]) -> None:
    found = read_policy(policy({"level": "Metadata", **rule}))
    every = [GET_POD, GET_LOG, GET_NODE, GET_HEALTH]
    assert [one for one in every if found.tell(JOE, one).level is Level.METADATA] == told


def test_the_first_rule_that_matches() -> None:
    rules = [{"level": "None", "verbs": ["get"]}, {"level": "Request"}]
    found = read_policy(policy(*rules, omitStages=["Panic"]))
    assert found.tell(JOE, GET_POD).level is Level.NONE
    told = found.tell(JOE, RequestInfo("list", "", True))
    assert told.level is Level.REQUEST and told.omit_stages == {"Panic"}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "is an object"),
        ({"kind": "Policy"}, "not a Policy of audit.k8s.io/v1"),
        (policy(), "0 rules"),
        (policy({}), "rules[0].level: Required value"),
        (policy({"level": "All"}), 'rules[0].level: Unsupported value: "All"'),
        (policy({"level": "None", "omitStages": ["x"]}), "rules[0].omitStages: Invalid value"),
        (policy({"level": "None", "users": "joe"}), "rules[0].users: it is not a list"),
        (policy({"level": "None", "nonResourceURLs": ["x"]}), "must begin with"),
        (
            policy({"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["n"]}),
            "rules cannot apply to both",
        ),
        (policy({"level": "None", "resources": [{"resourceNames": ["n"]}]}), "at least one"),
    ],
)
def test_wrong_policies(document: Any, why: str) -> None:
    with pytest.raises(ValueError) as error:
        read_policy(document)
    assert why in str(error.value)


async def test_what_policies_note(autojump_clock: object) -> None:
    async with audited({"level": "Metadata"}) as (server, events):
        group = "/apis/admissionregistration.k8s.io/v1"
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["configmaps"],
        }
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "!has(object.data)", "message": "no data"}],
            "auditAnnotations": [{"key": "who", "valueExpression": "string(object.metadata.name)"}],
        }
        policies = f"{group}/validatingadmissionpolicies"
        await server.create(policies, {"metadata": {"name": "p"}, "spec": spec})
        binding = {"policyName": "p", "validationActions": ["Audit"]}
        bindings = f"{group}/validatingadmissionpolicybindings"
        await server.create(bindings, {"metadata": {"name": "b"}, "spec": binding})
        await server.create(MAPS, MAP)
        noted = events[-1]["annotations"]
        failure = noted["validation.policy.admission.k8s.io/validation_failure"]
        assert json.loads(failure)[0]["message"] == "no data"
        assert noted["p/who"] == "m"


async def test_bodies_in_protobuf_and_yaml_are_told_too(autojump_clock: object) -> None:
    rule = {"level": "RequestResponse", "omitStages": ["RequestReceived"]}
    async with audited(rule) as (server, events):
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", **MAP}
        body = protobuf.encode(wanted)
        kind = "application/vnd.kubernetes.protobuf"
        answer = await server.ask("POST", MAPS, body, kind, accept=kind)
        assert answer.status == 201 and answer.body.startswith(b"k8s")
        (made,) = events
        assert made["requestObject"]["data"] == made["responseObject"]["data"] == {"a": "b"}
        refused = await server.ask("GET", f"{MAPS}/none", accept=kind)
        assert refused.body.startswith(b"k8s")
        assert events[-1]["responseStatus"]["reason"] == "NotFound"
        await server.ask("PUT", f"{MAPS}/m", b"data: {c: d}\n", "application/yaml")
        assert events[-1]["requestObject"] == {"data": {"c": "d"}}


@pytest.mark.parametrize("level", ["Metadata", "Request"])
async def test_what_webhooks_change_is_noted(level: str, autojump_clock: object) -> None:
    hooks = Hooks()
    operation = {"op": "add", "path": "/data/by", "value": "hook"}
    hooks.answers["/a"] = lambda _: patch(operation)
    hooks.answers["/b"] = lambda _: {"status_code": 500}
    hooks.answers["/c"] = lambda _: {}
    async with audited({"level": level}, webhooks=hooks) as (server, events):
        never = {**RULE, "resources": ["pods"]}
        asked = [hook("a"), hook("n", rules=[never]), hook("b", failurePolicy="Ignore"), hook("c")]
        await register(server, MUTATING, *asked)
        await server.ask("POST", MAPS, MAP)
        noted = events[-1]["annotations"]
        mutation = "mutation.webhook.admission.k8s.io/round_0_index_"
        for number, name, mutated in ((0, "a", True), (2, "b", False), (3, "c", False)):
            told = {"configuration": "c", "webhook": f"{name}.e.com", "mutated": mutated}
            assert json.loads(noted[f"{mutation}{number}"]) == told
        assert noted[f"failed-open.{mutation}2"] == "b.e.com"
        assert f"{mutation}1" not in noted
        key = "patch.webhook.admission.k8s.io/round_0_index_0"
        if level == "Metadata":
            assert key not in noted
        else:
            told = {"configuration": "c", "webhook": "a.e.com", "patch": [operation]}
            assert json.loads(noted[key]) == {**told, "patchType": "JSONPatch"}
