"""What a pod has around it: its node, and what its containers find."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.box import Mount


@frozen
class Host:
    """The node, as its pods see it."""

    name: str
    address: str
    tells_generation: bool = True


class Surroundings(Protocol):
    """What its containers find around them (see `surroundings`)."""

    @property
    def ready(self) -> bool: ...
    def container(self, container: Container) -> Container: ...
    def mounts(self, container: Container) -> tuple[Mount, ...]: ...
    async def refresh(self) -> None: ...
