"""What a pod mounts, as far as components read it."""

from __future__ import annotations

from attrs import frozen


@frozen
class ClaimVolumeSource:
    claim_name: str = ""
    read_only: bool = False


@frozen
class EphemeralVolumeSource:
    """A claim is made from its template; what that says is read where it is made."""


@frozen
class Volume:
    name: str = ""
    persistent_volume_claim: ClaimVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
