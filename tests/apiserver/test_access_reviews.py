"""Questions about access: selectors of fields, and what is wrong with a question."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.oracle_server import running

Json = dict[str, Any]
AUTH = "/apis/authorization.k8s.io/v1"
PODS = {"verb": "list", "resource": "pods", "version": "v1"}
OWN = {"key": "spec.nodeName", "operator": "In", "values": ["a"]}


@pytest.mark.parametrize(
    ("selector", "allowed", "wrong"),
    [
        ({"requirements": [OWN]}, True, None),
        ({"requirements": [{**OWN, "values": ["b"]}]}, False, None),
        ({"requirements": [{**OWN, "operator": "NotIn"}]}, False, None),
        ({"rawSelector": "spec.nodeName=a,status.phase!=Failed"}, True, None),
        ({"rawSelector": "spec.nodeName"}, False, "can't understand"),
        (
            {"requirements": [OWN, {**OWN, "operator": "Near"}]},
            True,
            '"Near" is not a valid field selector operator',
        ),
        (None, False, None),
    ],
)
async def test_a_node_may_list_its_own_pods(
    selector: Json | None, allowed: bool, wrong: str | None, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        attributes: Json = {**PODS, **({"fieldSelector": selector} if selector else {})}
        spec = {
            "user": "system:node:a",
            "groups": ["system:nodes"],
            "resourceAttributes": attributes,
        }
        answer = await server.create(f"{AUTH}/subjectaccessreviews", {"spec": spec})
        status = answer["status"]
        assert status["allowed"] is allowed
        if wrong is None:
            assert "evaluationError" not in status
        else:
            assert wrong in status["evaluationError"]


SELF = f"{AUTH}/selfsubjectaccessreviews"
OTHERS = f"{AUTH}/subjectaccessreviews"
LOCAL = f"{AUTH}/namespaces/default/localsubjectaccessreviews"
HERE = {**PODS, "namespace": "default"}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (SELF, {"spec": {}}, "spec.resourceAttributes: Invalid value: null: exactly one of"),
        (
            SELF,
            {"spec": {"resourceAttributes": PODS, "nonResourceAttributes": {"path": "/"}}},
            'spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in '
            "combination with resourceAttributes",
        ),
        (
            OTHERS,
            {"spec": {"resourceAttributes": PODS}},
            'spec.user: Invalid value: "": at least one of user or group must be specified',
        ),
        (
            OTHERS,
            {"metadata": {"name": "x"}, "spec": {"user": "joe", "resourceAttributes": PODS}},
            'metadata: Invalid value: {"name":"x"}: must be empty',
        ),
        (
            SELF,
            {"spec": {"resourceAttributes": {**PODS, "fieldSelector": {}}}},
            "spec.resourceAttributes.fieldSelector.requirements: Required value: when "
            "spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is "
            "required",
        ),
        (
            SELF,
            {
                "spec": {
                    "resourceAttributes": {
                        **PODS,
                        "labelSelector": {"rawSelector": "a", "requirements": [OWN]},
                    }
                }
            },
            'spec.resourceAttributes.labelSelector.rawSelector: Invalid value: "a": may not '
            "specified at the same time as requirements",
        ),
        (
            SELF,
            {
                "spec": {
                    "resourceAttributes": {
                        **PODS,
                        "labelSelector": {"requirements": [{"key": "a", "operator": "In"}]},
                    }
                }
            },
            "spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must "
            "be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            LOCAL,
            {"spec": {"user": "joe", "resourceAttributes": {**PODS, "namespace": "other"}}},
            'spec.resourceAttributes.namespace: Invalid value: "other": must match '
            "metadata.namespace",
        ),
    ],
)
async def test_what_cannot_be_asked(
    path: str, body: Json, told: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", path, body)
        assert answer.status == 422, answer.body
        assert told in answer.json["message"]


async def test_a_local_question(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        body = {"metadata": {"namespace": "default"}, "spec": {"user": "joe"}}
        body["spec"]["resourceAttributes"] = HERE  # type: ignore[assignment]
        assert (await server.create(LOCAL, body))["status"] == {"allowed": False}
