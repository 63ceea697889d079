"""Who owns which fields of an object, and what that means for its next writer. Pure.

A writer by Update takes what it changes; an applier takes what it sends, must not change what
others own unless it forces, and loses, with the values, what it does not send any more and nobody
else owns. Upstream: `structured-merge-diff/merge` (Updater).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from k8slite.objects.field_comparison import Comparison, compared, fields_of
from k8slite.objects.field_merge import merged, with_named, without
from k8slite.objects.fieldsets import FieldSet, common, minus, paths, union
from k8slite.objects.schema import Schema

Json = dict[str, Any]
Managers = Mapping[str, FieldSet]  # by whatever tells managers apart


class Conflicts(Exception):
    """An applier would change what others own; `fields` by the manager."""

    def __init__(self, fields: Mapping[str, list[tuple[str, ...]]]) -> None:
        super().__init__(f"{sum(map(len, fields.values()))} conflicts")
        self.fields = fields


@frozen
class Managed:
    """An object, and who owns what of it."""

    obj: Json
    managers: Managers


def updated(
    live: Json,
    new: Json,
    schema: Schema | None,
    managers: Managers,
    manager: str,
    ignored: FieldSet | None = None,
) -> Managers:
    """The managers after a write that is no apply; `ignored` is what nobody owns."""
    difference = compared(live, new, schema)
    found = dict(_without_changed(difference, managers, manager, force=True))
    own = minus(found.get(manager, {}), difference.removed)
    own = union(union(own, difference.modified), difference.added)
    own = minus(own, ignored or {})
    if own:
        found[manager] = own
    else:
        found.pop(manager, None)
    return found


def applied(
    live: Json,
    config: Json,
    schema: Schema | None,
    managers: Managers,
    manager: str,
    *,
    force: bool = False,
    ignored: FieldSet | None = None,
) -> Managed:
    """What an apply makes of an object. Raises Conflicts."""
    before = managers.get(manager, {})
    own = minus(fields_of(config, schema), ignored or {})
    after = {**managers, manager: own}
    new = merged(live, config, schema)
    new = _pruned(new, before, after, schema)
    difference = compared(live, new, schema)
    kept = _without_changed(difference, after, manager, force=force)
    if not own and manager not in managers:
        kept = {name: fields for name, fields in kept.items() if name != manager}
    return Managed(new, kept)


def _without_changed(
    difference: Comparison, managers: Managers, manager: str, *, force: bool
) -> Managers:
    """The other managers without what was changed or removed. Raises Conflicts unless forced."""
    changed = union(difference.modified, difference.added)
    conflicts: dict[str, list[tuple[str, ...]]] = {}
    found: dict[str, FieldSet] = {}
    for name, fields in managers.items():
        if name == manager:
            found[name] = fields
            continue
        lost = common(fields, changed)
        if lost and not force:
            conflicts[name] = list(paths(lost))
        left = minus(minus(fields, lost), difference.removed)
        if left:
            found[name] = left
    if conflicts:
        raise Conflicts(conflicts)
    return found


def _pruned(new: Json, before: FieldSet, managers: Managers, schema: Schema | None) -> Json:
    """Without what its applier once owned, does not send any more, and nobody else owns."""
    if not before:
        return new
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
