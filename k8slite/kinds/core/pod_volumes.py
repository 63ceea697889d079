"""What a pod mounts, as far as components read it."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class ClaimVolumeSource:
    claim_name: str = ""
    read_only: bool = False


@frozen
class EphemeralVolumeSource:
    """A claim is made from its template; what that says is read where it is made."""


@frozen
class GceDisk:
    pd_name: str = ""
    read_only: bool = False


@frozen
class AwsDisk:
    volume_id: str = field(default="", metadata={"json": "volumeID"})


@frozen
class IscsiDisk:
    iqn: str = ""
    read_only: bool = False


@frozen
class RbdDisk:
    monitors: tuple[str, ...] = ()
    pool: str = "rbd"
    image: str = ""
    read_only: bool = False


@frozen
class Volume:
    name: str = ""
    persistent_volume_claim: ClaimVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    gce_persistent_disk: GceDisk | None = None
    aws_elastic_block_store: AwsDisk | None = None
    iscsi: IscsiDisk | None = None
    rbd: RbdDisk | None = None

    @property
    def disk(self) -> GceDisk | AwsDisk | IscsiDisk | RbdDisk | None:
        """The disk that it names itself, without a claim, if it is of a kind that few may share."""
        return self.gce_persistent_disk or self.aws_elastic_block_store or self.iscsi or self.rbd
