"""Roles and their bindings (upstream: `pkg/apis/rbac/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.kinds.rbac.role_defaults import GROUP
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain, is_path_segment_name

Json = dict[str, Any]


def validate_role(new: Json, _old: Json | None) -> list[Cause]:
    """A Role, whose rules are about resources."""
    return _rules(new, namespaced=True)


def validate_cluster_role(new: Json, _old: Json | None) -> list[Cause]:
    """A ClusterRole, which may allow other paths too, or gather the rules of others."""
    found = _rules(new, namespaced=False)
    aggregation = new.get("aggregationRule")
    if aggregation is not None:
        selectors = aggregation.get("clusterRoleSelectors", ())
        if not selectors:
            text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            found.append(required("aggregationRule.clusterRoleSelectors", text))
        for i, selector in enumerate(selectors):
            at = f"aggregationRule.clusterRoleSelectors[{i}]"
            found += validate_label_selector(selector, at)
    return found


def validate_role_binding(new: Json, old: Json | None) -> list[Cause]:
    """A RoleBinding."""
    return _binding(new, old, ("ClusterRole", "Role"), namespaced=True)


def validate_cluster_role_binding(new: Json, old: Json | None) -> list[Cause]:
    """A ClusterRoleBinding."""
    return _binding(new, old, ("ClusterRole",), namespaced=False)


def _rules(role: Json, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    for i, rule in enumerate(role.get("rules") or ()):
        at = f"rules[{i}]"
        if not rule.get("verbs"):
            found.append(required(f"{at}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            urls = rule["nonResourceURLs"]
            if namespaced:
                text = "namespaced rules cannot apply to non-resource URLs"
                found.append(invalid(f"{at}.nonResourceURLs", urls, text))
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                found.append(invalid(f"{at}.nonResourceURLs", urls, text))
            continue
        if not rule.get("apiGroups"):
            text = "resource rules must supply at least one api group"
            found.append(required(f"{at}.apiGroups", text))
        if not rule.get("resources"):
            text = "resource rules must supply at least one resource"
            found.append(required(f"{at}.resources", text))
    return found


def _binding(
    new: Json, old: Json | None, kinds: tuple[str, ...], *, namespaced: bool
) -> list[Cause]:
    reference = new.get("roleRef", {})
    found: list[Cause] = []
    if reference.get("apiGroup") != GROUP:
        at = "roleRef.apiGroup"
        found.append(not_supported(at, reference.get("apiGroup", ""), (GROUP,)))
    if reference.get("kind") not in kinds:
        found.append(not_supported("roleRef.kind", reference.get("kind", ""), kinds))
    name = reference.get("name", "")
    if not name:
        found.append(required("roleRef.name"))
    else:
        found += each("roleRef.name", name, is_path_segment_name(name))
    for i, subject in enumerate(new.get("subjects", ())):
        found += _subject(subject, f"subjects[{i}]", namespaced=namespaced)
    if old is not None and reference != old.get("roleRef"):
        # As upstream's internal type prints itself.
        shown = {part: reference.get(key, "") for key, part in _PRINTED.items()}
        found.append(invalid("roleRef", shown, "cannot change roleRef"))
    return found


def _subject(subject: Json, path: str, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    name, kind = subject.get("name", ""), subject.get("kind", "")
    group = subject.get("apiGroup", "")
    if not name:
        found.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            found += each(f"{path}.name", name, is_dns1123_subdomain(name))
        if group:
            found.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            found.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            found.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        known = ("Group", "ServiceAccount", "User")
        found.append(not_supported(f"{path}.kind", kind, known))
    return found


_PRINTED: Final = {"apiGroup": "APIGroup", "kind": "Kind", "name": "Name"}
