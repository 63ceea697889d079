"""CertificateSigningRequests (upstream: `pkg/apis/certificates/validation`)."""

from __future__ import annotations

import base64
from typing import Any

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required

Json = dict[str, Any]


def validate_request(new: Json, old: Json | None) -> list[Cause]:
    """A CertificateSigningRequest; the request itself is read when it is signed."""
    if old is not None:
        return []
    spec = new.get("spec", {})
    found: list[Cause] = []
    request = base64.b64decode(spec.get("request", ""))
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in request:
        text = "PEM block type must be CERTIFICATE REQUEST"
        found.append(invalid("spec.request", spec.get("request"), text))
    if not spec.get("usages"):
        found.append(required("spec.usages"))
    signer = spec.get("signerName", "")
    if not signer:
        found.append(required("spec.signerName"))
    elif "/" not in signer or "." not in signer.partition("/")[0]:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        found.append(invalid("spec.signerName", signer, text))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(invalid("spec.expirationSeconds", seconds, text))
    return found
