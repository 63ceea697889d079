"""Claims and volumes belong to each other by UID, and no data goes while its claim lives.

Mirrors the promises of `pkg/controller/volume/persistentvolume`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import named, terminating, uid

Json = dict[str, Any]

CLAIMS: Final = "persistentvolumeclaims/"
VOLUMES: Final = "persistentvolumes/"
_CONTROLLERS: Final = "system:controller:"
_BINDER: Final = "persistentvolume-binder-controller"


class Volumes:
    """Bindings, and volumes that go."""

    name: ClassVar[str] = "volumes"
    prefixes: ClassVar[tuple[str, ...]] = (VOLUMES,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        if old is None or not change.user.startswith(_CONTROLLERS):
            return
        claim = self._claim(old)
        # A volume is a claim's when the claim says so too: others may only be reserved for it.
        if claim is None or claim["spec"].get("volumeName") != old["metadata"]["name"]:
            return
        if not terminating(old) and (new is None or terminating(new)):
            yield f"{change.key} is deleted, though its claim {named(claim)} lives"
        elif new is not None and _reference(new).get("uid") != uid(claim):
            yield f"{change.key} is taken from its living claim {named(claim)}"

    def rest(self) -> Iterable[str]:
        if _BINDER not in self._setting.running:
            return
        state = self._setting.state
        for key, claim in state.all(CLAIMS):
            if _phase(claim) == "Bound":
                volume = state.get(VOLUMES + claim["spec"].get("volumeName", ""))
                if volume is None or _reference(volume).get("uid") != uid(claim):
                    yield f"{key} is bound to a volume that is not its own"
        for key, volume in state.all(VOLUMES):
            yield from self._rests(key, volume)

    def _rests(self, key: str, volume: Json) -> Iterator[str]:
        claim, reference = self._claim(volume), _reference(volume)
        phase = _phase(volume)
        mutual = claim is not None and claim["spec"].get("volumeName") == volume["metadata"]["name"]
        if phase == "Bound" and not mutual:
            yield f"{key} is bound to a claim that is not its own"
        elif mutual and phase != "Bound":
            yield f"{key} is its claim's, and {phase or 'has no phase'}"
        elif not reference.get("uid") and phase != "Available":
            yield f"{key} is nobody's, and {phase or 'has no phase'}"

    def _claim(self, volume: Json) -> Json | None:
        """The claim that a volume refers to, if that very one is there."""
        reference = _reference(volume)
        if not reference.get("uid"):
            return None
        found = self._setting.state.get(f"{CLAIMS}{reference['namespace']}/{reference['name']}")
        return found if found is not None and uid(found) == reference["uid"] else None


def _reference(volume: Json) -> Json:
    found: Json = volume["spec"].get("claimRef") or {}
    return found


def _phase(obj: Json) -> str:
    return str((obj.get("status") or {}).get("phase", ""))
