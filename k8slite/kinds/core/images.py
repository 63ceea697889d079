"""What an image's name says: whether it may come to mean something else."""

from __future__ import annotations


def pull_policy(image: str) -> str:
    """What an image is pulled by: always if it may have changed under its name."""
    return "Always" if _moving_tag(image) else "IfNotPresent"


def _moving_tag(image: str) -> bool:
    name, _, digest = image.partition("@")
    if not name:
        return False
    # A colon before the last slash belongs to the registry's port.
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag == "latest" or (not tag and not digest)
