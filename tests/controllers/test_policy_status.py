"""Policies whose expressions do not fit what they are about say so in their status."""

from __future__ import annotations

from typing import Any

import trio

from tests.apiserver.oracle_server import Json, Server, running

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"


def policy(*expressions: str, groups: Any = ("apps",), resources: Any = ("deployments",)) -> Json:
    rule = {
        "operations": ["CREATE"],
        "apiGroups": list(groups),
        "apiVersions": ["v1"],
        "resources": list(resources),
    }
    validations = [{"expression": one} for one in expressions]
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": validations}
    return {"metadata": {"name": "p"}, "spec": spec}


async def status(server: Server) -> Json:
    await trio.sleep(1)
    found: Json = (await server.get(f"{POLICIES}/p"))["status"]
    return found


async def test_a_policy_that_fits(autojump_clock: object) -> None:
    fits = [
        "object.spec.replicas > 1 && object.spec.template.spec.containers.all(c, c.name != '')",
        "!has(object.metadata.labels) || object.metadata.labels['a'] == 'b'",
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
        "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
        "object.spec.template.spec.containers.all(c, quantity(c.resources.limits['cpu']).sign() > "
        "0)",
    ]
    async with running() as server:
        await server.create(POLICIES, policy(*fits))
        assert await status(server) == {"observedGeneration": 1, "typeChecking": {}}


async def test_a_policy_that_does_not_fit(autojump_clock: object) -> None:
    async with running() as server:
        wrong = ["object.spec.replicas > '1'", "true", "object.spec.odd == 1"]
        await server.create(POLICIES, policy(*wrong))
        found = await status(server)
        assert found == {
            "observedGeneration": 1,
            "typeChecking": {
                "expressionWarnings": [
                    {
                        "fieldRef": "spec.validations[0].expression",
                        "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no "
                        "matching overload for '_>_' applied to '(int, string)'\n"
                        " | object.spec.replicas > '1'\n | .....................^\n",
                    },
                    {
                        "fieldRef": "spec.validations[2].expression",
                        "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field "
                        "'odd'\n | object.spec.odd == 1\n | ...........^\n",
                    },
                ]
            },
        }
        mended = {"spec": policy("object.spec.replicas > 1")["spec"]}
        await server.ask("PATCH", f"{POLICIES}/p", mended, MERGE)
        assert await status(server) == {"observedGeneration": 2, "typeChecking": {}}


async def test_several_kinds_and_custom_ones(autojump_clock: object) -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "e.com", "scope": "Namespaced", "names": names, "versions": [version]}
    async with running() as server:
        await server.create(DEFINITIONS, {"metadata": {"name": "widgets.e.com"}, "spec": spec})
        await trio.sleep(1)
        kinds = {
            "groups": ("apps", "e.com"),
            "resources": ("widgets", "deployments", "pods/status"),
        }
        await server.create(
            POLICIES, policy("object.spec.size > 0", "object.spec.odd > 0", **kinds)
        )
        found = (await status(server))["typeChecking"]["expressionWarnings"]
        assert [one["warning"].count("undefined field") for one in found] == [1, 2]
        assert "e.com/v1, Kind=Widget: ERROR" in found[1]["warning"]


async def test_kinds_that_nobody_can_name(autojump_clock: object) -> None:
    async with running() as server:
        await server.create(POLICIES, policy("object.odd == 1", groups=("*",)))
        assert await status(server) == {"observedGeneration": 1, "typeChecking": {}}
