"""What the printed columns of many kinds have in common.

The functions mirror upstream's `pkg/printers/internalversion/printers.go`: the same words for
what is absent (`<none>`, `<unset>`, `<unknown>`), since scripts and eyes depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import field, frozen

from k8slite.kinds.kind import Cells, Column, Json, Table
from k8slite.objects.duration import human_duration, since
from k8slite.objects.meta import parse_timestamp
from k8slite.objects.selectors import selector_of

_OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_API: Final = "io.k8s.api."

# How many addresses, ports or hosts are printed before "+ 2 more...".
MOST_LISTED: Final = 3


@frozen
class SchemaColumn(Column):
    """A column that is described as a field of the published schemas is."""

    definition: str = ""
    field: str = ""


@frozen
class TableWithConditions(Table):
    """A table whose rows can say that their object is done (`metav1.TableRowCondition`)."""

    conditions: Callable[[Json], list[Json]] = field(kw_only=True)


def described(
    name: str, definition: str, field: str, type: str = "string", *, priority: int = 0
) -> Column:
    """A column named after a field: `described("Node", "core.v1.PodSpec", "nodeName")`."""
    return SchemaColumn(name, type, priority=priority, definition=_API + definition, field=field)


def table(cells: Cells, *columns: Column) -> Table:
    """A kind's table."""
    return Table(columns, cells)


NAME: Final = SchemaColumn("Name", format="name", definition=_OBJECT_META, field="name")
AGE: Final = SchemaColumn("Age", definition=_OBJECT_META, field="creationTimestamp")
CONTAINERS: Final = Column(
    "Containers", description="Names of each container in the template.", priority=1
)
IMAGES: Final = Column(
    "Images", description="Images referenced by each container in the template.", priority=1
)


def name(obj: Json) -> str:
    """The object's name."""
    found: str = obj["metadata"].get("name", "")
    return found


def age(obj: Json, now: datetime) -> str:
    """How long the object has been there."""
    return ago(obj["metadata"].get("creationTimestamp"), now)


def ago(timestamp: str | None, now: datetime) -> str:
    """The time since a timestamp, `<unknown>` where there is none."""
    return since(parse_timestamp(timestamp), now) if timestamp else "<unknown>"


def seconds(count: int) -> str:
    """A number of seconds for people."""
    return human_duration(timedelta(seconds=count))


def part(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path, empty where there is none."""
    found: Any = obj
    for step in path:
        found = found.get(step) or {}
    result: Mapping[str, Any] = found
    return result


def items(obj: Mapping[str, Any], key: str) -> Sequence[Any]:
    """The list under a key, empty where there is none."""
    found: Sequence[Any] = obj.get(key) or ()
    return found


def labels(pairs: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, sorted (upstream: `labels.FormatLabels`)."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or "<none>"


def selector(found: Json | None) -> str:
    """A label selector in one line (upstream: `metav1.FormatLabelSelector`)."""
    try:
        return (str(selector_of(found)) if found else "") or "<none>"
    except ValueError:
        return "<error>"


def containers_and_images(pod_spec: Mapping[str, Any]) -> list[str]:
    """The names, and the images, of a template's containers."""
    containers = items(pod_spec, "containers")
    return [
        ",".join(container.get("name", "") for container in containers),
        ",".join(container.get("image", "") for container in containers),
    ]


def with_more(found: Sequence[str], total: int, most: int = MOST_LISTED) -> str:
    """What there is, and how many more: `a,b,c + 2 more...`."""
    listed = ",".join(found)
    return f"{listed} + {total - most} more..." if total > most else listed


def access_modes(modes: Iterable[str]) -> str:
    """`RWO,RWX`: each mode once, in upstream's order (`GetAccessModesAsString`)."""
    there = frozenset(modes)
    return ",".join(short for mode, short in _ACCESS_MODES if mode in there)


def go_bool(value: bool | None) -> str:
    """A pointer to a boolean as upstream prints it."""
    return "<unset>" if value is None else str(value)


def is_true(conditions: Iterable[Mapping[str, Any]], wanted: str) -> bool:
    """Whether the first condition of that type is true."""
    for condition in conditions:
        if condition.get("type") == wanted:
            return bool(condition.get("status") == "True")
    return False


def no_more(obj: Json, now: datetime) -> list[Any]:
    """Cells of a kind that shows its name and age only."""
    return [name(obj), age(obj, now)]


_ACCESS_MODES: Final = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)
