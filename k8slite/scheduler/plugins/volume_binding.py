"""A pod goes where its volumes can be had, and its claims get theirs there.

A claim that is bound ties the pod to where the volume reaches. One whose class waits for its first
consumer is given a volume when the pod has its node: one that there is, or one that is made, which
the claim's annotation asks for. The pod is bound only when all of its claims are (upstream:
VolumeBinding).
"""

from __future__ import annotations

from typing import Final

import trio

from k8slite.client.client import Client
from k8slite.client.resource import CSI_NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from k8slite.kinds.core.volume_matching import BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE
from k8slite.kinds.core.volume_models import PersistentVolume, PersistentVolumeClaim
from k8slite.scheduler.plugin import (
    SKIP,
    Event,
    FilterPlugin,
    PreBindPlugin,
    PreFilterResult,
    ReservePlugin,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.volumes import (
    Choice,
    Unavailable,
    choice_for,
    claims_of_pod,
    space_may_help,
    volume_may_help,
)

BIND_SECONDS: Final = 600.0  # how long claims may take to be bound (upstream: bindTimeoutSeconds)


class VolumeBinding(FilterPlugin, ReservePlugin, PreBindPlugin):
    """Looks at the claims that a pod mounts, their volumes and classes."""

    name = "VolumeBinding"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._bind_seconds = float(setting.args.get("bindTimeoutSeconds") or BIND_SECONDS)
        self._reserved: dict[str, Choice] = {}  # by the UID of the pod
        # The claim (by UID) that a volume was chosen for, by the volume's name.
        self._promised: dict[str, str] = {}

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        if event.resource is CSI_NODES:
            return event.old is None
        return volume_may_help(pod, event) or space_may_help(event)

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        try:
            claims = claims_of_pod(pod.pod, self.setting.view)
        except Unavailable as reason:
            return PreFilterResult(refusal=Status((str(reason),), True, self.name))
        if claims is None:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            found = choice_for(claims, node, self.setting.view, self._promised)
            return Status(found, True, self.name) if isinstance(found, tuple) else None

        return PreFilterResult(look)

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        try:
            claims = claims_of_pod(pod.pod, self.setting.view)
        except Unavailable as reason:
            return Status((str(reason),), True, self.name)
        if claims is None or not claims.delayed:
            return None
        choice = choice_for(claims, node, self.setting.view, self._promised)
        if isinstance(choice, tuple):
            return Status(choice, True, self.name)
        self._reserved[pod.uid] = choice
        for volume, claim in choice.bindings:
            self._promised[volume.metadata.name] = claim.metadata.uid
        return None

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        choice = self._reserved.pop(pod.uid, None)
        if choice is not None:
            for volume, _ in choice.bindings:
                self._promised.pop(volume.metadata.name, None)

    def needed(self, pod: PodInfo, node_name: str) -> bool:
        return pod.uid in self._reserved

    async def pre_bind(self, client: Client, pod: PodInfo, node_name: str) -> Status | None:
        choice = self._reserved[pod.uid]
        for volume, claim in choice.bindings:
            await _give(client, volume, claim)
        for claim in choice.provisions:
            await _ask_for(client, claim, node_name)
        claims = [*(claim for _, claim in choice.bindings), *choice.provisions]
        names = [one.metadata.name for one in claims]
        status: Status | None = Status(("binding volumes: context deadline exceeded",))
        with trio.move_on_after(self._bind_seconds):
            status = await self._all_bound(pod, names, choice, node_name)
        if status is None:
            self.unreserve(pod, node_name)  # the claims say it themselves now
        return status

    async def _all_bound(
        self, pod: PodInfo, names: list[str], choice: Choice, node_name: str
    ) -> Status | None:
        """Wait until all claims are bound; why they will not be."""
        view = self.setting.view
        asked = [claim.metadata.name for claim in choice.provisions]
        seen_asked: dict[str, None] = {}
        while True:
            waiting = False
            for name in names:
                claim = view.get(PERSISTENT_VOLUME_CLAIMS, name, pod.name.namespace)
                if claim is None:
                    return Status((f'binding volumes: persistentvolumeclaim "{name}" not found',))
                annotations = claim.metadata.annotations
                if claim.spec.volume_name and BIND_COMPLETED in annotations:
                    continue
                waiting = True
                if name in asked:
                    # What this asks for comes back with the watch; only then can it be taken away.
                    if annotations.get(SELECTED_NODE) == node_name:
                        seen_asked[name] = None
                    elif name in seen_asked:
                        return Status(
                            (f'binding volumes: selectedNode annotation reset for PVC "{name}"',)
                        )
            if not waiting:
                return None
            await view.change()


async def _give(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
    """Bind a volume to a claim; the binder does the other half (upstream: `BindAPIUpdate`)."""
    metadata = claim.metadata
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata.namespace,
        "name": metadata.name,
        "uid": metadata.uid,
    }
    patch = {
        "metadata": {
            "resourceVersion": volume.metadata.resource_version,
            "annotations": {BOUND_BY_CONTROLLER: "yes"},
        },
        "spec": {"claimRef": reference},
    }
    await client.patch(PERSISTENT_VOLUMES, volume.metadata.name, patch)


async def _ask_for(client: Client, claim: PersistentVolumeClaim, node_name: str) -> None:
    """Have a volume made for a claim, where the node can have it."""
    metadata = claim.metadata
    if metadata.annotations.get(SELECTED_NODE) == node_name:
        return
    patch = {
        "metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "annotations": {SELECTED_NODE: node_name},
        }
    }
    await client.patch(PERSISTENT_VOLUME_CLAIMS, metadata.name, patch, metadata.namespace)
