"""What a few well-known images do, as their documentation says (pure).

agnhost is what Kubernetes' own pages and tests take where a container is to show something: its
entry point is /agnhost, and `liveness` and `grpc-health-checking` answer well for some time only.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final

from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.script import Alive, Script, Wait

ALIVE_SECONDS: Final = 10.0  # of agnhost liveness
IMAGE_BYTES: Final = 42_000_000  # what a pull says to have fetched


@lru_cache(maxsize=1024)
def image_id(image: str) -> str:
    """The digest that a pull of an image says to have fetched."""
    name = image.partition("@")[0]
    head, _, tail = name.rpartition(":")
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"{head if head and '/' not in tail else name}@sha256:{digest}"


def entry_point(image: str) -> tuple[str, ...]:
    """What an image runs its arguments with, as far as that is known here."""
    return ("/agnhost",) if _name(image) == "agnhost" else ()


def default_arguments(image: str) -> tuple[str, ...]:
    """What an image is run with when its container says nothing."""
    return ("pause",) if _name(image) == "agnhost" else ()


def script_of(container: Container) -> Script | None:
    """What a container's image does over time, if that is known."""
    words = container.command or entry_point(container.image)
    if not words or not words[0].endswith("/agnhost"):
        return None
    subcommand, *options = (*words[1:], *container.args, "")
    if subcommand == "liveness":
        return Script(steps=(Wait(ALIVE_SECONDS), Alive(False)))
    if subcommand == "grpc-health-checking":
        found = _DELAY.search(" ".join(options))
        if found is not None:
            return Script(steps=(Wait(float(found[1])), Alive(False)))
    return None


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


_DELAY: Final = re.compile(r"--delay-unhealthy-sec[= ](\d+)")
