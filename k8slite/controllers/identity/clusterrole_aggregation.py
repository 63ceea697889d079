"""A ClusterRole with an aggregation rule has the rules of all that its selectors match.

Upstream: `pkg/controller/clusterroleaggregation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite.client.resource import CLUSTER_ROLES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.models import LabelSelector, PartialObject
from k8slite.objects.meta import Name
from k8slite.objects.selectors import selector_of
from k8slite.objects.structure import structure

Json = dict[str, Any]


class ClusterRoleAggregationController(Controller):
    """Its keys are the names of ClusterRoles that aggregate."""

    name: ClassVar[str] = "clusterrole-aggregation-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._roles = self.mirrors.of(CLUSTER_ROLES, PartialObject)
        self.watch(self._roles, self._aggregating)

    async def reconcile(self, name: Name) -> None:
        """Bring a role's rules in line with those that it gathers."""
        role = self._roles.document(name)
        if role is None or not role.get("aggregationRule"):
            return
        rules: list[Json] = []
        for one in self._gathered(role):
            rules += [rule for rule in one.get("rules") or () if rule not in rules]
        if rules != (role.get("rules") or []):
            version = role["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "rules": rules}
            await self.client.patch(CLUSTER_ROLES, name.name, patch)

    def _gathered(self, role: Json) -> Iterable[Json]:
        """The roles that are matched, each once, by the selectors' order and then by name."""
        found: dict[str, Json] = {}
        for wanted in role["aggregationRule"].get("clusterRoleSelectors") or ():
            selector = selector_of(structure(wanted, LabelSelector))
            for one in self._roles.all():
                name = one.metadata.full_name
                if name.name == role["metadata"]["name"] or name.name in found:
                    continue
                if selector.matches(one.metadata.labels):
                    document = self._roles.document(name)
                    assert document is not None, "a mirror has the document of what it has"
                    found[name.name] = document
        return found.values()

    def _aggregating(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        """Whatever role has changed: any that aggregates may gather it."""
        for one in self._roles.all():
            raw = self._roles.encoded(one.metadata.full_name) or b""
            if b'"aggregationRule"' in raw:
                yield one.metadata.full_name
