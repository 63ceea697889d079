"""Whether an object's metadata may be as it is, or may become so.

Mirrors `apimachinery/pkg/api/validation/objectmeta.go` and the finalizer rule of core validation:
the order of complaints is upstream's. A name that was generated must satisfy the same rule as a
given one; `generateName` may end with a dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, required, too_long
from k8slite.objects.names import (
    NAME_RULES,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_http_path,
    is_label_value,
    is_path_segment_name,
    is_qualified_name,
)

Json = dict[str, Any]

# All keys and values of an object's annotations together.
ANNOTATIONS_LIMIT_BYTES: Final = 256 * 1024

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"


def validate_metadata(
    new: Json, old: Json | None, name_rule: str, namespaced: bool, *, plain_finalizers: bool = False
) -> list[Cause]:
    """Complaints about `metadata`: of a new object, or of an update if `old` is given.

    `plain_finalizers` says that finalizers need no path.
    """
    metadata = new["metadata"]
    if old is not None:
        return _update(metadata, old["metadata"], plain_finalizers)
    found = _names(metadata, name_rule)
    namespace = metadata.get("namespace", "")
    if namespaced:
        if not namespace:
            found.append(required("metadata.namespace"))
        else:
            found += each("metadata.namespace", namespace, is_dns1123_label(namespace))
    elif namespace:
        found.append(forbidden("metadata.namespace", "not allowed on this type"))
    if metadata.get("generation", 0) < 0:
        found.append(invalid("metadata.generation", metadata["generation"], NOT_NEGATIVE))
    return found + _content(metadata, {}, plain_finalizers)


def validate_labels(labels: Mapping[str, str] | None, path: str) -> list[Cause]:
    """Complaints about a map of labels (upstream: `v1validation.ValidateLabels`)."""
    if not labels:
        return []
    found: list[Cause] = []
    for key, value in labels.items():
        found += each(path, key, _key_complaints(key))
        found += each(path, value, is_label_value(value))
    return found


def validate_annotations(annotations: Mapping[str, str] | None, path: str) -> list[Cause]:
    """Complaints about a map of annotations, and about its size."""
    if not annotations:
        return []
    found: list[Cause] = []
    size_bytes = 0
    for key, value in annotations.items():
        # Annotation keys may be written in capitals.
        found += each(path, key, _key_complaints(key.lower()))
        size_bytes += len(key) + len(value)
    # Counting letters is quick and never too much; only what comes near is encoded.
    if size_bytes * 4 > ANNOTATIONS_LIMIT_BYTES:
        size_bytes = sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items())
        if size_bytes > ANNOTATIONS_LIMIT_BYTES:
            found.append(too_long(path, ANNOTATIONS_LIMIT_BYTES))
    return found


def each(path: str, value: Any, complaints: Sequence[str]) -> list[Cause]:
    """One Invalid cause for each text that a name's rule complains with."""
    return [invalid(path, value, text) for text in complaints]


def domain_prefixed(path: str, value: str) -> list[Cause]:
    """A text such as `acme.io/foo` (upstream: `IsDomainPrefixedPath`)."""
    if not value:
        return [required(path)]
    host, _, rest = value.partition("/")
    if not host or not rest:
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [invalid(path, value, text)]
    return each(path, host, is_dns1123_subdomain(host)) + each(path, rest, is_http_path(rest))


def immutable(path: str, new: Any, old: Any) -> list[Cause]:
    """A complaint where a field changed that may not (upstream: `ValidateImmutableField`)."""
    return [] if new == old else [invalid(path, new, IMMUTABLE)]


def _names(metadata: Json, name_rule: str) -> list[Cause]:
    found: list[Cause] = []
    rule = NAME_RULES[name_rule]
    base = metadata.get("generateName", "")
    if base:
        prefix = base
        if rule is is_path_segment_name:
            # "." and ".." are fine as a beginning.
            prefix = base + "a"
        elif base.endswith("-"):
            prefix = base[:-1] + "a"
        found += each("metadata.generateName", base, rule(prefix))
    name = metadata.get("name", "")
    if not name:
        found.append(required("metadata.name", "name or generateName is required"))
    else:
        found += each("metadata.name", name, rule(name))
    return found


