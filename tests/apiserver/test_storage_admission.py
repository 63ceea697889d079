"""Defaults, growth and protection of volumes; classes of ingresses and runtimes."""

from __future__ import annotations

from typing import Any

import trio

from tests.apiserver.oracle_server import Server, running

Json = dict[str, Any]
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
PODS = "/api/v1/namespaces/default/pods"
STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
MERGE = "application/merge-patch+json"


def claim(name: str, **spec: Any) -> Json:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": {**wanted, **spec}}


async def storage_class(server: Server, name: str, default: bool = False, **more: Any) -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    metadata = {"name": name, "annotations": annotations}
    await server.create(STORAGE, {"metadata": metadata, "provisioner": "example.com/p", **more})


async def test_the_newest_default_class(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        assert "storageClassName" not in (await server.create(CLAIMS, claim("none")))["spec"]
        await storage_class(server, "old", default=True)
        await trio.sleep(2)
        await storage_class(server, "new", default=True)
        await storage_class(server, "other")
        assert (await server.create(CLAIMS, claim("a")))["spec"]["storageClassName"] == "new"
        kept = await server.create(CLAIMS, claim("b", storageClassName=""))
        assert kept["spec"]["storageClassName"] == ""


async def test_a_claim_grows_where_its_class_allows_it(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await storage_class(server, "stiff")
        await storage_class(server, "elastic", allowVolumeExpansion=True)
        grown = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        for name in ("stiff", "elastic"):
            await server.create(CLAIMS, claim(name, storageClassName=name))
            path = f"{CLAIMS}/{name}"
            early = await server.ask("PATCH", path, grown, MERGE)
            assert early.status in (403, 422), early.body
            bound = {"status": {"phase": "Bound"}}
            await server.ask("PATCH", f"{path}/status", bound, MERGE)
            answer = await server.ask("PATCH", path, grown, MERGE)
            assert answer.status == (200 if name == "elastic" else 403), answer.body
            if name == "stiff":
                assert answer.json["message"].endswith(
                    "only dynamically provisioned pvc can be resized and the storageclass that "
                    "provisions the pvc must support resize"
                )


async def test_a_claim_in_use_stays(autojump_clock: object) -> None:
    async with running() as server:
        await trio.sleep(1)
        made = await server.create(CLAIMS, claim("data"))
        assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
        spec = {
            "containers": [{"name": "c", "image": "x"}],
            "volumes": [volume],
            "nodeName": "nowhere",
            "terminationGracePeriodSeconds": 0,
        }
        await server.create(PODS, {"metadata": {"name": "p"}, "spec": spec})
        await server.ask("DELETE", f"{CLAIMS}/data")
        await trio.sleep(10)
        assert "deletionTimestamp" in (await server.get(f"{CLAIMS}/data"))["metadata"]
        await server.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
        await trio.sleep(10)
        assert (await server.ask("GET", f"{CLAIMS}/data")).status == 404


async def test_a_bound_volume_stays(autojump_clock: object) -> None:
    # The binder knows that nothing is bound to it.
    async with running(controllers=("*", "-persistentvolume-binder-controller")) as server:
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/x"},
        }
        made = await server.create(VOLUMES, {"metadata": {"name": "v"}, "spec": spec})
        assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
        await server.ask("PATCH", f"{VOLUMES}/v/status", {"status": {"phase": "Bound"}}, MERGE)
        await server.ask("DELETE", f"{VOLUMES}/v")
        await trio.sleep(10)
        assert (await server.ask("GET", f"{VOLUMES}/v")).status == 200
        await server.ask("PATCH", f"{VOLUMES}/v/status", {"status": {"phase": "Released"}}, MERGE)
        await trio.sleep(10)
        assert (await server.ask("GET", f"{VOLUMES}/v")).status == 404


async def test_a_default_ingress_class(autojump_clock: object) -> None:
    network = "/apis/networking.k8s.io/v1"
    ingresses = f"{network}/namespaces/default/ingresses"
    backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    async with running(controllers=False) as server:
        annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
        await server.create(
            f"{network}/ingressclasses",
            {
                "metadata": {"name": "front", "annotations": annotations},
                "spec": {"controller": "example.com/c"},
            },
        )
        made = await server.create(ingresses, {"metadata": {"name": "i"}, "spec": backend})
        assert made["spec"]["ingressClassName"] == "front"


async def test_a_runtime_class(autojump_clock: object) -> None:
    def pod(name: str, **spec: Any) -> Json:
        containers = [{"name": "c", "image": "x"}]
        return {"metadata": {"name": name}, "spec": {"containers": containers, **spec}}

    async with running() as server:
        await trio.sleep(1)
        refused = await server.ask("POST", PODS, pod("p", runtimeClassName="heavy"))
        assert refused.status == 403
        assert refused.json["message"] == (
            'pods "p" is forbidden: pod rejected: RuntimeClass "heavy" not found'
        )
        toleration = {"key": "heavy", "operator": "Exists"}
        await server.create(
            "/apis/node.k8s.io/v1/runtimeclasses",
            {
                "metadata": {"name": "heavy"},
                "handler": "vm",
                "overhead": {"podFixed": {"cpu": "100m"}},
                "scheduling": {"nodeSelector": {"vm": "yes"}, "tolerations": [toleration]},
            },
        )
        made = await server.create(PODS, pod("p", runtimeClassName="heavy"))
        assert made["spec"]["overhead"] == {"cpu": "100m"}
        assert made["spec"]["nodeSelector"] == {"vm": "yes"}
        assert toleration in made["spec"]["tolerations"]
        conflict = pod("q", runtimeClassName="heavy", nodeSelector={"vm": "no"})
        refused = await server.ask("POST", PODS, conflict)
        assert "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes" in refused.json["message"]
        refused = await server.ask("POST", PODS, pod("r", overhead={"cpu": "1"}))
        assert "Pod Overhead set without corresponding RuntimeClass" in refused.json["message"]
