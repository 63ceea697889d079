"""The audit policy: how much is told of which request, by the first rule that matches. Pure.

Mirrors `apiserver/pkg/audit/policy` and `pkg/apis/audit/validation` (`audit.k8s.io/v1`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import User

Json = dict[str, Any]

_API_VERSION: Final = "audit.k8s.io/v1"
STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_STRINGS: Final = ("users", "userGroups", "verbs", "namespaces", "nonResourceURLs", "omitStages")


class Level(IntEnum):
    """How much is told; each level has what those before it have."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3


_LEVELS: Final = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.REQUEST_RESPONSE,
}
NAMES: Final = {level: name for name, level in _LEVELS.items()}


@frozen
class Telling:
    """What a policy says of one request."""

    level: Level = Level.NONE
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


@frozen
class Policy:
    """The rules, in order."""

    rules: Sequence[Json]
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False

    def tell(self, user: User, info: RequestInfo) -> Telling:
        """By the first rule that matches; nothing where none does."""
        for rule in self.rules:
            if _matches(rule, user, info):
                own = rule.get("omitManagedFields")
                return Telling(
                    _LEVELS[rule["level"]],
                    self.omit_stages | frozenset(rule.get("omitStages") or ()),
                    self.omit_managed_fields if own is None else own,
                )
        return Telling()


def read_policy(document: Any) -> Policy:
    """A policy as its file has it. Raises ValueError for what upstream refuses."""
    if not isinstance(document, dict):
        raise ValueError("an audit policy is an object")
    found = (document.get("apiVersion"), document.get("kind"))
    if found != (_API_VERSION, "Policy"):
        raise ValueError(f"it is not a Policy of {_API_VERSION}")
    rules = document.get("rules")
    if not isinstance(rules, list) or not rules:
        raise ValueError("loaded illegal policy with 0 rules")
    _check_stages(document, "omitStages")
    for number, rule in enumerate(rules):
        _check_rule(rule, f"rules[{number}]")
    return Policy(
        rules,
        frozenset(document.get("omitStages") or ()),
        bool(document.get("omitManagedFields")),
    )


def _check_rule(rule: Any, path: str) -> None:
    if not isinstance(rule, dict):
        raise ValueError(f"{path}: it is not an object")
    level = rule.get("level")
    if level not in _LEVELS:
        listed = ", ".join(f'"{name}"' for name in _LEVELS)
        why = f'Unsupported value: "{level}"' if level else "Required value"
        raise ValueError(f"{path}.level: {why}: supported values: {listed}")
    for name in _STRINGS:
        texts = rule.get(name) or []
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise ValueError(f"{path}.{name}: it is not a list of strings")
    _check_stages(rule, f"{path}.omitStages")
    urls = rule.get("nonResourceURLs") or ()
    if urls and (rule.get("resources") or rule.get("namespaces")):
        raise ValueError(
            f"{path}.nonResourceURLs: Invalid value: rules cannot apply to both regular resources "
            "and non-resource URLs"
        )
    for url in urls:
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            raise ValueError(
                f'{path}.nonResourceURLs: Invalid value: "{url}": non-resource URL rules must '
                'begin with a "/" character, and have a "*" at their end only'
            )
    for number, group in enumerate(rule.get("resources") or ()):
        if not isinstance(group, dict):
            raise ValueError(f"{path}.resources[{number}]: it is not an object")
        if group.get("resourceNames") and not group.get("resources"):
            raise ValueError(
                f"{path}.resources[{number}].resourceNames: Invalid value: using resourceNames "
                "requires at least one resource"
            )


def _check_stages(owner: Json, path: str) -> None:
    for stage in owner.get("omitStages") or ():
        if stage not in STAGES:
            raise ValueError(f'{path}: Invalid value: "{stage}": allowed stages are {STAGES}')


def _matches(rule: Json, user: User, info: RequestInfo) -> bool:
    if rule.get("users") and user.name not in rule["users"]:
        return False
    if rule.get("userGroups") and not any(one in rule["userGroups"] for one in user.groups):
        return False
    if rule.get("verbs") and info.verb not in rule["verbs"]:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return info.is_resource and _matches_resource(rule, info)
    if rule.get("nonResourceURLs"):
        return not info.is_resource and _matches_path(rule["nonResourceURLs"], info.path)
    return True


def _matches_path(urls: Iterable[str], path: str) -> bool:
    return any(
        url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1])) for url in urls
    )


def _matches_resource(rule: Json, info: RequestInfo) -> bool:
    # What is in no namespace is in "".
    if rule.get("namespaces") and info.namespace not in rule["namespaces"]:
        return False
    if not rule.get("resources"):
        return True
    return any(_in_group(group, info) for group in rule["resources"])


def _in_group(group: Json, info: RequestInfo) -> bool:
    if group.get("group", "") != info.group:
        return False
    resources = group.get("resources")
    if not resources:
        return True
    names = group.get("resourceNames")
    if names and info.name not in names:
        return False
    combined = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    wanted = ["*", combined, f"{info.resource}/*"]
    if info.subresource:
        wanted.append(f"*/{info.subresource}")
    return any(one in resources for one in wanted)
