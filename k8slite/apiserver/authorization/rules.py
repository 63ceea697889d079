"""What a policy rule allows, and whether rules together allow all that others do. Pure.

Mirrors `pkg/apis/rbac/v1/evaluation_helpers.go` and `component-helpers/auth/rbac/validation`.
Rules are dicts as the API has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from k8slite.apiserver.request_info import RequestInfo
from k8slite.objects.fields import quoted

Json = dict[str, Any]

ALL: Final = "*"
# What a rule says in its text, in upstream's order.
_PARTS: Final = (
    ("APIGroups", "apiGroups"),
    ("Resources", "resources"),
    ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"),
    ("Verbs", "verbs"),
)


def allows(rule: Json, info: RequestInfo) -> bool:
    """Whether a rule allows a request (`RuleAllows`)."""
    if not _has(rule, "verbs", info.verb):
        return False
    if not info.is_resource:
        return any(_path_matches(url, info.path) for url in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule, "apiGroups", info.group)
        and _resource_matches(rule, info.resource, info.subresource)
        and (not names or info.name in names)
    )


def uncovered(held: Sequence[Json], wanted: Iterable[Json]) -> list[Json]:
    """The smallest parts of wanted rules that none of the held ones allows (`Covers`)."""
    return [
        part
        for rule in wanted
        for part in _broken_down(rule)
        if not any(_covers(one, part) for one in held)
    ]


def in_words(rules: Iterable[Json]) -> list[str]:
    """Rules as messages show them, those that differ in their verbs only as one, in order."""
    together: dict[tuple[str, ...], Json] = {}
    for rule in rules:
        key = tuple(str(rule.get(part)) for _, part in _PARTS[:-1])
        merged = together.setdefault(key, {**rule, "verbs": []})
        merged["verbs"] += [verb for verb in rule["verbs"] if verb not in merged["verbs"]]
    return sorted(_text(rule) for rule in together.values())


def _text(rule: Json) -> str:
    """`{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}` (`CompactString`)."""
    parts = [
        f"{title}:[{' '.join(quoted(one) for one in rule[key])}]"
        for title, key in _PARTS
        if rule.get(key)
    ]
    return "{" + ", ".join(parts) + "}"


def _broken_down(rule: Json) -> Iterator[Json]:
    """One rule for each verb, group, resource and name, or verb and path (`BreakdownRule`)."""
    names = rule.get("resourceNames") or [None]
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                for name in names:
                    part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                    yield part if name is None else {**part, "resourceNames": [name]}
    for url in rule.get("nonResourceURLs") or ():
        for verb in rule.get("verbs") or ():
            yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(rule: Json, part: Json) -> bool:
    """Whether a rule allows all of a part that was broken down (`ruleCovers`)."""
    if not _has(rule, "verbs", part["verbs"][0]):
        return False
    if "nonResourceURLs" in part:
        wanted = part["nonResourceURLs"][0]
        return any(_path_matches(url, wanted) for url in rule.get("nonResourceURLs") or ())
    resource, _, subresource = part["resources"][0].partition("/")
    names = rule.get("resourceNames")
    return (
        _has(rule, "apiGroups", part["apiGroups"][0])
        and _resource_matches(rule, resource, subresource)
        and (not names or part.get("resourceNames", [None])[0] in names)
    )


def _has(rule: Json, key: str, value: str) -> bool:
    found = rule.get(key) or ()
    return ALL in found or value in found


def _resource_matches(rule: Json, resource: str, subresource: str) -> bool:
    combined = f"{resource}/{subresource}" if subresource else resource
    found = rule.get("resources") or ()
    return ALL in found or combined in found or (bool(subresource) and f"*/{subresource}" in found)


def _path_matches(url: str, path: str) -> bool:
    return url in (ALL, path) or (url.endswith("*") and path.startswith(url.rstrip("*")))
