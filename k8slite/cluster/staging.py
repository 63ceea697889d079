"""What pretended containers do where KWOK's Stages are among the cluster's objects."""

from __future__ import annotations

from typing import Final

from k8slite.apiserver.storage import Storage
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, is_usual
from k8slite.objects.meta import timestamp
from k8slite.world import World

_STAGES: Final = "kwok.x-k8s.io.stages/"  # where the store keeps them


def staged(
    usual: Behaviour, pod: Pod, container: Container, storage: Storage, world: World
) -> Behaviour:
    """As the Stages say, if there are some and nothing else has said what it does."""
    if not is_usual(usual) or not storage.store.count(_STAGES):
        return usual
    from k8slite.kubelet.runtimes import stages  # whoever has none pays nothing for it

    document = storage.find("pods/", pod.metadata.namespace, pod.metadata.name)
    if document is None:
        return usual
    listed = [stage for _, stage in storage.every(_STAGES)]
    return stages.play(listed, document, container.name, timestamp(world.now()), usual)
