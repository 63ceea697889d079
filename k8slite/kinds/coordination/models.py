"""The coordination group's kinds, as far as components read them."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from k8slite.kinds.models import Metadata


@frozen
class LeaseSpec:
    holder_identity: str = ""
    lease_duration_seconds: int | None = None
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int | None = None


@frozen
class Lease:
    metadata: Metadata
    spec: LeaseSpec = LeaseSpec()
