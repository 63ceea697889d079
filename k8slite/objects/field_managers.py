"""Who owns which fields of an object, and what that means for its next writer. Pure.

A writer by Update takes what it changes; an applier takes what it sends, must not change what
others own unless it forces, and loses, with the values, what it does not send any more and nobody
else owns. Upstream: `structured-merge-diff/merge` (Updater).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

from attrs import frozen

from k8slite.objects.field_comparison import Comparison, compared, fields_of
from k8slite.objects.field_merge import merged, with_named, without
from k8slite.objects.fieldsets import FieldSet, common, minus, minus_below, paths, union
from k8slite.objects.schema import Schema

Json = dict[str, Any]
Manager = TypeVar("Manager", bound=Hashable)
# What a write has changed in the version that a manager speaks; None where there is no such
# version any more.
InVersionOf = Callable[[Any], Comparison | None]


class Conflicts(Exception):
    """An applier would change what others own; `fields` by the manager."""

    def __init__(self, fields: Mapping[Any, list[tuple[str, ...]]]) -> None:
        super().__init__(f"{sum(map(len, fields.values()))} conflicts")
        self.fields = fields


@frozen
class Managed(Generic[Manager]):
    """An object, and who owns what of it; `changed` says whether that is not as it was."""

    obj: Json
    managers: Mapping[Manager, FieldSet]
    changed: bool = True


@frozen
class Updated(Generic[Manager]):
    """Who owns what after a write; `took` says whether its writer got something new."""

    managers: Mapping[Manager, FieldSet]
    took: bool


def updated(
    difference: Comparison,
    managers: Mapping[Manager, FieldSet],
    manager: Manager,
    in_version_of: InVersionOf | None = None,
) -> Updated[Manager]:
    """The managers after a write that is no apply and changed what `difference` says."""
    seen_by = in_version_of or (lambda _manager: difference)
    found = dict(_without_changed(seen_by, managers, manager, force=True))
    taken = union(difference.modified, difference.added)
    own = union(minus(found.get(manager, {}), difference.removed), taken)
    if own:
        found[manager] = own
    else:
        found.pop(manager, None)
    return Updated(found, bool(taken))


def applied(
    live: Json,
    config: Json,
    schema: Schema,
    managers: Mapping[Manager, FieldSet],
    manager: Manager,
    *,
    force: bool = False,
    ignored: FieldSet | None = None,
    in_version_of: Callable[[Json], InVersionOf] | None = None,
) -> Managed[Manager]:
    """What an apply makes of an object; `ignored` is what its applier may not own, with all that
    is below. Raises Conflicts."""
    before = managers.get(manager, {})
    own = fields_of(config, schema)
    if ignored:
        own = minus_below(own, ignored)
    after = {**managers, manager: own}
    new = merged(live, config, schema)
    if minus(before, own):
        new = _pruned(new, before, after, schema)
    difference = compared(live, new, schema).beside(ignored)
    seen_by = in_version_of(new) if in_version_of else lambda _manager: difference
    kept = _without_changed(seen_by, after, manager, force=force)
    if not own and manager not in managers:
        kept = {name: fields for name, fields in kept.items() if name != manager}
    return Managed(new, kept, changed=bool(difference) or kept != managers)


def _without_changed(
    seen_by: InVersionOf,
    managers: Mapping[Manager, FieldSet],
    manager: Manager,
    *,
    force: bool,
) -> Mapping[Manager, FieldSet]:
    """The other managers without what was changed or removed. Raises Conflicts unless forced."""
    conflicts: dict[Manager, list[tuple[str, ...]]] = {}
    found: dict[Manager, FieldSet] = {}
    for name, fields in managers.items():
        if name == manager:
            found[name] = fields
            continue
        difference = seen_by(name)
        if difference is None:
            continue
        left = fields
        for changed in (difference.modified, difference.added):
            lost = common(left, changed) if changed else {}
            if lost:
                left = minus(left, lost)
                if not force:
                    conflicts.setdefault(name, []).extend(paths(lost))
        if difference.removed:
            left = minus(left, difference.removed)
        if left:
            found[name] = left
    if conflicts:
        raise Conflicts({name: sorted(found) for name, found in conflicts.items()})
    return found


def _pruned(new: Json, before: FieldSet, managers: Mapping[Any, FieldSet], schema: Schema) -> Json:
    """Without what its applier once owned, does not send any more, and nobody else owns."""
    last = with_named(before, schema)
    pruned = without(new, last, schema) or {}
    owned: FieldSet = {}
    for fields in managers.values():
        owned = union(owned, fields)
    everything = with_named(fields_of(new, schema), schema)
    left = union(with_named(fields_of(pruned, schema), schema), with_named(owned, schema))
    pruned = without(new, minus(everything, left), schema) or {}
    # Only what the applier had itself: what nobody owned stays. (Upstream takes a struct that the
    # applier had a field of, with all that is left in it; there nearly everything has an owner.)
    gone = minus(everything, with_named(fields_of(pruned, schema), schema))
    return without(new, common(gone, before), schema) or {}
