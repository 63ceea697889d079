"""Heartbeats in one message: the same writes as one by one, or none at all."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.resource import LEASES, NODES
from k8slite.kubelet.node import NodeShape, node_object, node_status
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import BadRequest, Forbidden
from k8slite.objects.heartbeats import EVENT, LEASE_NAMESPACE, PATH, TOGETHER, Told, apply
from k8slite.objects.meta import micro_timestamp, timestamp
from tests.apiserver.oracle_server import Json, Server, running

LEASE_KEY = f"coordination.k8s.io.leases/{LEASE_NAMESPACE}/n"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class Kubelet:
    """A kubelet's writes, in the usual way and in one message."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client: Client = server.cluster.client("kubelet")

    async def register(self) -> None:
        """As kubelets do, each object written twice: from then on it is the kubelet's."""
        shape = NodeShape("n")
        await self.client.create(NODES, node_object(shape, "10.0.0.1", self.status()))
        spec = {"holderIdentity": "n", "leaseDurationSeconds": 40, "renewTime": self.now}
        metadata = {"name": "n", "namespace": LEASE_NAMESPACE}
        await self.client.create(LEASES, {"metadata": metadata, "spec": spec}, LEASE_NAMESPACE)
        await trio.sleep(5)
        await self.usual()

    async def usual(self) -> None:
        """A PUT and a PATCH."""
        lease = await self.client.get(LEASES, "n", LEASE_NAMESPACE)
        lease["spec"]["renewTime"] = self.now
        await self.client.update(LEASES, lease)
        await self.client.patch(
            NODES,
            "n",
            {"status": self.status()},
            subresource="status",
            patch_type=STRATEGIC_MERGE_PATCH,
        )

    async def beat(self, client: Client | None = None, **versions: Json) -> Json:
        """The message, with the newest versions unless others are given."""
        known = {
            "leases": {"n": self.version(LEASE_KEY)},
            "nodes": {"n": self.version("nodes/n")},
            **versions,
        }
        body = Told(self.now, known["leases"], known["nodes"]).dump()
        response = await (client or self.client).request("POST", PATH, body=body)
        assert isinstance(response.body, bytes)
        found: Json = loads(response.body)
        return found

    def status(self) -> Json:
        before = self.server.store.get("nodes/n")
        known = loads(before.value)["status"] if before else {}
        return node_status(
            NodeShape("n"),
            "10.0.0.1",
            kubelet_version="v1",
            runtime_version="fake",
            machine_id="m",
            now=timestamp(self.server.cluster.world.now()),
            before=known,
        )

    def version(self, key: str) -> str:
        stored = self.server.store.get(key)
        return str(stored.revision) if stored else ""

    @property
    def now(self) -> str:
        return micro_timestamp(self.server.cluster.world.now())


async def test_a_message_comes_to_the_same_bytes(autojump_clock: Any) -> None:
    async with running(controllers=False) as one, running(controllers=False) as other:
        usual, together = Kubelet(one), Kubelet(other)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(usual.register)
            nursery.start_soon(together.register)
        for _ in range(3):
            await trio.sleep(10.5)
            await usual.usual()
            answers = await together.beat()
            for key in (LEASE_KEY, "nodes/n"):
                wanted, found = one.store.get(key), other.store.get(key)
                assert wanted and found and found.value == wanted.value
            assert answers["leases"]["n"] == together.version(LEASE_KEY)
            assert answers["nodes"]["n"] == together.version("nodes/n")
        moments = {one["lastHeartbeatTime"] for one in together.status()["conditions"]}
        assert moments == {timestamp(other.cluster.world.now())}
        metrics = (await other.ask("GET", "/metrics")).body.decode()
        labels = (
            'code="200",component="apiserver",dry_run="",group="coordination.k8s.io",'
            'resource="leases",scope="resource",subresource="",verb="PUT",version="v1"'
        )
        assert f"apiserver_request_total{{{labels}}} 4" in metrics


async def test_each_is_an_event_of_its_own(autojump_clock: Any) -> None:
    async with running(controllers=False) as server:
        kubelet = Kubelet(server)
        await kubelet.register()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases"
        watch = await server.watch(f"{path}?resourceVersion={server.store.revision}")
        await trio.sleep(10)
        answers = await kubelet.beat(leases={"n": kubelet.version(LEASE_KEY), "absent": "7"})
        event = await watch.next()
        assert event is not None and event["type"] == "MODIFIED"
        assert event["object"] == await server.get(f"{path}/n")
        assert event["object"]["spec"]["renewTime"] == kubelet.now
        assert answers["leases"] == {"n": kubelet.version(LEASE_KEY), "absent": None}
        watch.close()


