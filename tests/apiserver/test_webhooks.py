"""Webhooks and policies: who is asked about what, and what comes of the answers."""

from __future__ import annotations

import base64
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

MAPS = "/api/v1/namespaces/default/configmaps"
GROUP = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{GROUP}/mutatingwebhookconfigurations"
VALIDATING = f"{GROUP}/validatingwebhookconfigurations"
POLICIES = f"{GROUP}/validatingadmissionpolicies"
BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"
MERGE = "application/merge-patch+json"
RULE = {
    "operations": ["CREATE", "UPDATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
}


@define
class Hooks:
    """The other side: by path, what is answered to a request for admission."""

    answers: dict[str, Callable[[Json], Json]] = field(factory=dict)
    asked: list[tuple[str, Json]] = field(factory=list)
    endpoints: list[Endpoint] = field(factory=list)

    def __call__(self, endpoint: Endpoint) -> Handler:
        self.endpoints.append(endpoint)

        async def handle(request: Request) -> Response:
            review = json.loads(request.body)
            self.asked.append((request.path, review["request"]))
            answer = self.answers[request.path](review["request"])
            if "sleep" in answer:
                await trio.sleep(answer["sleep"])
            if "status_code" in answer:
                return Response(answer["status_code"], b"no")
            response = {"uid": review["request"]["uid"], "allowed": True, **answer}
            return Response(200, json.dumps({**review, "response": response}).encode())

        return handle


def patch(*operations: Json) -> Json:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"patchType": "JSONPatch", "patch": text}


def hook(name: str = "a", **more: Any) -> Json:
    return {
        "name": f"{name}.e.com",
        "clientConfig": {"url": f"https://hooks.e.com/{name}"},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


async def register(server: Server, path: str, *hooks: Json) -> None:
    await server.create(path, {"metadata": {"name": "c"}, "webhooks": list(hooks)})


def settings(name: str = "m", **data: str) -> Json:
    return {"metadata": {"name": name}, "data": data}


async def test_an_object_is_changed_and_warned_about(autojump_clock: object) -> None:
    hooks = Hooks()
    added = {"op": "add", "path": "/data/by", "value": "hook"}
    hooks.answers["/a"] = lambda _: {**patch(added), "warnings": ["beware"]}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, MUTATING, hook())
        answer = await server.ask("POST", MAPS, settings(k="v"))
        assert answer.status == 201, answer.json
        assert answer.json["data"] == {"k": "v", "by": "hook"}
        assert answer.warnings == ['299 - "beware"']
        [(_, asked)] = hooks.asked
        assert asked["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
        assert asked["operation"] == "CREATE" and asked["oldObject"] is None
        assert asked["object"]["data"] == {"k": "v"}
        assert asked["userInfo"]["username"] and asked["namespace"] == "default"
        assert hooks.endpoints[0].url == "https://hooks.e.com:443"
        await server.ask("POST", f"{MAPS}?dryRun=All", settings("n"))
        assert hooks.asked[1][1]["dryRun"] is True


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        ({"message": "no"}, 400, 'admission webhook "a.e.com" denied the request: no'),
        ({}, 400, 'admission webhook "a.e.com" denied the request without explanation'),
        (
            {"code": 418, "reason": "Tea"},
            418,
            'admission webhook "a.e.com" denied the request: Tea',
        ),
    ],
)
async def test_a_refusal(autojump_clock: object, status: Json, code: int, text: str) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {"allowed": False, "status": status}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook())
        answer = await server.ask("POST", MAPS, settings())
        assert (answer.status, answer.json["message"]) == (code, text)
        assert (await server.ask("GET", f"{MAPS}/m")).status == 404


@pytest.mark.parametrize(
    "odd",
    [
        {"allowed": "yes"},
        {"allowed": False, "status": "no"},
        {"allowed": False, "status": {"code": "x", "reason": 3, "details": []}},
        {"warnings": 5, "allowed": False},
        {"allowed": False, "status": {"code": 200, "message": None}},
    ],
)
async def test_an_odd_refusal(autojump_clock: object, odd: Json) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: odd
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook())
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 400
        assert answer.json["message"].startswith('admission webhook "a.e.com" denied the request')


@pytest.mark.parametrize(
    "broken",
    [
        {"sleep": 60},
        {"status_code": 500},
        {"uid": "another"},
        {"patchType": "Magic", "patch": "e30="},
        {"patchType": "JSONPatch", "patch": "!"},
    ],
)
async def test_a_webhook_that_hangs_or_lies(autojump_clock: object, broken: Json) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: broken
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, MUTATING, hook(timeoutSeconds=2))
        began = trio.current_time()
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 500
        assert answer.json["message"].startswith(
            'Internal error occurred: failed calling webhook "a.e.com": failed to call webhook: '
        )
        assert trio.current_time() - began <= 2.5
        loose = {"webhooks": [hook(timeoutSeconds=2, failurePolicy="Ignore")]}
        await server.ask("PATCH", f"{MUTATING}/c", loose, MERGE)
        assert (await server.ask("POST", MAPS, settings())).status == 201


