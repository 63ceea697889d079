"""CertificateSigningRequests (upstream: `pkg/apis/certificates/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.certificates.signers import LEGACY, parsed_request
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required, too_long
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]

_LEAST_SECONDS: Final = 600
_DOMAIN_MOST: Final = 253
_DECISIONS: Final = ("Approved", "Denied", "Failed")
_STATUSES: Final = ("False", "True", "Unknown")
_USAGES: Final = frozenset(
    (
        *("signing", "digital signature", "content commitment", "key encipherment"),
        *("key agreement", "data encipherment", "cert sign", "crl sign", "encipher only"),
        *("decipher only", "any", "server auth", "client auth", "code signing"),
        *("email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user"),
        *("timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"),
    )
)


def validate_request(new: Json, old: Json | None) -> list[Cause]:
    """A CertificateSigningRequest; its spec never changes, and nobody signs it this way."""
    if old is not None:
        return _update(new, old, may_sign=False, may_decide=False)
    spec = new.get("spec") or {}
    found: list[Cause] = []
    try:
        parsed_request(spec.get("request", ""))
    except ValueError as error:
        found.append(invalid("spec.request", spec.get("request"), str(error)))
    usages = spec.get("usages") or []
    if not usages:
        found.append(required("spec.usages"))
    for i, usage in enumerate(usages):
        path = f"spec.usages[{i}]"
        if usage not in _USAGES:
            found.append(not_supported(path, usage, _USAGES))
        if usage in usages[:i]:
            found.append(duplicate(path, usage))
    signer = spec.get("signerName", "")
    if signer == LEGACY:
        what = "the legacy signerName is not allowed via this API version"
        found.append(invalid("spec.signerName", signer, what))
    else:
        found += validate_signer_name(signer, "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _LEAST_SECONDS:
        what = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(invalid("spec.expirationSeconds", seconds, what))
    return found


def validate_signed(new: Json, old: Json) -> list[Cause]:
    """What a signer writes: a certificate once, and conditions but for decisions of others."""
    return _update(new, old, may_sign=True, may_decide=False)


def validate_decided(new: Json, old: Json, subresource: str) -> list[Cause]:
    """What an approver writes."""
    return _update(new, old, may_sign=False, may_decide=subresource == "approval")


def validate_signer_name(name: str, path: str) -> list[Cause]:
    """`example.com/signer-name` (upstream: `ValidateSignerName`)."""
    if not name:
        return [required(path)]
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        what = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, name, what)]
    found = [too_long(path, _DOMAIN_MOST)] if len(domain) > _DOMAIN_MOST else []
    labels = domain.split(".")
    for label in labels:
        wrong = is_dns1123_label(label)
        if wrong:
            found += [invalid(path, domain, f'validating label "{label}": {one}') for one in wrong]
            break
    if len(labels) < 2:
        what = "should be a domain with at least two segments separated by dots"
        found.append(invalid(path, domain, what))
    for label in rest.split("."):
        wrong = is_dns1123_subdomain(label)
        if wrong:
            found += [invalid(path, rest, f'validating label "{label}": {one}') for one in wrong]
            break
    return found


def _update(new: Json, old: Json, *, may_sign: bool, may_decide: bool) -> list[Cause]:
    conditions, before = _conditions(new), _conditions(old)
    found = _condition_complaints(conditions) if conditions != before else []
    for kind in _DECISIONS:
        has, had = _has(conditions, kind), _has(before, kind)
        if had and not has:
            what = f'updates may not remove a condition of type "{kind}"'
            found.append(forbidden("status.conditions", what))
        if has and not had and not (may_decide if kind != "Failed" else may_decide or may_sign):
            what = f'updates may not add a condition of type "{kind}"'
            found.append(forbidden("status.conditions", what))
    certificate, known = _certificate(new), _certificate(old)
    if certificate != known and not may_sign:
        found.append(forbidden("status.certificate", "updates may not set certificate content"))
    elif certificate != known and known:
        what = "updates may not modify existing certificate content"
        found.append(forbidden("status.certificate", what))
    return found


def _condition_complaints(conditions: list[Json]) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, condition in enumerate(conditions):
        path = f"status.conditions[{i}]"
        kind, status = condition.get("type", ""), condition.get("status", "")
        allowed = ("True",) if kind in _DECISIONS else _STATUSES
        if not kind:
            found.append(required(f"{path}.type"))
        if not status:
            found.append(required(f"{path}.status"))
        elif status not in allowed:
            found.append(not_supported(f"{path}.status", status, allowed))
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            what = "Approved and Denied conditions are mutually exclusive"
            found.append(invalid(f"{path}.type", kind, what))
        if kind in seen:
            found.append(duplicate(f"{path}.type", kind))
        seen.append(kind)
    return found


def _conditions(request: Json) -> list[Json]:
    return (request.get("status") or {}).get("conditions") or []


def _has(conditions: list[Json], kind: str) -> bool:
    return any(one.get("type") == kind for one in conditions)


def _certificate(request: Json) -> Any:
    return (request.get("status") or {}).get("certificate")
