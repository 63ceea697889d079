"""What is asked again about a write, because others changed it after it was asked.

When anything has changed the object, all plugins that change are run a second time, once; of
webhooks and policies only those that want it (`reinvocationPolicy: IfNeeded`) and were asked
before the last change. Upstream: `apiserver/pkg/admission/reinvocation.go`, `plugin/webhook/
mutating/reinvocationcontext.go`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from attrs import define, field

from k8slite.objects.codec import dumps

Json = dict[str, Any]

_NEVER: Final = "Never"


@define(eq=False)
class Asking:
    """Whom one plugin has asked about a write."""

    before: list[Hashable] = field(factory=list)  # since the last change, and would be again
    again: list[Hashable] = field(factory=list)
    left: bytes = b""  # the object as the plugin left it


@define(eq=False)
class Reinvocation:
    """What is known about one write."""

    is_second: bool = False
    is_wanted: bool = False
    _plugins: dict[str, Asking] = field(factory=dict)

    def begin(self, plugin: str, obj: Json | None) -> Asking:
        """A plugin's turn: what others changed in between counts as a change."""
        asking = self._plugins.setdefault(plugin, Asking())
        if self.is_second and asking.left and asking.left != _bytes(obj):
            self._again(asking)
        return asking

    def end(self, asking: Asking, obj: Json | None) -> None:
        """The end of a plugin's turn."""
        asking.left = _bytes(obj)

    def asks(self, asking: Asking, key: Hashable) -> bool:
        """Whether this one is to be asked now."""
        return not self.is_second or key in asking.again

    def asked(self, asking: Asking, key: Hashable, policy: str, *, has_changed: bool) -> None:
        """This one was asked; `policy` is its reinvocationPolicy."""
        if has_changed:
            self._again(asking)
            self.is_wanted = True
        if policy != _NEVER:
            asking.before.append(key)

    def _again(self, asking: Asking) -> None:
        asking.again += asking.before
        asking.before.clear()


def _bytes(obj: Json | None) -> bytes:
    return b"" if obj is None else dumps(obj)
