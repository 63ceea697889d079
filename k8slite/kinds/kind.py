"""What there is to say about a kind that its published schema does not.

A `Kind` is data plus a few pure functions on plain dicts. The registry calls them in this order:

    create   prepare(new, None) -> default -> validate(new, None)
    update   default -> prepare(new, old) -> validate(new, old)
    status   the spec is put back, prepare_status(new, old), then validate_status(new, old)

All functions may change the `new` object in place (it is freshly decoded and nobody else's) and
must leave `old` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from attrs import Factory, frozen

from k8slite.kinds.family import Family
from k8slite.objects.errors import Cause
from k8slite.objects.sameness import same
from k8slite.objects.structural import Structural

Json = dict[str, Any]
Default = Callable[[Json], None]
Prepare = Callable[[Json, Json | None], None]
Validate = Callable[[Json, Json | None], list[Cause]]
ValidateInTurns = Callable[[Json, Json | None, Sequence[Cause]], Iterator[Cause | None]]
ValidatePart = Callable[[Json, Json, str], list[Cause]]
Warn = Callable[[Json, Json | None], list[str]]
Cells = Callable[[Json, datetime], list[Any]]

ALL_VERBS: Final = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
STATUS_VERBS: Final = ("get", "patch", "update")


@frozen
class Column:
    """One column of the Table rendering (upstream: `metav1.TableColumnDefinition`)."""

    name: str
    type: str = "string"
    description: str = ""
    format: str = ""
    priority: int = 0


@frozen
class Table:
    """How `kubectl get` prints a kind: `cells(object, now)` gives one value per column."""

    columns: Sequence[Column]
    cells: Cells


@frozen
class Subresource:
    """A path below an object; group, version and kind are of what it takes, as discovery says."""

    name: str
    kind: str
    verbs: tuple[str, ...] = STATUS_VERBS
    group: str = ""
    version: str = ""


def _nothing(_new: Json) -> None: ...


def _unchanged(_new: Json, _old: Json | None) -> None: ...


def _content(_new: Json, _old: Json | None) -> list[Cause]:
    return []


def _at_once(_new: Json, _old: Json | None, _found: Sequence[Cause]) -> Iterator[Cause | None]:
    return iter(())


def _silent(_new: Json, _old: Json | None) -> list[str]:
    return []


NameRule = Literal["subdomain", "label", "label1035", "path"]


@frozen
class Strategy:
    """How a kind's objects are filled in, checked and protected from the wrong writer."""

    default: Default = _nothing
    prepare: Prepare = _unchanged
    validate: Validate = _content
    prepare_status: Prepare = _unchanged
    validate_status: Validate = _content
    # What takes its time, after `validate` or `validate_status` and with what they have found;
    # None where others may have their turn.
    validate_in_turns: ValidateInTurns = _at_once
    # For writes through other subresources, named in the third argument; None: as `validate`.
    validate_part: ValidatePart | None = None
    # What a version that is not the stored one is held to besides, in the stored form.
    validate_spoken: Validate = _content
    warn: Warn = _silent  # texts for Warning headers
    name_rule: NameRule = "subdomain"
    # True: metadata.generation starts at 1 and rises whenever the spec changes.
    generation: bool = False
    # True: status is written through /status only; other writes keep what is stored.
    status: bool = False
    # PUT on an absent name creates it (upstream: AllowCreateOnUpdate).
    create_on_update: bool = False
    # PUT and PATCH may come without a resourceVersion (upstream: AllowUnconditionalUpdate).
    unconditional_update: bool = True
    # The propagation policy where the client names none (upstream: DefaultGarbageCollectionPolicy).
    orphan_by_default: bool = False
    # Top-level fields besides metadata whose change raises the generation; none named is all of
    # them, but for a status with a path of its own.
    generation_fields: tuple[str, ...] = ("spec",)
    # What a deletion does to an object before it is decided whether it can go; gets the time.
    prepare_delete: Callable[[Json, str], None] | None = None
    # Finalizers need no path in their names (upstream: kinds that core's `ValidateObjectMeta` does
    # not see).
    plain_finalizers: bool = False
    # Why no object may be created (upstream: a definition that is being deleted); "" where it may.
    closed: str = ""

    def has_changed(self, new: Json, old: Json) -> bool:
        """Whether a change raises the generation."""
        fields = self.generation_fields or {*new, *old} - self._beside_generation
        return any(not same(new.get(part), old.get(part)) for part in fields)

    @property
    def _beside_generation(self) -> set[str]:
        return {"metadata", "apiVersion", "kind", "status"} - (set() if self.status else {"status"})


@frozen
class ScalePaths:
    """Where a custom resource has its replicas and its selector, as names of fields."""

    spec: tuple[str, ...]
    status: tuple[str, ...]
    selector: tuple[str, ...] = ()


@frozen
class Kind:
    """One built-in resource in one version."""

    group: str  # "" for core
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    storage_version_hash: str = ""
    # Served by default from Kubernetes 1.`since` on, and last in 1.`until`.
    since: int = 0
    until: int = 99
    strategy: Strategy = Strategy()
    table: Table | None = None  # None: name and creation time only
    # Field selectors besides metadata.name and metadata.namespace, and how to read each:
    # a function from the object (in this version) to the selected text.
    selectable: Mapping[str, Callable[[Json], str]] = Factory(dict)
    # What these are called where its objects are kept, if that is another kind.
    stored_labels: Mapping[str, str] = Factory(dict)
    # Where its objects are kept: the plural and group of the storage kind, when another version
    # or group (events.k8s.io) shares them; and how to turn an object into this version and back.
    stored_as: tuple[str, str] | None = None  # (group, plural)
    from_stored: Callable[[Json], Json] | None = None
    to_stored: Callable[[Json], Json] | None = None
    # The versions of a custom resource; it works in each of them, and converts in the store only.
    family: Family | None = None
    # What a custom resource's objects look like, and where its replicas are.
    structural: Structural | None = None
    scale: ScalePaths | None = None
    # The definition's name in the published schemas, where it is not the usual one.
    definition: str = ""
    # What a list of its objects says that it is: custom resources choose.
    list_kind: str = Factory(lambda self: f"{self.kind}List", takes_self=True)

    @property
    def keeps(self) -> bool:
        """Whether this is the version that objects are kept in."""
        return self.from_stored is None

    @property
    def converts(self) -> bool:
        """Whether somebody else turns its objects from one version into another."""
        return self.family is not None and self.family.client is not None

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """`pods` or `deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        """Where the store keeps its objects: `pods/` or `apps/deployments/`."""
        group, plural = self.stored_as or (self.group, self.plural)
        return f"{group}.{plural}/" if group else f"{plural}/"

    def key(self, namespace: str, name: str) -> str:
        """The store's key of one object."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else f"{self.prefix}{name}"
