"""Expressions of policies are checked against the types of what they are about.

What does not fit is a warning in the policy's status: it changes nothing about what the policy
does. Upstream: `pkg/controller/validatingadmissionpolicystatus`, `apiserver/pkg/admission/plugin/
policy/validating/typechecking.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.client.resource import VALIDATING_ADMISSION_POLICIES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.admissionregistration.openapi_types import PublishedTypes
from k8slite.kinds.admissionregistration.policy_composition import Composition
from k8slite.kinds.models import PartialObject
from k8slite.messages import read_all
from k8slite.objects.cel.environment import Uncompilable
from k8slite.objects.cel.types import Type
from k8slite.objects.codec import loads
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]
Gvk = tuple[str, str, str]

# Types that one policy is checked against.
_TYPES_MOST: Final = 10


class ValidatingPolicyStatusController(Controller):
    """Its keys are the names of ValidatingAdmissionPolicies."""

    name: ClassVar[str] = "validatingadmissionpolicy-status-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._policies = self.mirrors.of(VALIDATING_ADMISSION_POLICIES, PartialObject)
        self.watch(self._policies, _itself)

    async def reconcile(self, name: Name) -> None:
        """Check a policy whose spec has not been checked yet."""
        policy = self._policies.document(name)
        if policy is None:
            return
        generation = policy["metadata"].get("generation", 0)
        if generation <= (policy.get("status") or {}).get("observedGeneration", 0):
            return
        warnings = await self._warnings(policy["spec"])
        checked: Json = {"expressionWarnings": warnings} if warnings else {}
        version = policy["metadata"]["resourceVersion"]
        patch = {
            "metadata": {"resourceVersion": version},
            "status": {
                "observedGeneration": generation,
                # What was there before is taken away.
                "typeChecking": checked or {"expressionWarnings": None},
            },
        }
        await self.client.patch(
            VALIDATING_ADMISSION_POLICIES, name.name, patch, subresource="status"
        )

    async def _warnings(self, spec: Json) -> list[Json]:
        types = [
            (gvk, type_)
            for gvk in await self._checked_kinds(spec)
            if (type_ := await self._type(*gvk)) is not None
        ]
        params = await self._params(spec)
        compositions = [(gvk, _composition(spec, type_, params)) for gvk, type_ in types]
        found = []
        for at, text in _expressions(spec):
            told = [
                f"{_named(gvk)}: {wrong}\n"
                for gvk, composition in compositions
                if (wrong := _wrong(composition, text))
            ]
            if told:
                found.append({"fieldRef": at, "warning": "\n".join(told)})
        return found

    async def _checked_kinds(self, spec: Json) -> list[Gvk]:
        """The kinds that a policy names, of rules that name all of theirs."""
        found: dict[Gvk, None] = {}
        for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
            groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
            if any("*" in one for one in (*groups, *versions)):
                continue
            plurals = [one for one in rule.get("resources") or () if not {"*", "/"} & set(one)]
            count = 0
            for group in sorted(groups):
                for version in sorted(versions):
                    kinds = await self._kinds(group, version)
                    for plural in sorted(plurals):
                        if plural in kinds and count < _TYPES_MOST:
                            found[group, version, kinds[plural]] = None
                            count += 1
        return sorted(found)

    async def _kinds(self, group: str, version: str) -> dict[str, str]:
        """The kinds of a group's resources, by their plural."""
        document = await self._get(_path(group, version))
        return {one["name"]: one["kind"] for one in (document or {}).get("resources") or ()}

    async def _type(self, group: str, version: str, kind: str) -> Type | None:
        document = await self._get(f"/openapi/v3{_path(group, version)}")
        schemas = ((document or {}).get("components") or {}).get("schemas") or {}
        return PublishedTypes(schemas).of(group, version, kind)

    async def _params(self, spec: Json) -> Type | None:
        wanted = spec.get("paramKind")
        if not wanted:
            return None
        group, _, version = wanted["apiVersion"].rpartition("/")
        return await self._type(group, version, wanted["kind"])

    async def _get(self, path: str) -> Json | None:
        try:
            response = await self.client.request("GET", path)
        except NotFound:
            return None
        found: Json = loads(await read_all(response))
        return found


def _itself(old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
    found = new or old
    assert found is not None, "a change is of something"
    return (found.metadata.full_name,)


def _path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _named(gvk: Gvk) -> str:
    group, version, kind = gvk
    return f"{group}/{version}, Kind={kind}"


def _composition(spec: Json, watched: Type, params: Type | None) -> Composition:
    found = Composition(params, watched=watched)
    for variable in spec.get("variables") or ():
        try:
            found.add(variable["name"], variable["expression"])
        except Uncompilable:
            pass  # upstream warns of validations and their messages only
    return found


def _expressions(spec: Json) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(spec.get("validations") or ()):
        for part in ("expression", "messageExpression"):
            if one.get(part):
                yield f"spec.validations[{number}].{part}", one[part]


def _wrong(composition: Composition, text: str) -> str:
    try:
        composition.compile(text)
    except Uncompilable as error:
        return str(error)
    return ""
