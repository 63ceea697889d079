"""FlowSchemas (upstream: `pkg/apis/flowcontrol/validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]

EXEMPT: Final = "exempt"
_PRECEDENCE_MOST: Final = 10_000
_METHODS: Final = ("ByNamespace", "ByUser")
_SUBJECTS: Final = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_VERBS: Final = frozenset(
    (
        *("get", "list", "create", "update", "delete", "deletecollection", "patch", "watch"),
        "proxy",
    )
)
_NAMESPACES: Final = "each member of this list must be '*' or a DNS-1123 label; "


def validate_flow_schema(new: Json, _old: Json | None) -> list[Cause]:
    """A FlowSchema."""
    spec = new.get("spec") or {}
    found: list[Cause] = []
    precedence, at = spec.get("matchingPrecedence", 0), "spec.matchingPrecedence"
    if precedence <= 0:
        found.append(invalid(at, precedence, "must be a positive value"))
    if precedence > _PRECEDENCE_MOST:
        found.append(invalid(at, precedence, f"must not be greater than {_PRECEDENCE_MOST}"))
    if precedence == 1 and new["metadata"].get("name") != EXEMPT:
        what = "only the schema named 'exempt' may have matchingPrecedence 1"
        found.append(invalid(at, precedence, what))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        found.append(not_supported("spec.distinguisherMethod.type", method, _METHODS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    at = "spec.priorityLevelConfiguration.name"
    if level:
        found += each(at, level, is_dns1123_subdomain(level))
    else:
        found.append(required(at, "must reference a priority level"))
    for i, rule in enumerate(spec.get("rules") or ()):
        found += _rule(rule, f"spec.rules[{i}]")
    return found + validate_conditions(new, None)


def validate_conditions(new: Json, _old: Json | None) -> list[Cause]:
    """The conditions of a FlowSchema, or of a priority level."""
    found: list[Cause] = []
    seen: set[str] = set()
    for i, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        kind, path = condition.get("type", ""), f"status.conditions[{i}].type"
        if kind in seen:
            found.append(duplicate(path, kind))
        seen.add(kind)
        if not kind:
            found.append(required(path, "must not be empty"))
    return found


def _rule(rule: Json, path: str) -> Iterator[Cause]:
    subjects = rule.get("subjects") or ()
    for i, subject in enumerate(subjects):
        yield from _subject(subject, f"{path}.subjects[{i}]")
    if not subjects:
        yield required(f"{path}.subjects", "subjects must contain at least one value")
    resources, others = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not others:
        what = "at least one of resourceRules and nonResourceRules has to be non-empty"
        yield required(path, what)
    for i, one in enumerate(resources):
        yield from _resources(one, f"{path}.resourceRules[{i}]")
    for i, one in enumerate(others):
        yield from _paths(one, f"{path}.nonResourceRules[{i}]")


def _subject(subject: Json, path: str) -> Iterator[Cause]:
    kind = subject.get("kind", "")
    own = _SUBJECTS.get(kind)
    if own is None:
        yield not_supported(f"{path}.kind", kind, _SUBJECTS)
        return
    given = subject.get(own)
    if given is None:
        yield required(f"{path}.{own}", f"{own} is required when subject kind is '{kind}'")
    else:
        yield from _named(given, kind, f"{path}.{own}")
    for other, part in sorted(_SUBJECTS.items(), key=_in_order):
        if part != own and subject.get(part) is not None:
            what = f"{part} is forbidden when subject kind is not '{other}'"
            yield forbidden(f"{path}.{part}", what)


def _named(given: Json, kind: str, path: str) -> Iterator[Cause]:
    name = given.get("name", "")
    if not name:
        yield required(f"{path}.name")
    if kind != "ServiceAccount":
        return
    if name and name != "*":
        yield from each(f"{path}.name", name, is_dns1123_subdomain(name))
    namespace = given.get("namespace", "")
    if namespace:
        yield from each(f"{path}.namespace", namespace, is_dns1123_label(namespace))
    else:
        yield required(f"{path}.namespace", "must specify namespace for service account")


def _in_order(subject: tuple[str, str]) -> int:
    """The order in which upstream complains of subjects that are too many."""
    return ("serviceAccount", "user", "group").index(subject[1])


def _resources(rule: Json, path: str) -> Iterator[Cause]:
    yield from _verbs(rule, path)
    lists = (
        ("apiGroups", "resource rules must supply at least one api group", "api groups"),
        ("resources", "resource rules must supply at least one resource", "resources"),
    )
    for part, none, others in lists:
        values = rule.get(part) or []
        if not values:
            yield required(f"{path}.{part}", none)
        else:
            yield from _alone(values, f"{path}.{part}", others)
    namespaces = rule.get("namespaces") or []
    if not namespaces and not rule.get("clusterScope"):
        what = "resource rules that are not cluster scoped must supply at least one namespace"
        yield required(f"{path}.namespaces", what)
    elif "*" in namespaces:
        yield from _alone(namespaces, f"{path}.namespaces", "namespaces")
    else:
        for i, one in enumerate(namespaces):
            for text in is_dns1123_label(one):
                yield invalid(f"{path}.namespaces[{i}]", one, _NAMESPACES + text)


def _paths(rule: Json, path: str) -> Iterator[Cause]:
    yield from _verbs(rule, path)
    urls, at = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    if not urls:
        yield required(at, "nonResourceURLs must contain at least one value")
    elif "*" in urls:
        yield from _alone(urls, at, "non-resource URLs")
    else:
        for i, url in enumerate(urls):
            why = _wrong_path(url)
            if why:
                yield invalid(f"{at}[{i}]", url, why)


def _verbs(rule: Json, path: str) -> Iterator[Cause]:
    verbs, at = rule.get("verbs") or [], f"{path}.verbs"
    if not verbs:
        yield required(at, "verbs must contain at least one value")
    elif "*" in verbs:
        yield from _alone(verbs, at, "verbs")
    elif not _VERBS.issuperset(verbs):
        yield not_supported(at, verbs, _VERBS)


def _alone(values: Sequence[str], path: str, others: str) -> Iterator[Cause]:
    if "*" in values and len(values) > 1:
        yield invalid(path, values, f"if '*' is present, must not specify other {others}")


def _wrong_path(path: str) -> str:
    """Upstream: `ValidateNonResourceURLPath`."""
    if not path:
        return "must not be empty"
    if path == "/":
        return ""
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    stars = path.count("*")
    if stars > 1 or (stars == 1 and not path.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""
