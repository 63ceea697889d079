"""What a test can do with nodes and what runs on them; a part of `operations`."""

from __future__ import annotations

from typing import Any

from k8slite.client.client import Client
from k8slite.client.resource import NODES, PODS, SERVICES
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.runtimes.runtime import ContainerKey
from k8slite.kubelet.runtimes.script import Step
from k8slite.live.embedded import Embedded
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name, find_condition

Json = dict[str, Any]


class NodeOperations:
    """Of one cluster."""

    embedded: Embedded
    _client: Client

    async def play(
        self, pod: str, *steps: Step, namespace: str = "default", container: str = ""
    ) -> None:
        """Have a running container do something else from now on: `Exit(1)`, say.

        The pod's only container, unless it is named. Raises NotFound, or ValueError where it does
        not run.
        """
        found = await self._client.get(PODS, pod.removeprefix("pod/"), namespace)
        names = [one["name"] for one in found["spec"]["containers"]]
        name = container or names[0]
        if name not in names or (not container and len(names) > 1):
            raise ValueError(f"name one of the containers of {pod}: {', '.join(names)}")
        runtime = self._fleet().runtime
        assert isinstance(runtime, FakeRuntime)
        if not runtime.play(ContainerKey(found["metadata"]["uid"], name), steps):
            raise ValueError(f"container {name} of {pod} does not run")

    async def address(self, what: str, namespace: str = "default") -> str:
        """Where the program of a `pod/NAME` listens, or that of a ready pod of a `service/NAME`:
        127.x.y.z, at the container's port. Endpoints and statuses say 10.244.y.z, as in every
        cluster: the API server's calls (webhooks, `proxy`) find the way, a test asks here.

        Raises ValueError where no program runs in it, NotFound for a service that is not there.
        """
        kind, _, name = what.rpartition("/")
        if kind not in ("service", "svc", "services"):
            found = self._fleet().server.address_of(Name(namespace, name))
            if found:
                return found
            raise ValueError(f"no program runs in pod {name}: register one with cluster.image(...)")
        service = await self._client.get(SERVICES, name, namespace)
        selector = service["spec"].get("selector") or {}
        chosen = ",".join(f"{label}={value}" for label, value in sorted(selector.items()))
        pods = await self._client.list(PODS, namespace, labelSelector=chosen) if chosen else {}
        for pod in pods.get("items") or ():
            ready = find_condition((pod.get("status") or {}).get("conditions") or (), "Ready")
            if ready is not None and ready["status"] == "True":
                found = self._fleet().server.address_of(Name(namespace, pod["metadata"]["name"]))
                if found:
                    return found
        raise ValueError(f"no program runs in a ready pod of service {name}")

    async def drain(self, node: str) -> None:
        """As `kubectl drain`: nothing more is scheduled to it, and its pods are evicted.

        Pods of a DaemonSet stay. Raises NotFound, or TooManyRequests where a budget forbids it.
        """
        await self._cordon(node, True)
        listed = await self._client.list(PODS, fieldSelector=f"spec.nodeName={node}")
        for pod in listed["items"]:
            metadata = pod["metadata"]
            owners = metadata.get("ownerReferences") or ()
            if any(one["kind"] == "DaemonSet" for one in owners):
                continue
            name, namespace = metadata["name"], metadata["namespace"]
            eviction = {"metadata": {"name": name, "namespace": namespace}}
            try:
                await self._client.create(
                    PODS, eviction, namespace, name=name, subresource="eviction"
                )
            except NotFound:
                pass  # it has gone by itself

    async def uncordon(self, node: str) -> None:
        """Pods may be scheduled to it again."""
        await self._cordon(node, False)

    async def silence_node(self, node: str) -> None:
        """Its kubelet does and says nothing from now on; its pods go on. Raises ValueError."""
        self._known(node).pause(node)

    async def wake_node(self, node: str) -> None:
        """It goes on where it was silenced. Raises ValueError."""
        self._known(node).resume(node)

    async def _cordon(self, node: str, unschedulable: bool) -> None:
        patch = {"spec": {"unschedulable": unschedulable or None}}
        await self._client.patch(NODES, node.removeprefix("node/"), patch)

    def _known(self, node: str) -> NodeFleet:
        fleet = self._fleet()
        if node not in fleet.node_names:
            raise ValueError(f"there is no node {node!r}, only {', '.join(fleet.node_names)}")
        return fleet

    def _fleet(self) -> NodeFleet:
        fleet = self.embedded.cluster.fleet
        if fleet is None:
            raise ValueError("this cluster has no nodes: start it with nodes=1 or more")
        return fleet
