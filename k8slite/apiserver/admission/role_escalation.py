"""Nobody gives away rights that they do not have.

Who writes a role must hold all that it allows, or be allowed to `escalate`; who binds one likewise,
or be allowed to `bind` it. Mirrors upstream's `registry/rbac/*/policybased` and
`rbac/escalation_check.go`, which stand where our admission does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.authorization.authorizer import EVERYTHING, MASTERS, Authorizer
from k8slite.apiserver.authorization.rbac import GROUP
from k8slite.apiserver.authorization.rules import in_words, uncovered
from k8slite.apiserver.request_info import RequestInfo
from k8slite.objects.errors import NotFound
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_BINDINGS: Final = (f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}")


@frozen
class RoleEscalation:
    """The escalation checks of RBAC."""

    authorizer: Authorizer
    resources: Sequence[str] = (f"roles.{GROUP}", f"clusterroles.{GROUP}", *_BINDINGS)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def validate(self, attributes: Attributes) -> None:
        new, old, asked = attributes.new, attributes.old, attributes.asked
        assert new is not None
        if MASTERS in asked.user.groups:
            return
        if asked.kind.group_resource in _BINDINGS:
            parts: tuple[str, ...] = ("roleRef", "subjects")
        else:
            parts = ("rules", "aggregationRule")
        if old is not None and all(new.get(part) == old.get(part) for part in parts):
            return
        if asked.kind.group_resource in _BINDINGS:
            self._bind(attributes, new)
        else:
            self._write_role(attributes, new)

    def _write_role(self, attributes: Attributes, role: Json) -> None:
        asked = attributes.asked
        if self._may(asked, "escalate", asked.kind.plural, role["metadata"].get("name", "")):
            return
        self._must_hold(attributes, role.get("rules") or ())
        if role.get("aggregationRule") and uncovered(self._held(asked), EVERYTHING):
            # It could gather anything, now or later.
            raise forbidden(
                attributes, "must have cluster-admin privileges to use an aggregationRule"
            )

    def _bind(self, attributes: Attributes, binding: Json) -> None:
        asked = attributes.asked
        reference = binding["roleRef"]
        plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
        if self._may(asked, "bind", plural, reference["name"]):
            return
        rules = self.authorizer.rbac.role_rules(reference, asked.namespace)
        if rules is None:
            name = reference["name"]
            raise NotFound(
                f"{plural}.{GROUP} {quoted(name)} not found",
                details={"name": name, "group": GROUP, "kind": plural},
            )
        self._must_hold(attributes, rules)

    def _may(self, asked: Asked, verb: str, plural: str, name: str) -> bool:
        info = RequestInfo(verb, "", True, GROUP, "v1", asked.namespace, plural, name)
        return self.authorizer.decide(asked.user, info)[0]

    def _held(self, asked: Asked) -> list[Json]:
        return self.authorizer.rules(asked.user, asked.namespace)[0]

    def _must_hold(self, attributes: Attributes, rules: Sequence[Json]) -> None:
        asked = attributes.asked
        missing = uncovered(self._held(asked), rules)
        if not missing:
            return
        groups = " ".join(quoted(group) for group in asked.user.groups)
        listed = "\n".join(in_words(missing))
        raise forbidden(
            attributes,
            f"user {quoted(asked.user.name)} (groups=[{groups}]) is attempting to grant RBAC "
            f"permissions not currently held:\n{listed}",
        )
