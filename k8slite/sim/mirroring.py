"""At rest every mirror shows what the store holds, whatever became of its watches.

Not a check of commits, since mirrors are memory of processes: asked for when a run has come to
rest, and only of resources that heartbeats do not keep moving.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from k8slite.client.informer import Mirror
from k8slite.client.mirrors import Mirroring
from k8slite.faults.noise import silent_resource
from k8slite.sim.checks import State
from k8slite.sim.checks.reading import prefix_of
from k8slite.sim.processes import Life


def unlike(state: State, lives: Iterable[Life]) -> Iterator[str]:
    """Where a mirror differs from the store, a sentence for each mirror."""
    for life in lives:
        for actor in life.actors:
            for mirror in actor.mirrored() if _is_mirroring(actor) else ():
                if not silent_resource(mirror.resource.plural):
                    yield from _differences(life.name, state, mirror)


def _is_mirroring(actor: Any) -> TypeGuard[Mirroring]:
    """As `isinstance`, which for a protocol is slow."""
    return hasattr(actor, "mirrored")


def _differences(process: str, state: State, mirror: Mirror[Any]) -> Iterator[str]:
    resource = mirror.resource
    prefix = prefix_of(resource.plural, resource.group)
    skipped = len(prefix)
    stored = {key[skipped:]: str(revision) for key, revision in state.revisions(prefix).items()}
    shown = {str(name): at for name, at in mirror.versions().items()}
    if shown == stored:
        return
    wrong = [name for name, version in shown.items() if stored.get(name) != version]
    if mirror.whole:
        wrong += [name for name in stored if name not in shown]
    if wrong:
        name = wrong[0]
        found = shown.get(wrong[0]) or "nothing"
        yield (
            f"the mirror of {resource.plural} of {process} shows {name} at {found}, the store has "
            f"it at {stored.get(wrong[0]) or 'nothing'} ({len(wrong)} differ)"
        )
