"""Quotas hold: nothing is made beyond them, and at rest their status is what there is.

Counted in the store, whatever admission charged. A quota may be exceeded by what was there before
it, or before it was lowered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.kinds.usage import Amounts, concerned, in_scopes, resources_of, text, used_by
from k8slite.objects.quantity import nano
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import named, prefix_of
from k8slite.sim.world import at

Json = dict[str, Any]

_QUOTAS: Final = "resourcequotas/"


class Quotas:
    """Usage of namespaces."""

    name: ClassVar[str] = "quotas"
    prefixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._seconds = 0.0

    def commit(self, change: Change) -> Iterable[str]:
        self._seconds = change.clock_seconds
        if change.old is not None or change.new is None or change.repeated:
            return
        namespace = change.new["metadata"].get("namespace", "")
        plural = _plural(change.resource)
        for quota in self._quotas():
            status = quota.get("status") or {}
            hard = status.get("hard") or {}
            if quota["metadata"]["namespace"] != namespace or not in_scopes(
                quota["spec"], plural, change.new
            ):
                continue
            uses = used_by(plural, change.new, at(self._seconds))
            names = [name for name in concerned(plural, hard) if uses.get(name)]
            counted = self._count(quota, names)
            for name in names:
                if counted[name] > nano(hard[name]):
                    yield (
                        f"quota {named(quota)} allows {hard[name]} of {name}, and with "
                        f"{change.key} there is {text(name, counted[name])}"
                    )

    def rest(self) -> Iterable[str]:
        if "resourcequota-controller" not in self._setting.running:
            return
        for quota in self._quotas():
            hard = quota["spec"].get("hard") or {}
            used = (quota.get("status") or {}).get("used") or {}
            for name, value in self._count(quota, hard).items():
                if name not in used or nano(used[name]) != value:
                    yield (
                        f"quota {named(quota)} says that {used.get(name, 'nothing')} of {name} is "
                        f"used, and there is {text(name, value)}"
                    )

    def _quotas(self) -> Iterator[Json]:
        for _, quota in self._setting.state.all(_QUOTAS):
            yield quota

    def _count(self, quota: Json, names: Iterable[str]) -> Amounts:
        state, namespace = self._setting.state, quota["metadata"]["namespace"]
        wanted = list(names)
        found: Amounts = {}
        for plural in sorted(resources_of(wanted)):
            own = concerned(plural, wanted)
            found |= dict.fromkeys(own, 0)
            name_of, _, group = plural.partition(".")
            for _, obj in state.all(prefix_of(name_of, group)):
                if obj["metadata"].get("namespace") != namespace:
                    continue
                if in_scopes(quota["spec"], plural, obj):
                    uses = used_by(plural, obj, at(self._seconds))
                    for name in own:
                        found[name] += uses.get(name, 0)
        return found


def _plural(prefix: str) -> str:
    """ "deployments.apps" of "apps.deployments/"."""
    group, dot, plural = prefix.removesuffix("/").rpartition(".")
    return f"{plural}.{group}" if dot else plural
