"""Which writes a policy is about, and the binding that says where it holds.

Mirrors the rules of `pkg/apis/admissionregistration/validation` on resource rules, match resources
and parameters.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.admissionregistration.policy_expressions import condition_complaints
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.cel.types import DYN
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1035_label, is_dns1123_subdomain, is_path_segment_name

Json = dict[str, Any]


def rule_complaints(rule: Json, path: str) -> list[Cause]:
    """A rule with operations, of a webhook or a policy."""
    operations = rule.get("operations") or []
    found = _alone(operations, f"{path}.operations", "operations")
    for i, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            found.append(not_supported(f"{path}.operations[{i}]", operation, _OPERATIONS))
    found += _alone(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups")
    versions = rule.get("apiVersions") or []
    found += _alone(versions, f"{path}.apiVersions", "API versions")
    found += [required(f"{path}.apiVersions[{i}]") for i, one in enumerate(versions) if not one]
    found += _resources(rule.get("resources") or [], f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in ("*", "Cluster", "Namespaced"):
        found.append(not_supported(f"{path}.scope", scope, ("*", "Cluster", "Namespaced")))
    return found


def _alone(values: list[str], at: str, spoken: str) -> list[Cause]:
    """There is one, and `*` stands for all by itself."""
    if not values:
        return [required(at)]
    if len(values) > 1 and "*" in values:
        text = f"if '*' is present, must not specify other {spoken}"
        return [invalid(at, values, text)]
    return []


def _resources(resources: list[str], path: str) -> list[Cause]:
    """Resources and subresources, none of them named by another one already."""
    if not resources:
        return [required(path)]
    found: list[Cause] = []
    whole: list[str] = []  # resources with all their subresources
    everywhere: list[str] = []  # subresources of all resources
    has_plain = False
    for i, one in enumerate(resources):
        resource, slash, part = one.partition("/")
        at = f"{path}[{i}]"
        if not one:
            found.append(required(at))
            continue
        if not slash:
            has_plain = one != "*"
            continue
        for known, name, wild in (
            (whole, resource, f"{resource}/*"),
            (everywhere, part, f"*/{part}"),
        ):
            if name in known:
                text = f"if '{wild}' is present, must not specify {one}"
                found.append(invalid(at, one, text))
        if part == "*":
            whole.append(resource)
        if resource == "*":
            everywhere.append(part)
    if len(resources) > 1 and "*/*" in resources:
        text = "if '*/*' is present, must not specify other resources"
        found.append(invalid(path, resources, text))
    if "*" in resources and has_plain:
        text = "if '*' is present, must not specify other resources without subresources"
        found.append(invalid(path, resources, text))
    return found


def policy_complaints(spec: Json) -> list[Cause]:
    """What every policy has: failurePolicy, paramKind, matchConstraints, matchConditions."""
    found: list[Cause] = []
    policy = spec.get("failurePolicy")
    if policy not in (None, "Fail", "Ignore"):
        found.append(not_supported("spec.failurePolicy", policy, ("Fail", "Ignore")))
    kind = spec.get("paramKind")
    if kind is not None:
        found += _param_kind(kind, "spec.paramKind")
    match = spec.get("matchConstraints")
    if match is None:
        found.append(required("spec.matchConstraints"))
    else:
        found += _match(match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            found.append(required("spec.matchConstraints.resourceRules"))
    conditions = spec.get("matchConditions") or ()
    params = None if kind is None else DYN
    return [*found, *condition_complaints(conditions, "spec.matchConditions", params=params)]


def binding_complaints(spec: Json) -> list[Cause]:
    """What every binding has: policyName, paramRef, matchResources."""
    found: list[Cause] = []
    name = spec.get("policyName", "")
    if not name:
        found.append(required("spec.policyName"))
    else:
        found += each("spec.policyName", name, is_dns1123_subdomain(name))
    if spec.get("paramRef") is not None:
        found += _param_ref(spec["paramRef"], "spec.paramRef")
    if "matchResources" in spec:
        found += _match(spec["matchResources"], "spec.matchResources")
    return found


def _param_kind(kind: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    version = kind.get("apiVersion", "")
    at = f"{path}.apiVersion"
    if not version:
        found.append(required(at))
    elif version.count("/") > 1:
        text = f"unexpected GroupVersion string: {version}"
        found.append(invalid(at, version, text))
    else:
        group, _, name = version.rpartition("/")
        if group and is_dns1123_subdomain(group):
            found.append(invalid(at, group, ",".join(is_dns1123_subdomain(group))))
        if not name:
            found.append(invalid(at, version, "version must be specified"))
        elif is_dns1035_label(name):
            found.append(invalid(at, name, ",".join(is_dns1035_label(name))))
    name = kind.get("kind", "")
    if not name:
        found.append(required(f"{path}.kind"))
    elif is_dns1035_label(name.lower()):
        wrong = ",".join(is_dns1035_label(name.lower()))
        text = f"may have mixed case, but should otherwise match: {wrong}"
        found.append(invalid(f"{path}.kind", name, text))
    return found


def _param_ref(reference: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    name, selector = reference.get("name", ""), reference.get("selector")
    both = "name and selector are mutually exclusive"
    if name:
        found += each(f"{path}.name", name, is_path_segment_name(name))
        if selector is not None:
            found.append(forbidden(f"{path}.name", both))
    if selector is not None:
        found += validate_label_selector(selector, f"{path}.selector")
        if name:
            found.append(forbidden(f"{path}.selector", both))
    if not name and selector is None:
        found.append(required(path, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction")
    at = f"{path}.parameterNotFoundAction"
    if not action:
        found.append(required(at))
    elif action not in ("Allow", "Deny"):
        found.append(not_supported(at, action, ("Allow", "Deny")))
    return found


def _match(match: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    policy = match.get("matchPolicy")
    if policy not in (None, "Equivalent", "Exact"):
        found.append(not_supported(f"{path}.matchPolicy", policy, ("Equivalent", "Exact")))
    for key in ("namespaceSelector", "objectSelector"):
        found += validate_label_selector(match.get(key), f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(match.get(key, ())):
            at = f"{path}.{key}[{i}]"
            names = rule.get("resourceNames") or ()
            for j, name in enumerate(names):
                found += each(f"{at}.resourceNames[{j}]", name, is_path_segment_name(name))
                if name in names[:j]:
                    found.append(duplicate(f"{at}.resourceNames[{j}]", name))
            found += rule_complaints(rule, at)
    return found


_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
