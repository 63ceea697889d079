"""What /metrics tells of the scheduler, of leaders and of health, and what kubelets tell."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from k8slite.client.client import Client
from k8slite.client.resource import CRON_JOBS, HORIZONTAL_POD_AUTOSCALERS, JOBS, NODES, PODS
from k8slite.cluster import Cluster, Settings
from k8slite.messages import Peer, Request, User
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore

ADMIN = Peer(user=User("admin", ("system:masters",)))


async def told(cluster: Cluster, path: str = "/metrics") -> dict[str, float]:
    """Every sample by its name with its labels."""
    response = await cluster.handler(Request("GET", path, peer=ADMIN))
    assert response.status == 200 and isinstance(response.body, bytes)
    lines = response.body.decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


async def make_pod(client: Client, name: str, **spec: Any) -> None:
    annotations = {"k8slite.dev/cpu-usage": "500m", "k8slite.dev/memory-usage": "64Mi"}
    containers = [{"name": "c", "image": "x"}]
    body = {
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": containers, **spec},
    }
    await client.create(PODS, body, "default")


async def test_the_scheduler_and_the_kubelets(autojump_clock: MockClock) -> None:
    cluster = Cluster(MemoryStore(), SimulatedWorld(1), Settings(nodes=1))
    client = cluster.client("user")
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        await trio.sleep(5)
        await make_pod(client, "a")
        await make_pod(client, "nowhere", nodeSelector={"a": "b"})
        await make_pod(client, "gated", schedulingGates=[{"name": "e.com/wait"}])
        await trio.sleep(100)
        found = await told(cluster)
        by = '{profile="default-scheduler",result='
        assert found[f'scheduler_schedule_attempts_total{by}"scheduled"}}'] == 1
        assert found[f'scheduler_schedule_attempts_total{by}"unschedulable"}}'] == 1
        bucket = 'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"}'
        assert found[bucket] == found["scheduler_pod_scheduling_attempts_count"] == 1
        waiting = {name: found[f'scheduler_pending_pods{{queue="{name}"}}'] for name in QUEUES}
        assert waiting == {"active": 0, "backoff": 0, "gated": 1, "unschedulable": 1}

        node = "/api/v1/nodes/node-0/proxy/metrics"
        found = await told(cluster, node)
        assert found["kubelet_running_pods"] == 1
        assert found['kubelet_running_containers{container_state="running"}'] == 1
        assert found['kubelet_node_name{node="node-0"}'] == 1
        found = await told(cluster, f"{node}/resource")
        cpu = "container_cpu_usage_seconds_total"
        labels = '{container="c",namespace="default",pod="a"}'
        first = found[cpu + labels]
        assert first == found["node_cpu_usage_seconds_total"] > 0
        assert found['pod_memory_working_set_bytes{namespace="default",pod="a"}'] == 64 << 20
        await trio.sleep(10)
        found = await told(cluster, f"{node}/resource")
        assert found[cpu + labels] == first + 5
        found = await told(cluster, f"{node}/cadvisor")
        assert sum(value for name, value in found.items() if name.startswith(cpu)) == first + 5
        missing = await cluster.handler(Request("GET", f"{node}/nothing", peer=ADMIN))
        assert missing.status == 404
        nursery.cancel_scope.cancel()


async def test_who_leads_and_what_is_well(autojump_clock: MockClock) -> None:
    settings = Settings(nodes=0, leader_elect=True)
    cluster = Cluster(MemoryStore(), SimulatedWorld(1), settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        await trio.sleep(5)
        found = await told(cluster)
        assert found['leader_election_master_status{name="kube-scheduler"}'] == 1
        assert found['leader_election_master_status{name="kube-controller-manager"}'] == 1
        for path in ("/readyz", "/readyz", "/livez/ping"):
            await cluster.handler(Request("GET", path, peer=ADMIN))
        found = await told(cluster, "/metrics/slis")
        assert found['kubernetes_healthcheck{name="etcd",type="readyz"}'] == 1
        total = "kubernetes_healthchecks_total"
        assert found[total + '{name="etcd",type="readyz",status="success"}'] == 2
        assert found[total + '{name="ping",type="livez",status="success"}'] == 1
        cluster.stopping = True
        await cluster.handler(Request("GET", "/readyz", peer=ADMIN))
        found = await told(cluster, "/metrics/slis")
        assert found['kubernetes_healthcheck{name="shutdown",type="readyz"}'] == 0
        assert found[total + '{name="shutdown",type="readyz",status="error"}'] == 1
        nursery.cancel_scope.cancel()


async def test_what_controllers_have_done(autojump_clock: MockClock) -> None:
    cluster = Cluster(MemoryStore(), SimulatedWorld(1), Settings(nodes=1))
    client = cluster.client("user")
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        await trio.sleep(5)
        await client.create(JOBS, job("good"), "default")
        await client.create(JOBS, job("bad", exits="1", backoffLimit=0), "default")
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": job("-")["spec"]}}
        body = {"metadata": {"name": "each-minute"}, "spec": spec}
        await client.create(CRON_JOBS, body, "default")
        scaler = {
            "metadata": {"name": "h"},
            "spec": {
                "maxReplicas": 2,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "no"},
            },
        }
        await client.create(HORIZONTAL_POD_AUTOSCALERS, scaler, "default")
        taint = {"key": "a", "effect": "NoExecute"}
        await make_pod(client, "evicted", nodeName="node-0")
        await trio.sleep(130)
        pods = (await client.list(PODS, "default"))["items"]
        await client.patch(NODES, "node-0", {"spec": {"taints": [taint]}})
        await trio.sleep(5)
        found = await told(cluster)
        finished = 'job_controller_jobs_finished_total{completion_mode="NonIndexed",'
        good = finished + 'reason="CompletionsReached",result="succeeded"}'
        bad = finished + 'reason="BackoffLimitExceeded",result="failed"}'
        minutes = found["cronjob_controller_job_creation_skew_duration_seconds_count"]
        assert minutes in (2, 3)
        assert found[good] == 1 + minutes and found[bad] == 1
        assert found["ttl_after_finished_controller_job_deletion_duration_seconds_count"] == 2
        assert found['root_ca_cert_publisher_sync_total{code="200"}'] >= 4
        reconciled = "horizontal_pod_autoscaler_controller_reconciliations_total"
        assert found[reconciled + '{action="none",error="internal"}'] >= 8
        # Pods that have ended go as well, unless somebody else has taken them before.
        assert 1 <= found["taint_eviction_controller_pod_deletions_total"] <= len(pods)
        nursery.cancel_scope.cancel()


def job(name: str, *, exits: str = "0", **spec: Any) -> dict[str, Any]:
    """One whose pod ends at once, and which goes a minute later."""
    annotations = {"k8slite.dev/exit-code": exits}
    containers = [{"name": "c", "image": "x"}]
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": containers},
    }
    lasting = {} if name == "-" else {"ttlSecondsAfterFinished": 60}
    return {"metadata": {"name": name}, "spec": {**lasting, "template": template, **spec}}


QUEUES = ("active", "backoff", "gated", "unschedulable")
