"""Volumes and claims, broken and held."""

from typing import Any

from k8slite.sim.checks.volumes import CLAIMS, VOLUMES, Volumes
from tests.simulation.test_checks import EVERYTHING, Story, thing

Json = dict[str, Any]

RUNNING = EVERYTHING | {"persistentvolume-binder-controller"}
BINDER = "system:controller:persistentvolume-binder-controller"


def volume(claim: str = "", phase: str = "Bound", **metadata: Any) -> Json:
    reference = {"namespace": "shop", "name": "data", "uid": claim} if claim else None
    spec = {"claimRef": reference} if reference else {}
    return thing("v", namespace="", metadata=metadata, spec=spec, status={"phase": phase})


def claim(volume_name: str = "v", phase: str = "Bound", **metadata: Any) -> Json:
    spec = {"volumeName": volume_name} if volume_name else {}
    return thing("data", metadata=metadata, spec=spec, status={"phase": phase})


def bound() -> Story:
    story = Story(Volumes, RUNNING)
    story.write(VOLUMES, volume("uid-data"))
    story.write(CLAIMS, claim())
    return story


def test_they_belong_to_each_other() -> None:
    bound().ends_with()
    story = bound()
    story.write(CLAIMS, None, name="shop/data")
    story.ends_with("persistentvolumes/v is bound to a claim that is not its own")
    story = bound()
    story.write(CLAIMS, claim(uid="another"))
    story.ends_with(
        "persistentvolumeclaims/shop/data is bound to a volume that is not its own",
        "persistentvolumes/v is bound to a claim that is not its own",
    )


def test_phases_tell_what_is() -> None:
    story = bound()
    story.write(VOLUMES, volume("uid-data", "Released"))
    story.ends_with("persistentvolumes/v is its claim's, and Released")
    story = Story(Volumes, RUNNING)
    story.write(VOLUMES, volume(phase=""))
    story.ends_with("persistentvolumes/v is nobody's, and has no phase")


def test_no_controller_deletes_the_volume_of_a_claim_that_lives() -> None:
    story = bound()
    story.write(VOLUMES, volume("uid-data", deletionTimestamp="x"), user="admin")
    story.ends_with()
    story = bound()
    story.write(VOLUMES, volume("uid-data", deletionTimestamp="x"), user=BINDER)
    story.ends_with("persistentvolumes/v is deleted, though its claim shop/data lives")


def test_no_controller_takes_the_volume_of_a_claim_that_lives() -> None:
    story = bound()
    story.write(VOLUMES, volume("other", "Bound"), user=BINDER)
    assert story.complaints == ["persistentvolumes/v is taken from its living claim shop/data"]
