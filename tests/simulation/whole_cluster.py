"""A whole cluster's life under virtual time; prints the hash of its commit log.

Run as a process of its own, so that nothing but the seed can make two runs alike.
"""

import sys

import trio

from k8slite.client.resource import DEPLOYMENTS, NAMESPACES, PODS, SERVICES
from k8slite.cluster import Cluster, Settings
from k8slite.sim.run import CommitLog, run
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore


def deployment(name: str, replicas: int) -> dict[str, object]:
    labels = {"app": name}
    container = {
        "name": "c",
        "image": "example.com/app:1",
        "resources": {"requests": {"cpu": "100m"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def live(world: SimulatedWorld) -> tuple[str, int, int]:
    store = MemoryStore()
    log = CommitLog(store)
    cluster = Cluster(store, world, Settings(nodes=3))
    user = cluster.client("admin")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.follow)
        await nursery.start(cluster.run)
        await user.create(NAMESPACES, {"metadata": {"name": "shop"}})
        await trio.sleep(2)
        await user.create(DEPLOYMENTS, deployment("web", 5), "shop")
        await user.create(
            SERVICES,
            {
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], "type": "NodePort"},
            },
            "shop",
        )
        await trio.sleep(20)
        pods = await user.list(PODS, "shop")
        running = sum(pod["status"]["phase"] == "Running" for pod in pods["items"])
        image = [{"name": "c", "image": "example.com/app:2"}]
        await user.patch(
            DEPLOYMENTS,
            "web",
            {"spec": {"template": {"spec": {"containers": image}}}},
            "shop",
            patch_type="application/strategic-merge-patch+json",
        )
        await trio.sleep(120)
        await user.delete(DEPLOYMENTS, "web", "shop")
        await trio.sleep(60)
        await user.delete(NAMESPACES, "shop")
        await trio.sleep(600)
        left = store.count("pods/")
        nursery.cancel_scope.cancel()
    assert left == 0, "the namespace's pods are gone"
    return log.digest(), log.commits, running


if __name__ == "__main__":
    digest, commits, running = run(live, seed=int(sys.argv[1]))
    print(digest, commits, running)
