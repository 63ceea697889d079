"""What a kubelet of another process may: read what its pods need, write what is its own."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.messages import Peer, Request, Response, User
from k8slite.objects.codec import dumps, loads
from tests.apiserver.oracle_server import Server, running

Json = dict[str, Any]
API = "/api/v1"
DEFAULT = f"{API}/namespaces/default"
NODE = User("system:node:a", ("system:nodes", "system:authenticated"))
NOBODY = User("system:node:", ("system:nodes", "system:authenticated"))
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MIRROR = {"kubernetes.io/config.mirror": "x"}


async def ask(
    server: Server,
    method: str,
    path: str,
    body: Json | None = None,
    *,
    user: User = NODE,
    content_type: str = "application/json",
) -> Response:
    path, _, rest = path.partition("?")
    query = tuple(tuple(part.split("=", 1)) for part in rest.split("&") if part)
    data = dumps(body) if body is not None else b""
    headers = {"content-type": content_type}
    return await server.cluster.handler(
        Request(method, path, query, headers, data, Peer(user=user))  # type: ignore[arg-type]
    )


async def merge(server: Server, path: str, body: Json) -> Response:
    return await ask(server, "PATCH", path, body, content_type="application/merge-patch+json")


def why(response: Response) -> str:
    """The end of a refusal's message; "" where there is none."""
    if response.status < 400:
        return ""
    assert isinstance(response.body, bytes)
    text = str(loads(response.body)["message"])
    assert response.status == 403, text
    return text.rpartition("is forbidden: ")[2]


def pod(name: str, node: str = "a", volumes: list[Json] | None = None, **spec: Any) -> Json:
    containers = [{"name": "c", "image": "x", **spec.pop("container", {})}]
    made = {"nodeName": node, "containers": containers, "serviceAccountName": "robot", **spec}
    if volumes:
        made["volumes"] = [{"name": f"v{n}", **volume} for n, volume in enumerate(volumes)]
    made["automountServiceAccountToken"] = False
    return {"metadata": {"name": name}, "spec": made}


async def prepared(server: Server) -> None:
    for name in ("a", "b"):
        await server.create(f"{API}/nodes", {"metadata": {"name": name}})
    for account in ("robot", "default"):
        await server.create(f"{DEFAULT}/serviceaccounts", {"metadata": {"name": account}})
    for name in ("one", "two", "three", "of-volume"):
        await server.create(f"{DEFAULT}/secrets", {"metadata": {"name": name}})
        await server.create(f"{DEFAULT}/configmaps", {"metadata": {"name": name}})
    secret = {"secretRef": {"name": "two"}}
    config = {"configMapKeyRef": {"name": "two", "key": "k"}}
    container = {"envFrom": [secret], "env": [{"name": "E", "valueFrom": config}]}
    volumes: list[Json] = [
        {"secret": {"secretName": "one"}},
        {"projected": {"sources": [{"configMap": {"name": "one"}}]}},
        {"persistentVolumeClaim": {"claimName": "claim"}},
    ]
    await server.create(f"{DEFAULT}/pods", pod("mine", "a", volumes, container=container))
    await server.create(f"{DEFAULT}/pods", pod("other", "b"))
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "volume",
        "storageClassName": "",
    }
    claims = f"{DEFAULT}/persistentvolumeclaims"
    await server.create(claims, {"metadata": {"name": "claim"}, "spec": claim})
    csi = {
        "driver": "d",
        "volumeHandle": "h",
        "nodeStageSecretRef": {"name": "of-volume", "namespace": "default"},
    }
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": "default", "name": "claim"},
        "csi": csi,
    }
    volumes_path = f"{API}/persistentvolumes"
    await server.create(volumes_path, {"metadata": {"name": "volume"}, "spec": volume})


