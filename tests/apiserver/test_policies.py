"""Admission policies: what validating ones say and leave behind, what mutating ones change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.apiserver.oracle_server import Answer, Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
NAMESPACES = "/api/v1/namespaces"
GROUP = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{GROUP}/validatingadmissionpolicies"
VALIDATING_BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"
MUTATING = f"{GROUP}/mutatingadmissionpolicies"
MUTATING_BINDINGS = f"{GROUP}/mutatingadmissionpolicybindings"
MERGE = "application/merge-patch+json"
ON_MAPS: Json = {
    "operations": ["*"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
}
ON_DEPLOYMENTS: Json = {**ON_MAPS, "apiGroups": ["apps"], "resources": ["deployments"]}


def settings(name: str = "m", labels: Json | None = None, **data: str) -> Json:
    metadata: Json = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str = "d", **spec: Any) -> Json:
    labels = {"app": name}
    pod = {"containers": [{"name": "c", "image": "x"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def validating(*validations: Json, rule: Json = ON_MAPS, **more: Any) -> Json:
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": list(validations), **more}
    return {"metadata": {"name": "p"}, "spec": spec}


def apply(expression: str) -> Json:
    made = {"expression": expression}
    return {"patchType": "ApplyConfiguration", "applyConfiguration": made}


def patch(expression: str) -> Json:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def mutating(*mutations: Json, name: str = "p", rule: Json = ON_DEPLOYMENTS, **more: Any) -> Json:
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "mutations": list(mutations),
        "reinvocationPolicy": "Never",
        **more,
    }
    return {"metadata": {"name": name}, "spec": spec}


async def in_force(server: Server, policy: Json, *actions: str, **more: Any) -> None:
    """Create a policy with its binding."""
    name, spec = policy["metadata"]["name"], {"policyName": policy["metadata"]["name"], **more}
    if "mutations" in policy["spec"]:
        await server.create(MUTATING, policy)
        await server.create(MUTATING_BINDINGS, {"metadata": {"name": name}, "spec": spec})
        return
    spec["validationActions"] = list(actions) or ["Deny"]
    await server.create(VALIDATING, policy)
    await server.create(VALIDATING_BINDINGS, {"metadata": {"name": name}, "spec": spec})


def told(answer: Answer) -> list[str]:
    causes = answer.json["details"]["causes"]
    return [f"{one['field']}: {one['message']}" for one in causes]


# Policies that validate.


async def test_what_expressions_may_name(autojump_clock: object) -> None:
    holds = [
        "request.operation == 'CREATE' && request.resource.resource == 'configmaps'",
        "'system:masters' in request.userInfo.groups && !request.dryRun",
        "namespaceObject.metadata.name == 'default' && oldObject == null",
        "object.metadata.name == request.name && object.kind == 'ConfigMap'",
        "variables.double == 2 && variables.triple == 3",
        "has(request.namespace) && !has(request.subResource)",
    ]
    variables = [
        {"name": "one", "expression": "object.data.size()"},
        {"name": "double", "expression": "variables.one * 2"},
        {"name": "triple", "expression": "variables.double + variables.one"},
        {"name": "broken", "expression": "object.nothing.at.all"},
    ]
    async with running(controllers=False) as server:
        rules = [{"expression": one} for one in holds]
        await in_force(server, validating(*rules, variables=variables))
        answer = await server.ask("POST", MAPS, settings(a="1"))
        assert answer.status == 201, answer.json["message"]


async def test_a_variable_that_breaks(autojump_clock: object) -> None:
    variables = [{"name": "broken", "expression": "object.nothing"}]
    rule = {"expression": "variables.broken == 1"}
    async with running(controllers=False) as server:
        await in_force(server, validating(rule, variables=variables))
        answer = await server.ask("POST", MAPS, settings())
        assert answer.json["message"].endswith(
            "denied request: expression 'variables.broken == 1' resulted in error: composited "
            'variable "broken" fails to evaluate: no such key: nothing'
        )


async def test_rights_in_policies(autojump_clock: object) -> None:
    rules = [
        "authorizer.group('').resource('configmaps').namespace('x').check('delete').allowed()",
        "authorizer.path('/healthz').check('get').allowed()",
        "authorizer.requestResource.check('update').allowed()",
        "!authorizer.serviceAccount('default', 'default').group('').resource('pods')"
        ".check('list').allowed()",
        "!authorizer.path('/healthz').check('get').errored()",
    ]
    async with running(controllers=False) as server:
        await in_force(server, validating(*({"expression": one} for one in rules)))
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 201, answer.json["message"]


async def test_three_checks_of_rights_are_too_many(autojump_clock: object) -> None:
    one = "authorizer.path('/a').check('get').allowed()"
    async with running(controllers=False) as server:
        await in_force(server, validating({"expression": f"{one} && {one} && {one}"}))
        answer = await server.ask("POST", MAPS, settings())
        assert answer.status == 422
        assert "operation cancelled: actual cost limit exceeded" in answer.json["message"]


async def test_excluded_and_named_resources(autojump_clock: object) -> None:
    never = {"expression": "false"}
    named = {**ON_MAPS, "resourceNames": ["m", "n"]}
    constraints = {
        "resourceRules": [named],
        "excludeResourceRules": [{**ON_MAPS, "resourceNames": ["n"]}],
        "objectSelector": {"matchLabels": {"strict": "yes"}},
    }
    strict = {"strict": "yes"}
    async with running(controllers=False) as server:
        await in_force(server, validating(never, matchConstraints=constraints))
        assert (await server.ask("POST", MAPS, settings("m", strict))).status == 422
        assert (await server.ask("POST", MAPS, settings("n", strict))).status == 201
        assert (await server.ask("POST", MAPS, settings("o", strict))).status == 201
        assert (await server.ask("POST", MAPS, settings("m"))).status == 201


async def test_a_binding_narrows(autojump_clock: object) -> None:
    selector = {"namespaceSelector": {"matchLabels": {"strict": "yes"}}}
    async with running(controllers=False) as server:
        await in_force(server, validating({"expression": "false"}), matchResources=selector)
        assert (await server.ask("POST", MAPS, settings())).status == 201
        patched = {"metadata": {"labels": {"strict": "yes"}}}
        await server.ask("PATCH", f"{NAMESPACES}/default", patched, MERGE)
        assert (await server.ask("POST", MAPS, settings("n"))).status == 422


async def test_parameters_that_are_selected(autojump_clock: object) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    few = {
        "expression": "size(object.data) <= int(params.data.most)",
        "messageExpression": "'more than ' + params.data.most",
    }
    reference = {
        "selector": {"matchLabels": {"limits": "yes"}},
        "namespace": "kube-public",
        "parameterNotFoundAction": "Allow",
    }
    elsewhere = MAPS.replace("default", "kube-public")
    async with running(controllers=False) as server:
        rules = {**ON_MAPS, "scope": "Namespaced"}
        other = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}
        policy = validating(few, paramKind=kind, rule=rules)
        await in_force(server, policy, paramRef=reference, matchResources=other)
        assert (await server.ask("POST", MAPS, settings("a", None, x="1", y="2"))).status == 201
        for name, most in (("high", "3"), ("low", "1")):
            await server.create(elsewhere, settings(name, {"limits": "yes"}, most=most))
        answer = await server.ask("POST", MAPS, settings("b", None, x="1", y="2"))
        assert answer.json["message"].endswith("denied request: more than 1")
        assert (await server.ask("POST", MAPS, settings("b", None, x="1"))).status == 201


async def test_a_kind_of_parameters_that_is_not_there(autojump_clock: object) -> None:
    kind = {"apiVersion": "e.com/v1", "kind": "Limit"}
    reference = {"name": "a", "parameterNotFoundAction": "Deny"}
    async with running(controllers=False) as server:
        await in_force(
            server, validating({"expression": "true"}, paramKind=kind), paramRef=reference
        )
        answer = await server.ask("POST", MAPS, settings())
        assert answer.json["message"] == (
            "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed "
            "to configure policy: failed to find resource referenced by paramKind: 'e.com/v1, "
            "Kind=Limit'"
        )


async def test_all_actions_and_the_first_refusal(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        first = validating({"expression": "false", "message": "one"})
        await in_force(server, first, "Warn", "Audit")
        second = validating({"expression": "false", "message": "two", "reason": "Forbidden"})
        second["metadata"]["name"] = "q"
        await in_force(server, second, "Deny", "Audit")
        answer = await server.ask("POST", MAPS, settings())
        assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
        assert answer.json["details"]["causes"] == [
            {"message": "ValidatingAdmissionPolicy 'q' with binding 'q' denied request: two"}
        ]
        assert len(answer.warnings) == 1 and "with binding 'p': one" in answer.warnings[0]


async def test_deletions_are_validated(autojump_clock: object) -> None:
    keep = {"expression": "request.operation != 'DELETE' || oldObject.metadata.name != 'kept'"}
    async with running(controllers=False) as server:
        await in_force(server, validating(keep))
        await server.create(MAPS, settings("kept"))
        await server.create(MAPS, settings("loose"))
        assert (await server.ask("DELETE", f"{MAPS}/kept")).status == 422
        assert (await server.ask("DELETE", f"{MAPS}/loose")).status == 200


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            {"validations": [{"expression": "object.spec.replicas"}]},
            'spec.validations[0].expression: Invalid value: "object.spec.replicas": must evaluate '
            "to bool but got dyn",
        ),
        (
            {"validations": [{"expression": "params.x == 1"}]},
            'spec.validations[0].expression: Invalid value: "params.x == 1": compilation failed: '
            "ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n"
            " | params.x == 1\n | ^",
        ),
        (
            {"validations": [{"expression": "request.verb == 'x'"}]},
            "compilation failed: ERROR: <input>:1:8: undefined field 'verb'",
        ),
        (
            {"validations": [{"expression": "true", "messageExpression": "authorizer.path('/a')"}]},
            "spec.validations[0].messageExpression: Invalid value: \"authorizer.path('/a')\": "
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer'",
        ),
        (
            {"validations": [{"expression": "true", "reason": "Odd", "message": " "}]},
            'spec.validations[0].message: Invalid value: " ": message must be non-empty if speci',
        ),
        (
            {"variables": [{"name": "in", "expression": "1"}]},
            'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier',
        ),
        (
            {
                "variables": [{"name": "a", "expression": "1"}],
                "validations": [{"expression": "variables.b == 1 || variables.a == 'x'"}],
            },
            "ERROR: <input>:1:10: undefined field 'b'",
        ),
        (
            {"auditAnnotations": [{"key": "k", "valueExpression": "1"}]},
            'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of '
            "[string null_type] but got int",
        ),
        (
            {"matchConditions": [{"name": "a", "expression": "'x'"}]},
            "spec.matchConditions[0].expression: Invalid value: \"'x'\": must evaluate to bool but "
            "got string",
        ),
        (
            {"paramKind": {"apiVersion": "a/b/c", "kind": "Foo_"}},
            'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: ',
        ),
        (
            {"matchConstraints": {"resourceRules": [{**ON_MAPS, "resourceNames": ["a", "a"]}]}},
            'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
        ),
    ],
)
async def test_policies_that_are_refused(
    spec: Json, complaint: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", VALIDATING, validating({"expression": "true"}, **spec))
        assert answer.status == 422
        assert any(complaint in one for one in told(answer)), told(answer)


async def test_bindings_that_are_refused(autojump_clock: object) -> None:
    spec = {"policyName": "p", "validationActions": ["Deny", "Warn"], "paramRef": {"name": "a/b"}}
    async with running(controllers=False) as server:
        binding = {"metadata": {"name": "b"}, "spec": spec}
        found = told(await server.ask("POST", VALIDATING_BINDINGS, binding))
        assert [one.partition(":")[0] for one in found] == [
            "spec.paramRef.name",
            "spec.paramRef.parameterNotFoundAction",
            "spec.validationActions",
        ]


# Policies that change.


async def test_an_apply_configuration(autojump_clock: object) -> None:
    more = apply(
        "Object{metadata: Object.metadata{labels: {'a': 'b'}}, spec: Object.spec{replicas: "
        "object.spec.replicas + 2, template: Object.spec.template{spec: Object.spec.template.spec{"
        "containers: [Object.spec.template.spec.containers{name: 'side', image: 'y'}]}}}}"
    )
    async with running(controllers=False) as server:
        await in_force(server, mutating(more))
        made = await server.create(DEPLOYMENTS, deployment(replicas=1))
        assert made["metadata"]["labels"] == {"a": "b"}
        assert made["spec"]["replicas"] == 3
        containers = made["spec"]["template"]["spec"]["containers"]
        assert [one["name"] for one in containers] == ["c", "side"]
        assert containers[1]["terminationMessagePath"] == "/dev/termination-log"


async def test_json_patches(autojump_clock: object) -> None:
    operations = patch(
        "[JSONPatch{op: 'test', path: '/spec/replicas', value: 1}, JSONPatch{op: 'add', path: "
        "'/metadata/annotations', value: {'k/' + variables.key: 'v'}}, JSONPatch{op: 'replace', "
        "path: '/spec/replicas', value: 5}] + (object.metadata.name == 'x' ? [JSONPatch{op: 'add', "
        "path: '/metadata/labels', value: Object.metadata.labels{a: 'b'}}] : [])"
    )
    variables = [{"name": "key", "expression": "object.metadata.name"}]
    async with running(controllers=False) as server:
        await in_force(server, mutating(operations, variables=variables))
        made = await server.create(DEPLOYMENTS, deployment(replicas=1))
        assert made["metadata"]["annotations"] == {"k/d": "v"}
        assert made["spec"]["replicas"] == 5 and "labels" not in made["metadata"]
        assert (await server.create(DEPLOYMENTS, deployment("x", replicas=1)))["metadata"][
            "labels"
        ] == {"a": "b"}
        kept = await server.create(DEPLOYMENTS, deployment("y", replicas=2))
        assert kept["spec"]["replicas"] == 2 and "annotations" not in kept["metadata"]


async def test_mutations_see_one_another_and_the_parameter(autojump_clock: object) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    first = apply("Object{spec: Object.spec{replicas: int(params.data.n)}}")
    second = apply("Object{spec: Object.spec{replicas: object.spec.replicas * 2}}")
    big = {"name": "big", "expression": "object.spec.replicas > 1"}
    reference = {"name": "n", "parameterNotFoundAction": "Deny"}
    async with running(controllers=False) as server:
        policy = mutating(first, second, paramKind=kind, matchConditions=[big])
        await in_force(server, policy, paramRef=reference)
        missing = await server.ask("POST", DEPLOYMENTS, deployment())
        assert missing.status == 403
        assert missing.json["message"] == (
            "policy 'p' with binding 'p' denied request: failed to configure binding: no params "
            "found for policy binding with `Deny` parameterNotFoundAction"
        )
        await server.create(MAPS, settings("n", None, n="4"))
        assert (await server.create(DEPLOYMENTS, deployment(replicas=2)))["spec"]["replicas"] == 8
        assert (await server.create(DEPLOYMENTS, deployment("e")))["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("mutation", "said"),
    [
        (
            apply("Object{spec: Object.spec{odd: 1}}"),
            "error applying patch: failed to convert patch object to typed object: .spec.odd: "
            "field not declared in schema",
        ),
        (
            apply("Object{spec: Object.wrong{replicas: 1}}"),
            'type mismatch: unexpected type name "Object.wrong", expected "Object.spec", which '
            "matches field name path from root Object type",
        ),
        (
            apply(
                "Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}"
            ),
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps "
            "or structs: .spec.selector",
        ),
        (
            apply("Object{spec: Object.spec{replicas: object.nothing}}"),
            "resulted in error: no such key: nothing",
        ),
        (patch("[JSONPatch{op: 'remove', path: '/nothing'}]"), "JSONPath: "),
    ],
)
async def test_mutations_that_fail(mutation: Json, said: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await in_force(server, mutating(mutation))
        answer = await server.ask("POST", DEPLOYMENTS, deployment())
        assert (answer.status, answer.json["reason"]) == (403, "Invalid"), answer.json
        assert said in answer.json["message"]
        ignored = {"spec": {"failurePolicy": "Ignore"}}
        await server.ask("PATCH", f"{MUTATING}/p", ignored, MERGE)
        assert (await server.ask("POST", DEPLOYMENTS, deployment())).status == 201


async def test_who_is_asked_again(autojump_clock: object) -> None:
    count = apply(
        "Object{metadata: Object.metadata{annotations: {'seen': string(object.spec.replicas)}}}"
    )
    grow = apply("Object{spec: Object.spec{replicas: 7}}")
    async with running(controllers=False) as server:
        await in_force(server, mutating(count, name="a"))
        await in_force(server, mutating(grow, name="b"))
        made = await server.create(DEPLOYMENTS, deployment(replicas=1))
        assert made["metadata"]["annotations"] == {"seen": "1"}
        again = {"spec": {"reinvocationPolicy": "IfNeeded"}}
        await server.ask("PATCH", f"{MUTATING}/a", again, MERGE)
        made = await server.create(DEPLOYMENTS, deployment("e", replicas=1))
        assert made["metadata"]["annotations"] == {"seen": "7"}


@pytest.mark.parametrize(
    ("mutation", "complaint"),
    [
        (
            apply("Object.spec{replicas: 1}"),
            "spec.mutations[0].applyConfiguration.expression: Invalid value: "
            '"Object.spec{replicas: 1}": must evaluate to Object but got Object.spec',
        ),
        (
            patch("[Object{}]"),
            'spec.mutations[0].jsonPatch.expression: Invalid value: "[Object{}]": must evaluate to '
            "list(JSONPatch) but got list(Object)",
        ),
        (patch("[JSONPatch{operation: 'add'}]"), "undefined field 'operation'"),
        (patch("[JSONPatch{op: 1}]"), "expected type of field 'op' is 'string' but provided type"),
        (apply("Objec{}"), "undeclared reference to 'Objec' (in container '')"),
        (
            {"patchType": "JSONPatch"},
            "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSO",
        ),
        (
            {**apply("Object{}"), "jsonPatch": {"expression": "[]"}},
            "spec.mutations[0].jsonPatch: Forbidden: must not be specified when patchType is Appl",
        ),
        (
            {"patchType": "Odd"},
            'spec.mutations[0].patchType: Unsupported value: "Odd": supported values: "ApplyConfig',
        ),
    ],
)
async def test_mutations_that_are_refused(
    mutation: Json, complaint: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", MUTATING, mutating(mutation))
        assert answer.status == 422
        assert any(complaint in one for one in told(answer)), json.dumps(told(answer))