async def test_who_is_asked(autojump_clock: object) -> None:
    hooks = Hooks()
    for name in "abcd":
        hooks.answers[f"/{name}"] = lambda _: {}
    labelled = {"objectSelector": {"matchLabels": {"x": "y"}}}
    elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    condition = {"matchConditions": [{"name": "big", "expression": "size(object.data) > 1"}]}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(
            server,
            VALIDATING,
            hook("a"),
            hook("b", **labelled),
            hook("c", **elsewhere),
            hook("d", **condition),
        )
        await server.create(MAPS, settings(k="v"))
        assert sorted(path for path, _ in hooks.asked) == ["/a"]
        hooks.asked.clear()
        marked = {"metadata": {"labels": {"x": "y"}}, "data": {"more": "z"}}
        await server.ask("PATCH", f"{MAPS}/m", marked, MERGE)
        assert sorted(path for path, _ in hooks.asked) == ["/a", "/b", "/d"]
        asked = hooks.asked[0][1]
        assert asked["operation"] == "UPDATE" and asked["oldObject"]["data"] == {"k": "v"}
        hooks.asked.clear()
        await server.ask("DELETE", f"{MAPS}/m")
        await server.ask("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})
        assert hooks.asked == []


async def test_an_equivalent_version(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {}
    rule = {
        "operations": ["*"],
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"],
        "resources": ["*"],
    }
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    scaler = {"metadata": {"name": "h"}, "spec": {"scaleTargetRef": target, "maxReplicas": 2}}
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook(rules=[rule]))
        await server.create(path, scaler)
        [(_, asked)] = hooks.asked
        assert asked["kind"]["version"] == asked["object"]["apiVersion"].partition("/")[2] == "v1"
        assert asked["requestKind"]["version"] == "v2"
        exact = {"webhooks": [hook(rules=[rule], matchPolicy="Exact")]}
        await server.ask("PATCH", f"{VALIDATING}/c", exact, MERGE)
        hooks.asked.clear()
        await server.ask("PATCH", f"{path}/h", {"spec": {"maxReplicas": 3}}, MERGE)
        assert hooks.asked == []


async def test_asked_again_after_a_later_change(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {}
    hooks.answers["/b"] = lambda _: patch({"op": "add", "path": "/data/b", "value": "1"})
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, MUTATING, hook("a", reinvocationPolicy="IfNeeded"), hook("b"))
        await server.create(MAPS, settings(k="v"))
        assert [path for path, _ in hooks.asked] == ["/a", "/b", "/a"]
        assert hooks.asked[2][1]["object"]["data"] == {"k": "v", "b": "1"}


async def test_nobody_is_asked_about_webhooks(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {"allowed": False}
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook(rules=[rule]))
        assert (await server.ask("POST", MAPS, settings())).status == 400
        assert (await server.ask("DELETE", f"{VALIDATING}/c")).status == 200
        assert (await server.ask("POST", MAPS, settings())).status == 201


@pytest.mark.parametrize(
    ("expression", "is_asked"),
    [
        ("authorizer.group('').resource('configmaps').check('delete').allowed()", True),
        ("!authorizer.requestResource.check('create').allowed()", False),
        ("namespaceObject.metadata.name == 'default' && request.name == 'm'", True),
        ("object.nothing == 1 || false", True),  # fails, and the webhook may not
        ("object.nothing == 1 && false", False),
    ],
)
async def test_conditions_know_rights_and_decide_without_what_fails(
    expression: str, is_asked: bool, autojump_clock: object
) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {"allowed": False}
    condition = {"matchConditions": [{"name": "c", "expression": expression}]}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook(**condition))
        answer = await server.ask("POST", MAPS, settings())
        assert (answer.status != 201) is is_asked, answer.json


async def test_conditions_are_checked_when_they_are_written(autojump_clock: object) -> None:
    conditions = [{"name": "c", "expression": "variables.x == params.y"}]
    async with running(controllers=False) as server:
        made = {"metadata": {"name": "c"}, "webhooks": [hook(matchConditions=conditions)]}
        answer = await server.ask("POST", VALIDATING, made)
        assert answer.status == 422
        for name in ("variables", "params"):
            assert f"undeclared reference to '{name}'" in answer.json["message"]


async def test_a_webhook_behind_a_service(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/review"] = lambda _: {}
    port = {"port": 8443, "targetPort": 9443}
    async with running(controllers=False, webhooks=hooks) as server:
        service = {"name": "s", "namespace": "default", "path": "/review", "port": 8443}
        await register(server, VALIDATING, hook(clientConfig={"service": service}))
        answer = await server.ask("POST", MAPS, settings())
        assert 'service "s" not found' in answer.json["message"]
        services = "/api/v1/namespaces/default/services"
        await server.create(services, {"metadata": {"name": "s"}, "spec": {"ports": [port]}})
        answer = await server.ask("POST", MAPS, settings())
        assert 'no endpoints available for service "s"' in answer.json["message"]
        ready = {
            "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"]}],
            "ports": [{"port": 9443}],
        }
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        await server.create(slices, ready)
        assert (await server.ask("POST", MAPS, settings())).status == 201
        found = hooks.endpoints[-1]
        assert (found.url, found.server_name) == ("https://127.0.0.1:9443", "s.default.svc")


