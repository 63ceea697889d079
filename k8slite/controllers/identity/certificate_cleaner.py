"""Requests for certificates that nobody needs any more are deleted.

An hour after they were answered, a day after they were made where nobody has answered, and when the
certificate has expired. Upstream: `pkg/controller/certificates/cleaner`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from k8slite.client.resource import CERTIFICATE_SIGNING_REQUESTS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name, parse_timestamp

Json = dict[str, Any]

_ANSWERED: Final = timedelta(hours=1)  # approved and signed, denied, or failed
_PENDING: Final = timedelta(hours=24)


class CertificateCleaner(Controller):
    """Its keys are the names of CertificateSigningRequests."""

    name: ClassVar[str] = "certificatesigningrequest-cleaner-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._requests = self.mirrors.of(CERTIFICATE_SIGNING_REQUESTS, PartialObject)
        self.watch(self._requests, own_key)

    async def reconcile(self, name: Name) -> float | None:
        """Delete a request whose time is over; else come back when it will be."""
        request = self._requests.document(name)
        until = min(_deadlines(request), default=None) if request is not None else None
        if request is None or until is None:
            return None
        left = (until - self.world.now()).total_seconds()
        if left > 0:
            return left
        options = {"preconditions": {"uid": request["metadata"]["uid"]}}
        try:
            await self.client.delete(CERTIFICATE_SIGNING_REQUESTS, name.name, options=options)
        except NotFound:
            return None
        return None


def _deadlines(request: Json) -> Iterator[datetime]:
    status = request.get("status") or {}
    certificate = status.get("certificate")
    conditions = status.get("conditions") or ()
    if not conditions:
        yield parse_timestamp(request["metadata"]["creationTimestamp"]) + _PENDING
    for one in conditions:
        answered = one["type"] in ("Denied", "Failed") or (
            one["type"] == "Approved" and bool(certificate)
        )
        if answered and one.get("lastUpdateTime"):
            yield parse_timestamp(one["lastUpdateTime"]) + _ANSWERED
    if certificate:
        yield from _end(certificate)


def _end(certificate: str) -> Iterator[datetime]:
    from cryptography import x509  # only clusters in which somebody has certificates need it

    try:
        yield x509.load_pem_x509_certificate(base64.b64decode(certificate)).not_valid_after_utc
    except ValueError:
        return  # not one that we could have signed