async def test_a_watch_of_this_process_may_have_them_together(autojump_clock: Any) -> None:
    async with running(controllers=False) as server:
        kubelet = Kubelet(server)
        await kubelet.register()
        client, before = kubelet.client, str(server.store.revision)
        parameter = dict((TOGETHER,))
        lease_watch = await client.watch(LEASES, resourceVersion=before, **parameter)
        node_watch = await client.watch(NODES, resourceVersion=before, **parameter)
        selected = await client.watch(
            NODES, resourceVersion=before, fieldSelector="metadata.name=n", **parameter
        )
        await trio.sleep(10)
        answers = await kubelet.beat()
        event = loads(await lease_watch.receive())
        assert event["type"] == EVENT
        version = answers["leases"]["n"]
        assert event["object"] == {
            "metadata": {"resourceVersion": version},
            "times": [f"{kubelet.now[:19]}Z", kubelet.now],
            "revisions": {f"{LEASE_NAMESPACE}/n": int(version)},
        }
        told = loads(await node_watch.receive())["object"]
        assert told["revisions"] == {"n": int(answers["nodes"]["n"])}
        assert told["times"] == [f"{kubelet.now[:19]}Z"] * 5
        assert loads(await selected.receive())["type"] == "MODIFIED"
        # What comes of it is what the object has become, and other changes are as ever.
        node = loads(stored_in(server, before, "nodes/n"))
        apply(node, int(answers["nodes"]["n"]), told["times"])
        assert dumps(node) == server.store.get("nodes/n").value  # type: ignore[union-attr]
        await kubelet.client.patch(NODES, "n", {"metadata": {"labels": {"a": "b"}}})
        assert loads(await node_watch.receive())["type"] == "MODIFIED"
        for watch in (lease_watch, node_watch, selected):
            watch.close()


def stored_in(server: Server, revision: str, key: str) -> bytes:
    (found,) = server.store.list(key, at=int(revision)).items
    return found.value


@pytest.mark.parametrize(
    "what",
    ["stale", "same-time", "webhook", "deleted", "other-owner", "other-client", "unreadable"],
)
async def test_what_is_out_of_the_ordinary_is_declined(autojump_clock: Any, what: str) -> None:
    async with running(controllers=False) as server:
        kubelet = Kubelet(server)
        await kubelet.register()
        client, more = kubelet.client, {}
        if what != "same-time":
            await trio.sleep(10)
        if what == "stale":
            more = {"leases": {"n": "1"}, "nodes": {"n": ""}}
        elif what == "webhook":
            hook = {"name": "a.example.com", "clientConfig": {"url": "https://a"}}
            hook |= {"sideEffects": "None", "admissionReviewVersions": ["v1"]}
            await server.create(HOOKS, {"metadata": {"name": "a"}, "webhooks": [hook]})
        elif what == "deleted":
            for resource, namespace in ((LEASES, LEASE_NAMESPACE), (NODES, "")):
                patch = {"metadata": {"finalizers": ["example.com/wait"]}}
                await client.patch(resource, "n", patch, namespace)
                await client.delete(resource, "n", namespace)
        elif what == "other-owner":
            other = server.cluster.client("somebody")
            spec = {"spec": {"renewTime": kubelet.now}}
            await other.patch(LEASES, "n", spec, LEASE_NAMESPACE)
            moment = {"type": "Ready", "lastHeartbeatTime": kubelet.now}
            status = {"status": {"conditions": [moment]}}
            await other.patch(
                NODES, "n", status, subresource="status", patch_type=STRATEGIC_MERGE_PATCH
            )
            await trio.sleep(1)
        elif what == "other-client":
            client = server.cluster.client("somebody")
        before = server.store.revision
        if what == "unreadable":
            with pytest.raises(BadRequest):
                await client.request("POST", PATH, body=b"[]")
        else:
            answers = await kubelet.beat(client, **more)
            assert answers == {"leases": {"n": None}, "nodes": {"n": None}}
        assert server.store.revision == before


async def test_nobody_from_outside_may_send_it(autojump_clock: Any) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", PATH, {"now": "", "leases": {}, "nodes": {}})
        unknown = await server.ask("POST", "/k8slite/other", {})
        assert (answer.status, answer.json["message"]) == (unknown.status, unknown.json["message"])
        with pytest.raises(Forbidden):
            stranger = server.cluster.client("kubelet", "system:nodes")
            await stranger.request("POST", PATH, body=Told().dump())