def policy(*validations: Json, **more: Any) -> Json:
    return {
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [RULE]},
            "validations": list(validations),
            **more,
        },
    }


async def bind(server: Server, *actions: str, **more: Any) -> None:
    spec = {"policyName": "p", "validationActions": list(actions) or ["Deny"], **more}
    await server.create(BINDINGS, {"metadata": {"name": "b"}, "spec": spec})


async def test_a_policy_denies(autojump_clock: object) -> None:
    few = {"expression": "size(object.data) < 2"}
    async with running(controllers=False) as server:
        await server.create(POLICIES, policy(few))
        assert (await server.ask("POST", MAPS, settings("free", a="1", b="2"))).status == 201
        await bind(server)
        answer = await server.ask("POST", MAPS, settings(a="1", b="2"))
        assert (answer.status, answer.json["reason"]) == (422, "Invalid")
        assert answer.json["message"] == (
            "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
            "request: failed expression: size(object.data) < 2"
        )
        assert (await server.ask("POST", MAPS, settings(a="1"))).status == 201


async def test_a_policy_warns(autojump_clock: object) -> None:
    few = {"expression": "false", "messageExpression": "'hi ' + object.metadata.name"}
    async with running(controllers=False) as server:
        await server.create(POLICIES, policy(few))
        await bind(server, "Warn", "Audit")
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 201
        assert answer.warnings == [
            "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': hi m\""
        ]


async def test_a_policy_with_parameters_and_variables(autojump_clock: object) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    most = {"name": "most", "expression": "int(params.data.most)"}
    few = {
        "expression": "size(object.data) <= variables.most",
        "message": "too many",
        "reason": "Forbidden",
    }
    mine = {"name": "mine", "expression": "!has(object.metadata.labels)"}
    async with running(controllers=False) as server:
        extra = {"variables": [most], "paramKind": kind, "matchConditions": [mine]}
        await server.create(POLICIES, policy(few, **extra))
        reference = {"name": "limits", "parameterNotFoundAction": "Deny"}
        await bind(server, paramRef=reference)
        missing = await server.ask("POST", MAPS, settings("limits", most="1"))
        assert missing.status == 422
        assert "no params found" in missing.json["message"]
        labelled = settings("limits", most="1")
        labelled["metadata"]["labels"] = {"a": "b"}
        elsewhere = MAPS.replace("default", "kube-public")
        assert (await server.ask("POST", elsewhere, labelled)).status == 422
        await server.ask("DELETE", f"{BINDINGS}/b")
        await server.create(MAPS, labelled)
        await bind(server, paramRef=reference)
        answer = await server.ask("POST", MAPS, settings(a="1", b="2"))
        assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
        assert answer.json["message"].endswith("denied request: too many")
        assert (await server.ask("POST", MAPS, settings(a="1"))).status == 201


async def test_a_policy_that_breaks(autojump_clock: object) -> None:
    broken = {"expression": "object.nothing == 1"}
    async with running(controllers=False) as server:
        await server.create(POLICIES, policy(broken))
        await bind(server)
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 422
        assert "resulted in error: no such key: nothing" in answer.json["message"]
        patched = {"spec": {"failurePolicy": "Ignore"}}
        await server.ask("PATCH", f"{POLICIES}/p", patched, MERGE)
        assert (await server.ask("POST", MAPS, settings())).status == 201


@pytest.mark.parametrize(
    ("path", "kind", "options"),
    [
        ("attach?container=c&stdin=true", "PodAttachOptions", {"container": "c", "stdin": True}),
        ("exec?command=ls&command=-l&tty=1", "PodExecOptions", {"command": ["ls", "-l"]}),
        ("portforward?ports=80", "PodPortForwardOptions", {"ports": [80]}),
    ],
)
async def test_streams_are_admitted(
    path: str, kind: str, options: Json, autojump_clock: object
) -> None:
    hooks = Hooks({"/a": lambda _: {"allowed": False, "status": {"message": "hands off"}}})
    part = path.partition("?")[0]
    rule = {**RULE, "operations": ["CONNECT"], "resources": [f"pods/{part}"]}
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, VALIDATING, hook(rules=[rule]))
        refused = await server.ask("GET", f"/api/v1/namespaces/default/pods/web/{path}")
        assert refused.status == 400
        assert refused.json["message"].endswith("denied the request: hands off")
        [(_, asked)] = hooks.asked
        assert (asked["operation"], asked["name"]) == ("CONNECT", "web")
        assert (asked["subResource"], asked["options"]) == (part, None)
        assert asked["kind"] == {"group": "", "version": "v1", "kind": kind}
        assert asked["object"].items() >= {"kind": kind, "apiVersion": "v1", **options}.items()
        assert asked["oldObject"] is None
