"""APIServices (upstream: `kube-aggregator/pkg/apis/apiregistration/validation`)."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1035_label, is_dns1123_subdomain, is_port_number

Json = dict[str, Any]

_STATUSES: Final = ("True", "False", "Unknown")


def validate_api_service(new: Json, _old: Json | None) -> list[Cause]:
    """An APIService, named by its version and group."""
    spec = new.get("spec", {})
    group, version = spec.get("group", ""), spec.get("version", "")
    name = new["metadata"].get("name", "")
    found: list[Cause] = []
    if name != f"{version}.{group}":
        text = '`spec.version+"."+spec.group`'
        shown = f'must be {text}: "{version}.{group}"'
        found.append(invalid("metadata.name", name, shown))
    if not group and version != "v1":
        text = "only v1 may have an empty group and it better be legacy kube"
        found.append(required("spec.group", text))
    if group:
        found += each("spec.group", group, is_dns1123_subdomain(group))
    found += each("spec.version", version, is_dns1035_label(version))
    for key, most in (("groupPriorityMinimum", 20_000), ("versionPriority", 1000)):
        value = spec.get(key, 0)
        if not 0 < value <= most:
            text = f"must be positive and less than {most}"
            found.append(invalid(f"spec.{key}", value, text))
    service = spec.get("service")
    if service is None:
        if spec.get("caBundle"):
            text = "local APIServices may not have a caBundle"
            size = len(b64decode(spec["caBundle"]))
            found.append(invalid("spec.caBundle", f"{size} bytes", text))
        if spec.get("insecureSkipTLSVerify"):
            text = "local APIServices may not have insecureSkipTLSVerify"
            found.append(invalid("spec.insecureSkipTLSVerify", True, text))
        return found
    found += [
        required(f"spec.service.{key}") for key in ("namespace", "name") if not service.get(key)
    ]
    port = service.get("port", 0)
    wrong = is_port_number(port)
    if wrong:
        text = f"port is not valid: {', '.join(wrong)}"
        found.append(invalid("spec.service.port", port, text))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        text = "may not be true if caBundle is present"
        found.append(invalid("spec.insecureSkipTLSVerify", True, text))
    return found


def validate_api_service_status(new: Json, _old: Json | None) -> list[Cause]:
    """The conditions of an APIService are true, false or unknown."""
    conditions = (new.get("status") or {}).get("conditions") or ()
    return [
        not_supported(f"status.conditions[{i}].status", condition.get("status", ""), _STATUSES)
        for i, condition in enumerate(conditions)
        if condition.get("status") not in _STATUSES
    ]
