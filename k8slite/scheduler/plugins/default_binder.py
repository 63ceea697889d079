"""Binds a pod by the subresource `binding` (upstream: DefaultBinder)."""

from __future__ import annotations

from k8slite.client.client import Client
from k8slite.client.resource import PODS
from k8slite.scheduler.plugin import BindPlugin
from k8slite.scheduler.pod_info import PodInfo


class DefaultBinder(BindPlugin):
    """Names the pod's UID, so that a pod of the same name made later is never meant."""

    name = "DefaultBinder"

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> bool:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name.name, "namespace": pod.name.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node_name},
        }
        await client.create(
            PODS, binding, pod.name.namespace, name=pod.name.name, subresource="binding"
        )
        return True