NONE = "no relationship found between node 'a' and this object"
READS = [
    ("GET", f"{DEFAULT}/secrets/one", ""),
    ("GET", f"{DEFAULT}/secrets/two", ""),
    ("GET", f"{DEFAULT}/secrets/of-volume", ""),
    ("GET", f"{DEFAULT}/secrets/three", NONE),
    ("GET", f"{DEFAULT}/secrets?fieldSelector=metadata.name=one", ""),
    ("GET", f"{DEFAULT}/secrets?fieldSelector=metadata.name=three", NONE),
    ("GET", f"{DEFAULT}/secrets", "No Object name found"),
    ("GET", f"{API}/secrets", "can only read namespaced object of this type"),
    ("DELETE", f"{DEFAULT}/secrets/one", "can only read resources of this type"),
    ("GET", f"{DEFAULT}/configmaps/one", ""),
    ("GET", f"{DEFAULT}/configmaps/two", ""),
    ("GET", f"{DEFAULT}/configmaps/three", NONE),
    ("GET", f"{DEFAULT}/persistentvolumeclaims/claim", ""),
    (
        "GET",
        f"{DEFAULT}/persistentvolumeclaims",
        "can only get individual resources of this type",
    ),
    ("GET", f"{API}/persistentvolumes/volume", ""),
    ("GET", f"{API}/persistentvolumes/volume/status", "cannot get subresource"),
    ("GET", f"{DEFAULT}/serviceaccounts/robot", ""),
    ("GET", f"{DEFAULT}/serviceaccounts/default", NONE),
    (
        "DELETE",
        f"{DEFAULT}/serviceaccounts/robot",
        "can only create tokens for individual service accounts",
    ),
    ("GET", f"{API}/nodes/a", ""),
    ("GET", f"{API}/nodes/b", "node 'a' cannot read 'b', only its own Node object"),
    ("GET", f"{API}/nodes", "node 'a' cannot read all nodes, only its own Node object"),
    ("GET", f"{API}/nodes?fieldSelector=metadata.name=a", ""),
    ("GET", f"{DEFAULT}/pods/mine", ""),
    ("GET", f"{DEFAULT}/pods/other", NONE),
    ("GET", f"{API}/pods", "can only list/watch pods with spec.nodeName field selector"),
    ("GET", f"{API}/pods?fieldSelector=spec.nodeName=a", ""),
    (
        "GET",
        f"{API}/pods?fieldSelector=spec.nodeName=b",
        "can only list/watch pods with spec.nodeName field selector",
    ),
    (
        "GET",
        "/apis/resource.k8s.io/v1/resourceslices",
        "can only list/watch/deletecollection resourceslices with nodeName field selector",
    ),
    ("GET", f"{API}/services", ""),
    ("GET", "/apis/storage.k8s.io/v1/csidrivers", ""),
    ("GET", LEASES, "can only get, create, update, patch, or delete a node lease"),
    (
        "GET",
        f"{LEASES}/b",
        "can only access node lease with the same name as the requesting node",
    ),
    (
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/a",
        'can only access leases in the "kube-node-lease" system namespace',
    ),
    (
        "GET",
        "/apis/storage.k8s.io/v1/csinodes/b",
        "can only access CSINode with the same name as the requesting node",
    ),
]