def _update(new: Json, old: Json, plain_finalizers: bool) -> list[Cause]:
    found: list[Cause] = []
    if old.get("deletionTimestamp") is not None:
        extra = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            listed = ", ".join(f'"{one}"' for one in extra)
            text = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            found.append(forbidden("metadata.finalizers", text))
    if new.get("generation", 0) < old.get("generation", 0):
        generation = new.get("generation", 0)
        found.append(invalid("metadata.generation", generation, "must not be decremented"))
    for field, absent in _IMMUTABLE_FIELDS:
        found += immutable(f"metadata.{field}", new.get(field, absent), old.get(field, absent))
    return found + _content(new, old, plain_finalizers)


def _content(metadata: Json, before: Json, plain_finalizers: bool) -> list[Cause]:
    # What has not changed has been looked at when it came.
    found: list[Cause] = []
    labels = metadata.get("labels")
    if labels and labels != before.get("labels"):
        found += validate_labels(labels, "metadata.labels")
    annotations = metadata.get("annotations")
    if annotations and annotations != before.get("annotations"):
        found += validate_annotations(annotations, "metadata.annotations")
    owners = metadata.get("ownerReferences")
    if owners and owners != before.get("ownerReferences"):
        found += _owner_references(owners)
    finalizers = metadata.get("finalizers")
    if finalizers and finalizers != before.get("finalizers"):
        found += _finalizers(finalizers, plain_finalizers)
    return found


def _owner_references(references: Sequence[Json]) -> list[Cause]:
    path = "metadata.ownerReferences"
    found: list[Cause] = []
    first_controller = ""
    for reference in references:
        api_version = reference.get("apiVersion", "")
        # A name without a slash is the version of the core group.
        if not api_version.rpartition("/")[2]:
            found.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
        for field in ("kind", "name", "uid"):
            if not reference.get(field):
                found.append(invalid(f"{path}.{field}", "", "must not be empty"))
        if api_version == "v1" and reference.get("kind") == "Event":
            text = "/v1, Kind=Event is disallowed from being an owner"
            found.append(invalid(path, reference, text))
        if reference.get("controller"):
            controller = f"{reference.get('kind', '')}/{reference.get('name', '')}"
            if first_controller:
                text = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {first_controller} and {controller}'
                )
                found.append(invalid(path, references, text))
            else:
                first_controller = controller
    return found


def _finalizers(finalizers: Sequence[str], plain: bool) -> list[Cause]:
    path = "metadata.finalizers"
    found: list[Cause] = []
    for name in finalizers:
        found += each(path, name, is_qualified_name(name))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(invalid(path, finalizers, text))
    for i, name in enumerate(finalizers):
        if not plain and "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(invalid(f"{path}[{i}]", name, text))
    return found


def _key_complaints(key: str) -> list[str]:
    # The same few keys come with every object.
    found = _KNOWN_KEYS.get(key)
    if found is None:
        found = is_qualified_name(key)
        if not found and len(_KNOWN_KEYS) < _KNOWN_KEYS_LIMIT:
            _KNOWN_KEYS[key] = found
    return found


# Keys that were found good; bounded so that a client who invents keys cannot fill the memory.
_KNOWN_KEYS_LIMIT: Final = 1024
_KNOWN_KEYS: Final[dict[str, list[str]]] = {}

_STANDARD_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")

_IMMUTABLE_FIELDS: Final = (
    ("name", ""),
    ("namespace", ""),
    ("uid", ""),
    ("creationTimestamp", None),
    ("deletionTimestamp", None),
    ("deletionGracePeriodSeconds", None),
)
