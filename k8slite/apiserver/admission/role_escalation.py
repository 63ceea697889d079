"""Nobody gives away rights that they do not have.

Who writes a role must hold all that it allows, or be allowed to `escalate`; who binds one likewise,
or be allowed to `bind` it. Mirrors upstream's `registry/rbac/*/policybased` and
`rbac/escalation_check.go`, which stand where our admission does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.authorization.authorizer import MASTERS, Authorizer
from k8slite.apiserver.authorization.rbac import GROUP
from k8slite.apiserver.authorization.rules import in_words, uncovered
from k8slite.apiserver.request_info import RequestInfo
from k8slite.objects.errors import Forbidden, NotFound
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_BINDINGS: Final = (f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}")
_EVERYTHING: Final = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


@frozen
class RoleEscalation:
    """The escalation checks of RBAC."""

    authorizer: Authorizer
    resources: Sequence[str] = (f"roles.{GROUP}", f"clusterroles.{GROUP}", *_BINDINGS)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None: ...

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
            self._bind(asked, new)
        else:
            self._write_role(asked, new)

    def _write_role(self, asked: Asked, role: Json) -> None:
        if self._may(asked, "escalate", asked.kind.plural, role["metadata"].get("name", "")):
            return
        self._must_hold(asked, role, role.get("rules") or ())
        if role.get("aggregationRule") and uncovered(self._held(asked), _EVERYTHING):
            # It could gather anything, now or later.
            raise _forbidden(
                asked, role, "must have cluster-admin privileges to use an aggregationRule"
            )

    def _bind(self, asked: Asked, binding: Json) -> None:
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
        self._must_hold(asked, binding, rules)

    def _may(self, asked: Asked, verb: str, plural: str, name: str) -> bool:
        info = RequestInfo(verb, "", True, GROUP, "v1", asked.namespace, plural, name)
        return self.authorizer.decide(asked.user, info)[0]

    def _held(self, asked: Asked) -> list[Json]:
        return self.authorizer.rules(asked.user, asked.namespace)[0]

    def _must_hold(self, asked: Asked, obj: Json, rules: Sequence[Json]) -> None:
        missing = uncovered(self._held(asked), rules)
        if not missing:
            return
        groups = " ".join(quoted(group) for group in asked.user.groups)
        listed = "\n".join(in_words(missing))
        raise _forbidden(
            asked,
            obj,
            f"user {quoted(asked.user.name)} (groups=[{groups}]) is attempting to grant RBAC "
            f"permissions not currently held:\n{listed}",
        )


def _forbidden(asked: Asked, obj: Json, why: str) -> Forbidden:
    name = obj["metadata"].get("name", "")
    return Forbidden(
        f"{asked.kind.group_resource} {quoted(name)} is forbidden: {why}",
        details={"name": name, "group": GROUP, "kind": asked.kind.plural},
    )