async def test_what_a_node_reads(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        for method, path, expected in READS:
            told = why(await ask(server, method, path))
            assert told.endswith(expected) if expected else told == "", (method, path, told)
        told = why(await ask(server, "GET", f"{API}/nodes/a", user=NOBODY))
        assert told.endswith(': unknown node for user "system:node:"')


async def test_the_graph_follows_pods(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        path = f"{DEFAULT}/secrets/three"
        assert why(await ask(server, "GET", path))
        more = pod(
            "more", "a", [{"secret": {"secretName": "three"}}], terminationGracePeriodSeconds=0
        )
        await server.create(f"{DEFAULT}/pods", more)
        assert why(await ask(server, "GET", path)) == ""
        await server.ask("DELETE", f"{DEFAULT}/pods/more?gracePeriodSeconds=0")
        assert why(await ask(server, "GET", path)).endswith(NONE)


async def test_roles_add_to_what_a_node_may(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        subject = {"kind": "User", "name": NODE.name, "apiGroup": "rbac.authorization.k8s.io"}
        reference = {
            "kind": "ClusterRole",
            "name": "view",
            "apiGroup": "rbac.authorization.k8s.io",
        }
        assert why(await ask(server, "GET", f"{DEFAULT}/configmaps"))
        bound = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [subject]}
        await server.create(f"{rbac}/clusterrolebindings", bound)
        role = {"rules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]}]}
        await server.ask("PUT", f"{rbac}/clusterroles/view", {"metadata": {"name": "view"}, **role})
        assert why(await ask(server, "GET", f"{DEFAULT}/configmaps")) == ""


NODES: list[tuple[str, str, Json, str]] = [
    ("POST", "", {"metadata": {"name": "c"}}, 'node "a" is not allowed to modify node "c"'),
    (
        "PATCH",
        "/a",
        {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}},
        'node "a" is not allowed to modify taints',
    ),
    (
        "PATCH",
        "/a",
        {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y", "k8s.io/z": ""}}},
        "is not allowed to modify labels: k8s.io/z, node-restriction.kubernetes.io/x",
    ),
    (
        "PATCH",
        "/a",
        {
            "metadata": {
                "labels": {"kubernetes.io/os": "linux", "mine": "", "x.node.kubernetes.io/a": ""}
            }
        },
        "",
    ),
    ("PATCH", "/a/status", {"status": {"nodeInfo": {"kernelVersion": "1"}}}, ""),
    ("PATCH", "/b/status", {"status": {}}, 'node "a" is not allowed to modify node "b"'),
    (
        "PATCH",
        "/a",
        {
            "metadata": {
                "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "b", "uid": "u"}]
            }
        },
        'node "a" is not allowed to modify ownerReferences',
    ),
]


async def test_what_a_node_writes_of_nodes(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        for method, path, body, expected in NODES:
            send = merge if method == "PATCH" else None
            full = f"{API}/nodes{path}"
            answer = await (send(server, full, body) if send else ask(server, method, full, body))
            assert why(answer) == expected, body
        body = {"metadata": {"name": "new", "labels": {"k8s.io/z": ""}}}
        new = User("system:node:new", NODE.groups)
        answer = await ask(server, "POST", f"{API}/nodes", body, user=new)
        assert why(answer) == 'node "new" is not allowed to set the following labels: k8s.io/z'
        body["metadata"]["labels"] = {"kubernetes.io/hostname": "new"}
        assert (await ask(server, "POST", f"{API}/nodes", body, user=new)).status == 201


async def test_what_a_node_writes_of_pods(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        pods = f"{DEFAULT}/pods"
        phase = {"status": {"phase": "Running"}}
        assert why(await merge(server, f"{pods}/mine/status", phase)) == ""
        assert why(await merge(server, f"{pods}/other/status", phase)) == (
            'node "a" can only update pod status for pods with spec.nodeName set to itself'
        )
        labels = {"metadata": {"labels": {"a": "b"}}}
        assert why(await merge(server, f"{pods}/mine/status", labels)) == (
            'node "a" cannot update labels through pod status'
        )
        assert why(await ask(server, "DELETE", f"{pods}/other")) == (
            'node "a" can only delete pods with spec.nodeName set to itself'
        )
        evicts = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}}
        assert why(await ask(server, "POST", f"{pods}/other/eviction", evicts)) == (
            "node a can only evict pods with spec.nodeName set to itself"
        )
        evicts["metadata"] = {"name": "mine"}
        assert (await ask(server, "POST", f"{pods}/mine/eviction", evicts)).status == 201


async def test_mirror_pods(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        node = await server.get(f"{API}/nodes/a")
        owner = {
            "apiVersion": "v1",
            "kind": "Node",
            "name": "a",
            "uid": node["metadata"]["uid"],
            "controller": True,
        }
        spec = {"nodeName": "a", "containers": [{"name": "c", "image": "x"}]}

        async def attempt(metadata: Json, **changes: Any) -> str:
            made = {"metadata": {"name": "m", **metadata}, "spec": {**spec, **changes}}
            return why(await ask(server, "POST", f"{DEFAULT}/pods", made))

        assert await attempt({}, serviceAccountName="robot") == (
            'pod does not have "kubernetes.io/config.mirror" annotation, node "a" can only create '
            "mirror pods"
        )
        mirror = {"annotations": MIRROR}
        assert await attempt(mirror, nodeName="b") == (
            'node "a" can only create pods with spec.nodeName set to itself'
        )
        assert await attempt(mirror) == (
            'node "a" can only create pods with an owner reference set to itself'
        )
        owned = {**mirror, "ownerReferences": [{**owner, "uid": "u"}]}
        assert (await attempt(owned)).startswith("node a UID mismatch: expected u got ")
        owned = {**mirror, "ownerReferences": [{**owner, "controller": False}]}
        assert "with a controller owner reference" in await attempt(owned)
        owned = {**mirror, "ownerReferences": [owner]}
        for changes, what in (
            ({"serviceAccountName": "robot"}, "a service account"),
            ({"volumes": [{"name": "v", "secret": {"secretName": "one"}}]}, "secrets"),
            ({"volumes": [{"name": "v", "configMap": {"name": "one"}}]}, "configmaps"),
        ):
            assert await attempt(owned, **changes) == (  # type: ignore[arg-type]
                f'node "a" can not create pods that reference {what}'
            )
        assert await attempt(owned) == ""


async def test_tokens_for_its_pods_only(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        source = {"serviceAccountToken": {"path": "t", "audience": "vault"}}
        volumes = [{"projected": {"sources": [source]}}]
        await server.create(f"{DEFAULT}/pods", pod("audience", "a", volumes))
        pods = await server.get(f"{DEFAULT}/pods")
        uids = {one["metadata"]["name"]: one["metadata"]["uid"] for one in pods["items"]}
        token = f"{DEFAULT}/serviceaccounts/robot/token"

        async def attempt(name: str, uid: str = "", *audiences: str) -> str:
            bound = {"apiVersion": "v1", "kind": "Pod", "name": name}
            if uid:
                bound["uid"] = uid
            spec = {"audiences": list(audiences), **({"boundObjectRef": bound} if name else {})}
            return why(await ask(server, "POST", token, {"spec": spec}))

        assert await attempt("") == "node requested token not bound to a pod"
        assert await attempt("mine") == "node requested token with a pod binding without a uid"
        assert (await attempt("mine", "u")).startswith("the UID in the bound object reference (u)")
        assert await attempt("other", uids["other"]) == (
            "node requested token bound to a pod scheduled on a different node"
        )
        assert await attempt("mine", uids["mine"]) == ""
        assert await attempt("mine", uids["mine"], "vault") == (
            'audience "vault" not found in pod spec volume, system:node:a is not authorized to '
            "request tokens for this audience"
        )
        assert await attempt("audience", uids["audience"], "vault") == ""
        assert await attempt("audience", uids["audience"], "vault", "x") == (
            "node may only request 0 or 1 audiences"
        )


async def test_mirror_pods_of_others_claim_nothing_either(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        for changes, told in (
            ({"serviceAccountName": "robot"}, "reference service accounts"),
            ({"serviceAccountName": "", "imagePullSecrets": [{"name": "s"}]}, "reference secrets"),
        ):
            made = pod("m", "a", **changes)  # type: ignore[arg-type]
            made["metadata"]["annotations"] = MIRROR
            answer = await server.ask("POST", f"{DEFAULT}/pods", made)
            assert answer.status == 403
            assert answer.json["message"].endswith(f"a mirror pod may not {told}")


@pytest.mark.parametrize(("name", "status"), [("a", 201), ("b", 403)])
async def test_its_lease_and_csi_node(name: str, status: int, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        lease = {"metadata": {"name": name}, "spec": {"leaseDurationSeconds": 40}}
        assert (await ask(server, "POST", LEASES, lease)).status == status
        csi = {"metadata": {"name": name}, "spec": {"drivers": []}}
        path = "/apis/storage.k8s.io/v1/csinodes"
        assert (await ask(server, "POST", path, csi)).status == status


async def test_rules_of_a_node_are_not_all_told(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        answer = await ask(server, "POST", path, {"spec": {"namespace": "default"}})
        assert isinstance(answer.body, bytes)
        status = loads(answer.body)["status"]
        assert status["incomplete"] is True
        assert status["evaluationError"] == (
            "node authorizer does not support user rule resolution"
        )
