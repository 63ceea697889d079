"""A Deployment's rollouts: the steps stay within bounds, and its status and events tell of them."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import DEPLOYMENTS, REPLICA_SETS
from k8slite.controllers.apps.deployment import DeploymentController
from k8slite.controllers.apps.replicaset import ReplicaSetController
from k8slite.objects.errors import Forbidden
from tests.controllers.toy_cluster import ToyCluster, deployment, revision, template

PATH = "/apis/apps/v1/namespaces/ns/deployments/web"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([DeploymentController, ReplicaSetController]):
        yield cluster


def get(cluster):
    return cluster.api.get(PATH)


def condition(cluster, wanted):
    for one in get(cluster)["status"].get("conditions", ()):
        if one["type"] == wanted:
            return one["status"], one["reason"], one["message"]
    return None


async def create(cluster, replicas, **spec):
    await cluster.client.create(DEPLOYMENTS, deployment("web", replicas, **spec), "ns")


async def change(cluster, **spec):
    await cluster.client.patch(DEPLOYMENTS, "web", {"spec": spec}, "ns")


def image(name):
    return {"spec": {"containers": [{"name": "c", "image": name}]}}


def sizes(cluster):
    return [one["spec"]["replicas"] for one in cluster.sets()]


class Bounds:
    """Watches every write for too many pods asked for, or too few available."""

    def __init__(self, cluster, most, least):
        self.cluster = cluster
        self.most, self.least = most, least
        self.seen_most, self.seen_least = 0, 10**9
        cluster.api.on_commit.append(self)

    def __call__(self, _):
        pods = [p for p in self.cluster.pods() if "deletionTimestamp" not in p["metadata"]]
        ready = [
            p for p in pods if any(c["status"] == "True" for c in p["status"].get("conditions", ()))
        ]
        self.seen_most = max(self.seen_most, len(pods), sum(sizes(self.cluster)))
        self.seen_least = min(self.seen_least, len(ready))

    def check(self):
        """An assertion within a write would only fail that write."""
        assert self.seen_most <= self.most
        assert self.seen_least >= self.least


async def test_a_new_deployment_becomes_available(autojump_clock, cluster):
    await create(cluster, 3)
    await cluster.quiet()
    (made,) = cluster.sets()
    metadata = made["metadata"]
    hashed = metadata["labels"]["pod-template-hash"]
    assert metadata["name"] == f"web-{hashed}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "a", "pod-template-hash": hashed}
    assert made["spec"]["template"]["metadata"]["labels"] == metadata["labels"]
    assert metadata["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    found = get(cluster)
    assert revision(found) == "1"
    conditions = found["status"].pop("conditions")
    assert found["status"] == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    assert [one["type"] for one in conditions] == ["Available", "Progressing"]
    name = metadata["name"]
    assert condition(cluster, "Progressing") == (
        "True",
        "NewReplicaSetAvailable",
        f'ReplicaSet "{name}" has successfully progressed.',
    )
    assert condition(cluster, "Available") == (
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability.",
    )
    said = ("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 3")
    assert said in cluster.events()


@pytest.mark.parametrize(
    ("surge", "unavailable", "most", "least"),
    [("25%", "25%", 13, 8), (1, 0, 11, 10), (0, 1, 10, 9), (0, 0, 10, 9), ("100%", 0, 20, 10)],
)
async def test_a_rollout_stays_within_its_bounds(
    autojump_clock, cluster, surge, unavailable, most, least
):
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    await create(cluster, 10, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    await cluster.quiet()
    bounds = Bounds(cluster, most, least)
    await change(cluster, template=image("two"))
    await cluster.quiet()
    assert sizes(cluster) == [0, 10]
    assert {p["spec"]["containers"][0]["image"] for p in cluster.pods()} == {"two"}
    bounds.check()
    assert bounds.seen_most == most
    assert condition(cluster, "Progressing")[1] == "NewReplicaSetAvailable"
    assert get(cluster)["status"]["updatedReplicas"] == 10


async def test_a_broken_template_is_stopped_and_can_be_rolled_back(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["spec"]["containers"][0]["image"] != "broken"
    await create(cluster, 4, progressDeadlineSeconds=60)
    await cluster.quiet()
    bounds = Bounds(cluster, 5, 3)
    await change(cluster, template=image("broken"))
    await trio.sleep(30)
    assert condition(cluster, "Progressing")[:2] == ("True", "ReplicaSetUpdated")
    await trio.sleep(60)
    broken = cluster.sets()[-1]["metadata"]["name"]
    assert condition(cluster, "Progressing") == (
        "False",
        "ProgressDeadlineExceeded",
        f'ReplicaSet "{broken}" has timed out progressing.',
    )
    assert sizes(cluster) == [3, 2]
    await change(cluster, template=image("one"))
    await cluster.quiet()
    bounds.check()
    assert sizes(cluster) == [0, 4]
    back = cluster.sets()[-1]
    assert revision(back) == revision(get(cluster)) == "3"
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert condition(cluster, "Progressing")[1] == "NewReplicaSetAvailable"


async def test_a_second_change_cleans_up_unhealthy_pods_first(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["spec"]["containers"][0]["image"] != "broken"
    await create(cluster, 8)
    await cluster.quiet()
    bounds = Bounds(cluster, 10, 6)
    await change(cluster, template=image("broken"))
    await trio.sleep(30)
    await change(cluster, template=image("three"))
    await cluster.quiet()
    bounds.check()
    assert sizes(cluster) == [0, 0, 8]


async def test_recreate_lets_old_pods_go_first(autojump_clock, cluster):
    cluster.stop_seconds = 20
    await create(cluster, 3, strategy={"type": "Recreate"})
    await cluster.quiet()
    mixed = []

    def look(_):
        images = {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()}
        if len(images) > 1:
            mixed.append(images)

    cluster.api.on_commit.append(look)
    await change(cluster, template=image("two"))
    await trio.sleep(10)
    assert get(cluster)["status"]["terminatingReplicas"] == 3
    await cluster.quiet()
    assert sizes(cluster) == [0, 3]
    assert mixed == []
    assert condition(cluster, "Progressing")[1] == "NewReplicaSetAvailable"


async def test_scaling_keeps_the_revision(autojump_clock, cluster):
    await create(cluster, 2)
    await cluster.quiet()
    for replicas in (7, 3, 0):
        await change(cluster, replicas=replicas)
        await cluster.quiet()
        assert sizes(cluster) == [replicas]
        assert len(cluster.pods()) == replicas
        assert get(cluster)["status"].get("availableReplicas", 0) == replicas
    assert revision(get(cluster)) == "1"
    name = cluster.sets()[0]["metadata"]["name"]
    said = [message for _, reason, message in cluster.events() if reason == "ScalingReplicaSet"]
    assert said == [
        f"Scaled up replica set {name} from 0 to 2",
        f"Scaled up replica set {name} from 2 to 7",
        f"Scaled down replica set {name} from 7 to 3",
        f"Scaled down replica set {name} from 3 to 0",
    ]


async def test_scaling_in_a_rollout_is_spread_over_the_sets(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["spec"]["containers"][0]["image"] != "broken"
    rolling = {"maxSurge": 3, "maxUnavailable": 2}
    await create(cluster, 10, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    await cluster.quiet()
    await change(cluster, template=image("broken"))
    await cluster.quiet()
    assert sizes(cluster) == [8, 5]
    # The example of the Kubernetes documentation: 5 more are spread as 3 and 2.
    await change(cluster, replicas=15)
    await trio.sleep(5)
    assert sizes(cluster) == [11, 7]


async def test_a_paused_deployment_scales_but_does_not_roll(autojump_clock, cluster):
    await create(cluster, 2)
    await cluster.quiet()
    await change(cluster, paused=True, template=image("two"))
    await cluster.quiet()
    assert condition(cluster, "Progressing") == (
        "Unknown",
        "DeploymentPaused",
        "Deployment is paused",
    )
    await change(cluster, replicas=4)
    await cluster.quiet()
    assert sizes(cluster) == [4]
    assert {p["spec"]["containers"][0]["image"] for p in cluster.pods()} == {"one"}
    await change(cluster, paused=False)
    await cluster.quiet()
    assert sizes(cluster) == [0, 4]
    assert condition(cluster, "Progressing")[1] == "NewReplicaSetAvailable"


async def test_new_pods_must_have_been_ready_for_a_while(autojump_clock, cluster):
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    await create(cluster, 2, minReadySeconds=30, strategy=strategy)
    await cluster.quiet()
    await change(cluster, template=image("two"))
    await trio.sleep(20)
    assert sizes(cluster) == [2, 1]
    assert get(cluster)["status"]["readyReplicas"] == 3
    assert get(cluster)["status"]["availableReplicas"] == 2
    await trio.sleep(15)
    assert sizes(cluster) == [1, 2]
    await change(cluster, minReadySeconds=0)
    await trio.sleep(15)
    assert sizes(cluster) == [0, 2]


async def test_a_pause_is_not_lack_of_progress(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["spec"]["containers"][0]["image"] != "broken"
    await create(cluster, 2, progressDeadlineSeconds=60)
    await cluster.quiet()
    await change(cluster, template=image("broken"))
    await trio.sleep(30)
    await change(cluster, paused=True)
    await trio.sleep(1000)
    assert condition(cluster, "Progressing")[:2] == ("Unknown", "DeploymentPaused")
    await change(cluster, paused=False)
    await trio.sleep(30)
    assert condition(cluster, "Progressing")[:2] == ("Unknown", "DeploymentResumed")
    await trio.sleep(60)
    assert condition(cluster, "Progressing")[1] == "ProgressDeadlineExceeded"


async def test_old_revisions_are_forgotten(autojump_clock, cluster):
    await create(cluster, 1, revisionHistoryLimit=2)
    for number in range(5):
        await change(cluster, template=image(f"v{number}"))
        await cluster.quiet()
    await cluster.quiet()
    revisions = [int(revision(one)) for one in cluster.sets()]
    assert revisions == list(range(revisions[0], revisions[0] + 3))
    assert sizes(cluster) == [0, 0, 1]


async def test_a_taken_name_leads_to_another(autojump_clock, cluster):
    await create(cluster, 1)
    await cluster.quiet()
    name = cluster.sets()[0]["metadata"]["name"]
    foreign = {
        "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"x": "y"}}, "template": template()},
    }
    await cluster.client.delete(DEPLOYMENTS, "web", "ns")
    await cluster.client.delete(REPLICA_SETS, name, "ns")
    await cluster.client.create(REPLICA_SETS, foreign, "ns")
    await cluster.quiet()
    await create(cluster, 1)
    await cluster.quiet()
    assert get(cluster)["status"]["collisionCount"] == 1
    assert len(cluster.sets()) == 2
    assert get(cluster)["status"]["availableReplicas"] == 1


async def test_a_refused_set_is_told_of(autojump_clock, cluster):
    async def refuse(request):
        if request.method == "POST" and request.path.endswith("/replicasets"):
            raise Forbidden("no more sets")

    cluster.api.before = refuse
    await create(cluster, 1)
    await trio.sleep(5)
    status, reason, message = condition(cluster, "Progressing")
    assert (status, reason) == ("False", "ReplicaSetCreateError")
    assert message.startswith('Failed to create new replica set "web-')
    assert message.endswith(": no more sets")
    cluster.api.before = None
    await cluster.quiet()
    assert get(cluster)["status"]["availableReplicas"] == 1


async def test_failures_of_pods_are_promoted(autojump_clock, cluster):
    async def refuse(request):
        if request.method == "POST" and request.path.endswith("/pods"):
            raise Forbidden("exceeded quota")

    cluster.api.before = refuse
    await create(cluster, 1)
    await trio.sleep(5)
    assert condition(cluster, "ReplicaFailure") == ("True", "FailedCreate", "exceeded quota")


async def test_nothing_is_written_when_all_is_well(autojump_clock, cluster):
    await create(cluster, 3)
    await cluster.quiet()
    before = cluster.api.revision
    await trio.sleep(5000)
    assert cluster.api.revision == before


async def test_faults_of_the_watch_break_no_bounds(autojump_clock, cluster):
    await create(cluster, 10)
    await cluster.quiet()
    bounds = Bounds(cluster, 13, 8)
    await change(cluster, template=image("two"))
    for number in range(60):
        await trio.sleep(0.1)
        if number % 3 == 0:
            cluster.api.close_watches(OSError("reset"))
        elif number % 3 == 1:
            cluster.api.held = not cluster.api.held
            cluster.api.wake()
        else:
            cluster.api.expire_watches()
    cluster.api.held = False
    cluster.api.wake()
    await cluster.quiet()
    bounds.check()
    assert sizes(cluster) == [0, 10]
    assert len(cluster.pods()) == 10
