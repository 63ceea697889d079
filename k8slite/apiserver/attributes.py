"""What a write is: who asks for which change of which object, under which options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import define, field, frozen

from k8slite.apiserver.admission.reinvocation import Reinvocation
from k8slite.apiserver.versions import Views
from k8slite.kinds.kind import Kind, Subresource
from k8slite.messages import User

Json = dict[str, Any]
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


def unnoted(_key: str, _value: str) -> None:
    """Where nothing is audited."""


@frozen
class Asked:
    """A request to write, as far as every stage below the verbs needs it."""

    kind: Kind  # the one that the registry works in
    user: User
    namespace: str
    name: str
    subresource: str = ""
    dry_run: bool = False
    manager: str = "unknown"  # who is noted for the fields that are written
    spoken: Kind | None = None  # the version that the client speaks, where it is another one
    applies: bool = False  # the change itself says who owns what
    views: Views | None = None  # where versions are converted by somebody else
    # Called with texts for Warning headers.
    warn: Callable[[str], None] = lambda _text: None
    # Called with keys and values for the annotations of the audit log.
    note: Callable[[str, str], None] = unnoted

    @property
    def version(self) -> Kind:
        """The kind in the version that the client speaks."""
        return self.spoken or self.kind


@define(eq=False)
class Attributes:
    """What admission sees (upstream: `admission.Attributes`); mutating plugins change `new`."""

    asked: Asked
    operation: Operation
    new: Json | None
    old: Json | None
    reinvocation: Reinvocation = field(factory=Reinvocation)
    # What `new` is where a subresource takes no object of its resource: an Eviction, a token's
    # request.
    document: Subresource | None = None

    @classmethod
    def posted(cls, asked: Asked, document: Json) -> Attributes:
        """The creation of what a subresource takes."""
        found = next(one for one in asked.version.subresources if one.name == asked.subresource)
        return cls(asked, "CREATE", document, None, document=found)

    @property
    def resource(self) -> tuple[str, str]:
        """(group, plural) of what is written."""
        return self.asked.kind.group, self.asked.kind.plural
