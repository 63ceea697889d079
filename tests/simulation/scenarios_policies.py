"""Admission policies that come, change and go while others write; swept by `make sim`."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio

from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import CONFIG_MAPS, VALIDATING_ADMISSION_POLICIES, Resource
from k8slite.objects.errors import AlreadyExists, Invalid, NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

GROUP = "admissionregistration.k8s.io"
VALIDATING_BINDINGS = Resource(
    GROUP,
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
MUTATING = Resource(
    GROUP, "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", namespaced=False
)
MUTATING_BINDINGS = Resource(
    GROUP,
    "v1",
    "mutatingadmissionpolicybindings",
    "MutatingAdmissionPolicyBinding",
    namespaced=False,
)
CONSTRAINTS = {
    "resourceRules": [
        {
            "operations": ["CREATE", "UPDATE"],
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["configmaps"],
        }
    ]
}
# Long enough for what was begun before to be over.
SETTLED_SECONDS = 70.0


def config_map(name: str, keys: int) -> Json:
    return {"metadata": {"name": name}, "data": {f"k{number}": "v" for number in range(keys)}}


def few() -> Json:
    """Every ConfigMap but the limits may have as many keys as they say."""
    rule = "object.metadata.name == 'limits' || size(object.data) <= int(params.data.most)"
    return {
        "metadata": {"name": "few"},
        "spec": {
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": CONSTRAINTS,
            "validations": [{"expression": rule}],
        },
    }


def labelled() -> Json:
    expression = "Object{metadata: Object.metadata{labels: {'seen': 'yes'}}}"
    return {
        "metadata": {"name": "labelled"},
        "spec": {
            "matchConstraints": CONSTRAINTS,
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": expression},
                }
            ],
            "reinvocationPolicy": "Never",
        },
    }


class Policed(Scenario):
    """Writes go on while a policy with a parameter, and one that labels, come, change and go."""

    nodes = 0
    scheduler = False

    async def act(self, sim: Simulation) -> None:
        client, reference = sim.client, {"name": "limits", "parameterNotFoundAction": "Allow"}
        await client.create(
            CONFIG_MAPS, {**config_map("limits", 0), "data": {"most": "2"}}, "default"
        )
        await client.create(VALIDATING_ADMISSION_POLICIES, few())
        spec = {"policyName": "few", "validationActions": ["Deny"], "paramRef": reference}
        await client.create(VALIDATING_BINDINGS, {"metadata": {"name": "few"}, "spec": spec})
        await client.create(MUTATING, labelled())
        bound = {"metadata": {"name": "labelled"}, "spec": {"policyName": "labelled"}}
        await client.create(MUTATING_BINDINGS, bound)
        await self.write(sim, "a")
        await trio.sleep(SETTLED_SECONDS)
        await self.write(sim, "b")
        await client.patch(
            CONFIG_MAPS, "limits", {"data": {"most": "3"}}, "default", patch_type=MERGE_PATCH
        )
        await self.write(sim, "c")
        await trio.sleep(SETTLED_SECONDS)
        await self.write(sim, "d")
        with suppress(NotFound):  # the reply to the first attempt may be lost
            await client.delete(VALIDATING_BINDINGS, "few")
        with suppress(NotFound):
            await client.delete(VALIDATING_ADMISSION_POLICIES, "few")
        await self.write(sim, "e")

    async def write(self, sim: Simulation, name: str) -> None:
        """Create ConfigMaps with one to four keys, and let each of them grow by one."""
        for keys in range(1, 5):
            with suppress(Invalid, AlreadyExists):
                await sim.client.create(CONFIG_MAPS, config_map(f"{name}{keys}", keys), "default")
        for keys in range(1, 5):
            with suppress(Invalid, NotFound):
                patch = {"data": {"one-more": "v"}}
                await sim.client.patch(
                    CONFIG_MAPS, f"{name}{keys}", patch, "default", patch_type=MERGE_PATCH
                )

    def check(self, sim: Simulation) -> Sequence[str]:
        found = {one["metadata"]["name"]: one for one in sim.objects(CONFIG_MAPS, "default")}
        sizes = {name: len(one.get("data") or ()) for name, one in found.items()}
        wrong = [
            f"{name} has {size} keys" for name, size in sizes.items()
            if (name[0] == "b" and size > 2) or (name[0] == "d" and size > 3)
        ]  # fmt: skip
        wrong += [
            f"{name} has no label"
            for name, one in found.items()
            if name[0] in "bde" and "seen" not in (one["metadata"].get("labels") or {})
        ]
        if sizes.get("e4") != 5:
            wrong.append(f"nothing is in the way of e4, and it has {sizes.get('e4')} keys")
        return wrong


POLICIES = (Policed,)
