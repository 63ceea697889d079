"""Ingresses (upstream: `ValidateIngressSpec` of `pkg/apis/networking/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import (
    is_dns1035_label,
    is_dns1123_subdomain,
    is_ip,
    is_path_segment_name,
    is_port_name,
    is_port_number,
    is_wildcard_dns1123_subdomain,
)

Json = dict[str, Any]


def validate_ingress(new: Json, old: Json | None) -> list[Cause]:
    """An Ingress."""
    found = _spec(new.get("spec") or {}, (old or {}).get("spec") or {})
    if old is None:
        annotation = (new["metadata"].get("annotations") or {}).get(_CLASS)
        name = (new.get("spec") or {}).get("ingressClassName")
        if annotation is not None and name is not None and annotation != name:
            text = "must match `ingressClassName` when both are specified"
            found.append(invalid(f"annotations.{_CLASS}", annotation, text))
    return found


def validate_ingress_status(new: Json, _old: Json | None) -> list[Cause]:
    """Where an Ingress is reached."""
    found: list[Cause] = []
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    for i, one in enumerate(balancer.get("ingress") or ()):
        at = f"status.loadBalancer.ingress[{i}]"
        if one.get("ip"):
            found += each(f"{at}.ip", one["ip"], is_ip(one["ip"]))
        host = one.get("hostname")
        if host:
            found += each(f"{at}.hostname", host, is_dns1123_subdomain(host))
            if not is_ip(host):
                found.append(invalid(f"{at}.hostname", host, _NO_ADDRESS))
    return found


def validate_typed_reference(reference: Json, path: str) -> list[Cause]:
    """What names an object of some kind (upstream: `validateIngressTypedLocalObjectReference`)."""
    found: list[Cause] = []
    group = reference.get("apiGroup")
    if group is not None:
        found += each(f"{path}.apiGroup", group, is_dns1123_subdomain(group))
    for key in ("kind", "name"):
        value, at = reference.get(key, ""), f"{path}.{key}"
        if value:
            found += each(at, value, is_path_segment_name(value))
        else:
            found.append(required(at, f"{key} is required"))
    return found


def _spec(spec: Json, before: Json) -> list[Cause]:
    rules, default = spec.get("rules", ()), spec.get("defaultBackend")
    found: list[Cause] = []
    if not rules and default is None:
        text = "either `defaultBackend` or `rules` must be specified"
        found.append(invalid("spec", spec.get("rules"), text))
    if default is not None:
        found += _backend(default, "spec.defaultBackend")
    for i, rule in enumerate(rules):
        at = f"spec.rules[{i}]"
        host = rule.get("host", "")
        if host:
            if not is_ip(host):
                found.append(invalid(f"{at}.host", host, _NO_ADDRESS))
            found += each(f"{at}.host", host, _host(host))
        http = rule.get("http")
        if http is not None:
            paths = http.get("paths", ())
            if not paths:
                found.append(required(f"{at}.http.paths"))
            for j, path in enumerate(paths):
                found += _path(path, f"{at}.http.paths[{j}]")
    had_wrong_secret = any(
        is_dns1123_subdomain(tls["secretName"])
        for tls in before.get("tls") or ()
        if tls.get("secretName")
    )
    for i, tls in enumerate(spec.get("tls", ())):
        for j, host in enumerate(tls.get("hosts", ())):
            found += each(f"spec.tls[{i}].hosts[{j}]", host, _host(host))
        secret = tls.get("secretName", "")
        if secret and not had_wrong_secret:
            found += each(f"spec.tls[{i}].secretName", secret, is_dns1123_subdomain(secret))
    name = spec.get("ingressClassName")
    if name is not None:
        found += each("spec.ingressClassName", name, is_dns1123_subdomain(name))
    return found


def _host(host: str) -> list[str]:
    return is_wildcard_dns1123_subdomain(host) if "*" in host else is_dns1123_subdomain(host)


def _path(path: Json, at: str) -> list[Cause]:
    found: list[Cause] = []
    kind, text = path.get("pathType"), path.get("path", "")
    if kind is None:
        return [required(f"{at}.pathType", "pathType must be specified")]
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            found.append(invalid(f"{at}.path", text, "must be an absolute path"))
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                found.append(invalid(f"{at}.path", text, f"must not contain '{part}'"))
        for end in ("/..", "/."):
            if text.endswith(end):
                found.append(invalid(f"{at}.path", text, f"cannot end with '{end}'"))
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            found.append(invalid(f"{at}.path", text, "must be an absolute path"))
    else:
        found.append(not_supported(f"{at}.pathType", kind, _PATH_TYPES))
    return found + _backend(path.get("backend", {}), f"{at}.backend")


def _backend(backend: Json, at: str) -> list[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        text = "cannot set both resource and service backends"
        return [invalid(at, "", text)]
    if resource is not None:
        return validate_typed_reference(resource, f"{at}.resource")
    if service is None:
        return [invalid(at, "", "resource or service backend is required")]
    found = []
    name = service.get("name", "")
    if not name:
        found.append(required(f"{at}.service.name"))
    else:
        found += each(f"{at}.service.name", name, is_dns1035_label(name))
    port = service.get("port", {})
    number, port_name = port.get("number", 0), port.get("name", "")
    if number and port_name:
        text = "cannot set both port name & port number"
        found.append(invalid(at, "", text))
    elif port_name:
        found += each(f"{at}.service.port.name", port_name, is_port_name(port_name))
    elif number:
        found += each(f"{at}.service.port.number", number, is_port_number(number))
    else:
        text = "port name or number is required"
        found.append(required(at, text))
    return found


_CLASS: Final = "kubernetes.io/ingress.class"
_NO_ADDRESS: Final = "must be a DNS name, not an IP address"
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
