"""A StatefulSet's pods: their names, their order, their revisions."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from k8slite.controllers.apps.statefulset import StatefulSetController
from tests.controllers.toy_cluster import ToyCluster, template

PATH = "/apis/apps/v1/namespaces/ns/statefulsets/web"
HASH = "controller-revision-hash"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([StatefulSetController]):
        yield cluster


def stateful_set(replicas, **spec):
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "a"}},
            "template": template(),
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def rolling(**rules):
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, **rules}}


async def create(cluster, replicas, **spec):
    await cluster.client.create(STATEFUL_SETS, stateful_set(replicas, **spec), "ns")


async def change(cluster, **spec):
    await cluster.client.patch(STATEFUL_SETS, "web", {"spec": spec}, "ns")


def status(cluster):
    return cluster.api.get(PATH)["status"]


def names(cluster):
    return [pod["metadata"]["name"] for pod in cluster.pods()]


def images(cluster):
    return {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in cluster.pods()
    }


def revisions(cluster):
    found = cluster.api.list("/apis/apps/v1/controllerrevisions")
    return sorted(found, key=lambda one: one["revision"])


class Story:
    """What happened to pods, in order: +name when it came, ~ when ready, - when told to go."""

    def __init__(self, cluster):
        self.steps = []
        cluster.api.on_commit.append(self)

    def __call__(self, commit):
        if commit.key[0] != "/api/v1/pods":
            return
        name, old, new = commit.key[2], commit.old, commit.new
        if old is None:
            self.steps.append(f"+{name}")
        elif new is not None and _ready(new) and not _ready(old):
            self.steps.append(f"~{name}")
        elif new is not None and _leaves(new) and not _leaves(old):
            self.steps.append(f"-{name}")
        elif new is None:
            self.steps.append(f"x{name}")

    def take(self):
        found, self.steps = self.steps, []
        return " ".join(found)


def _ready(pod):
    return any(one["status"] == "True" for one in pod["status"].get("conditions", ()))


def _leaves(pod):
    return "deletionTimestamp" in pod["metadata"]


async def test_pods_come_in_order_each_when_the_one_before_is_ready(autojump_clock, cluster):
    story = Story(cluster)
    await create(cluster, 3)
    await cluster.quiet()
    assert story.take() == "+web-0 ~web-0 +web-1 ~web-1 +web-2 ~web-2"
    pod = cluster.pods()[1]
    (revision,) = revisions(cluster)
    assert pod["metadata"]["labels"] == {
        "app": "a",
        "statefulset.kubernetes.io/pod-name": "web-1",
        "apps.kubernetes.io/pod-index": "1",
        HASH: revision["metadata"]["name"],
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web")
    owner = pod["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("StatefulSet", "web", True)
    assert status(cluster) == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": revision["metadata"]["name"],
        "updateRevision": revision["metadata"]["name"],
        "collisionCount": 0,
    }
    assert ("Normal", "SuccessfulCreate", "create Pod web-2 in StatefulSet web successful") in (
        cluster.events()
    )


async def test_pods_go_from_the_end_one_by_one(autojump_clock, cluster):
    await create(cluster, 3)
    await cluster.quiet()
    story = Story(cluster)
    await change(cluster, replicas=1)
    await cluster.quiet()
    assert story.take() == "-web-2 xweb-2 -web-1 xweb-1"
    assert ("Normal", "SuccessfulDelete", "delete Pod web-1 in StatefulSet web successful") in (
        cluster.events()
    )


async def test_growing_halts_at_a_pod_that_is_not_ready(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["metadata"]["name"] != "web-1"
    await create(cluster, 3)
    await cluster.quiet()
    assert names(cluster) == ["web-0", "web-1"]
    assert (status(cluster)["replicas"], status(cluster)["readyReplicas"]) == (2, 1)


async def test_shrinking_halts_while_another_pod_is_not_ready(autojump_clock, cluster):
    await create(cluster, 3)
    await cluster.quiet()
    cluster.api.change("/api/v1/namespaces/ns/pods/web-0", lambda pod: _unready(pod))
    await change(cluster, replicas=1)
    await cluster.quiet()
    assert names(cluster) == ["web-0", "web-1", "web-2"]
    cluster.api.change("/api/v1/namespaces/ns/pods/web-0", cluster._ready)
    await cluster.quiet()
    assert names(cluster) == ["web-0"]


async def test_the_pod_that_is_not_ready_may_go_itself(autojump_clock, cluster):
    await create(cluster, 2)
    await cluster.quiet()
    cluster.api.change("/api/v1/namespaces/ns/pods/web-1", lambda pod: _unready(pod))
    await change(cluster, replicas=1)
    await cluster.quiet()
    assert names(cluster) == ["web-0"]


def _unready(pod):
    pod["status"]["conditions"][0]["status"] = "False"


async def test_parallel_pods_do_not_wait(autojump_clock, cluster):
    cluster.starts = lambda pod: False
    story = Story(cluster)
    await create(cluster, 4, podManagementPolicy="Parallel")
    await cluster.quiet()
    assert sorted(story.take().split()) == ["+web-0", "+web-1", "+web-2", "+web-3"]
    await change(cluster, replicas=1)
    await trio.sleep(0.5)
    assert sorted(story.take().split()) == ["-web-1", "-web-2", "-web-3"]


async def test_a_new_template_is_rolled_out_from_the_end(autojump_clock, cluster):
    await create(cluster, 3)
    await cluster.quiet()
    first = status(cluster)["currentRevision"]
    story = Story(cluster)
    await change(cluster, template=template("two"))
    await trio.sleep(0.5)
    now = status(cluster)
    assert now["currentRevision"] == first != now["updateRevision"]
    assert now["currentReplicas"] == 2
    await cluster.quiet()
    assert story.take() == (
        "-web-2 xweb-2 +web-2 ~web-2 -web-1 xweb-1 +web-1 ~web-1 -web-0 xweb-0 +web-0 ~web-0"
    )
    now = status(cluster)
    assert now["currentRevision"] == now["updateRevision"] != first
    assert (now["currentReplicas"], now["updatedReplicas"]) == (3, 3)
    assert [one["revision"] for one in revisions(cluster)] == [1, 2]
    labels = {pod["metadata"]["labels"][HASH] for pod in cluster.pods()}
    assert labels == {now["updateRevision"]}


async def test_a_revision_that_comes_back_gets_the_newest_number(autojump_clock, cluster):
    await create(cluster, 1)
    await cluster.quiet()
    first = status(cluster)["currentRevision"]
    for image in ("two", "one"):
        await change(cluster, template=template(image))
        await cluster.quiet()
    assert status(cluster)["currentRevision"] == first
    found = [(one["metadata"]["name"] == first, one["revision"]) for one in revisions(cluster)]
    assert found == [(False, 2), (True, 3)]
    assert revisions(cluster)[1]["data"] == {
        "spec": {"template": {**template("one"), "$patch": "replace"}}
    }


async def test_old_revisions_are_forgotten_beyond_the_limit(autojump_clock, cluster):
    await create(cluster, 1, revisionHistoryLimit=1)
    for image in ("two", "three", "four"):
        await cluster.quiet()
        await change(cluster, template=template(image))
    await cluster.quiet()
    assert [one["revision"] for one in revisions(cluster)] == [3, 4]


async def test_a_partition_keeps_the_pods_below_it(autojump_clock, cluster):
    await create(cluster, 3, updateStrategy=rolling(partition=2))
    await cluster.quiet()
    await change(cluster, template=template("two"))
    await cluster.quiet()
    assert images(cluster) == {"web-0": "one", "web-1": "one", "web-2": "two"}
    assert (status(cluster)["currentReplicas"], status(cluster)["updatedReplicas"]) == (2, 1)
    for name in ("web-0", "web-2"):
        await cluster.client.delete(PODS, name, "ns")
    await cluster.quiet()
    assert images(cluster) == {"web-0": "one", "web-1": "one", "web-2": "two"}
    await change(cluster, updateStrategy=rolling(partition=0))
    await cluster.quiet()
    assert images(cluster) == {"web-0": "two", "web-1": "two", "web-2": "two"}


async def test_several_pods_may_be_replaced_at_once(autojump_clock, cluster):
    await create(cluster, 4, updateStrategy=rolling(maxUnavailable="50%"))
    await cluster.quiet()
    story = Story(cluster)
    await change(cluster, template=template("two"))
    await trio.sleep(0.5)
    assert story.take() == "-web-3 -web-2"
    await cluster.quiet()
    assert set(images(cluster).values()) == {"two"}


async def test_a_parallel_set_replaces_broken_pods_first(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["metadata"]["name"] != "web-0"
    await create(cluster, 3, podManagementPolicy="Parallel")
    await cluster.quiet()
    story = Story(cluster)
    await change(cluster, template=template("two"))
    await trio.sleep(0.5)
    assert story.take() == "-web-0"


async def test_on_delete_pods_wait_for_the_user(autojump_clock, cluster):
    await create(cluster, 2, updateStrategy={"type": "OnDelete"})
    await cluster.quiet()
    await change(cluster, template=template("two"))
    await cluster.quiet()
    assert images(cluster) == {"web-0": "one", "web-1": "one"}
    await cluster.client.delete(PODS, "web-0", "ns")
    await cluster.quiet()
    assert images(cluster) == {"web-0": "two", "web-1": "one"}


async def test_ordinals_may_start_anywhere(autojump_clock, cluster):
    await create(cluster, 2, ordinals={"start": 5})
    await cluster.quiet()
    assert names(cluster) == ["web-5", "web-6"]
    await change(cluster, ordinals={"start": 6})
    await cluster.quiet()
    assert names(cluster) == ["web-6", "web-7"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_pod_that_has_ended_is_made_again(autojump_clock, cluster, phase):
    await create(cluster, 1)
    await cluster.quiet()
    before = cluster.pods()[0]["metadata"]["uid"]
    path = "/api/v1/namespaces/ns/pods/web-0"
    cluster.api.change(path, lambda pod: pod.update(status={"phase": phase}))
    await cluster.quiet()
    (pod,) = cluster.pods()
    assert pod["metadata"]["uid"] != before and pod["status"]["phase"] == "Running"


async def test_a_pod_must_have_been_ready_for_a_while(autojump_clock, cluster):
    story = Story(cluster)
    await create(cluster, 2, minReadySeconds=30)
    await trio.sleep(20)
    assert story.take() == "+web-0 ~web-0"
    assert (status(cluster)["readyReplicas"], status(cluster)["availableReplicas"]) == (1, 0)
    await trio.sleep(20)
    assert story.take() == "+web-1 ~web-1"
    await cluster.quiet()
    assert status(cluster)["availableReplicas"] == 2


async def test_a_name_that_is_taken_is_counted(autojump_clock, cluster):
    probe = ToyCluster()
    async with probe.running([StatefulSetController]):
        await create(probe, 0)
        await probe.quiet()
    name = revisions(probe)[0]["metadata"]["name"]
    taken = {"metadata": {"name": name}, "revision": 1, "data": {"foreign": True}}
    await cluster.client.create(CONTROLLER_REVISIONS, taken, "ns")
    await create(cluster, 1)
    await cluster.quiet()
    assert status(cluster)["collisionCount"] == 1
    assert status(cluster)["updateRevision"] != name
    assert names(cluster) == ["web-0"]


async def test_a_fitting_orphan_is_taken_over_and_another_is_not(autojump_clock, cluster):
    for name in ("web-0", "other-0"):
        pod = {"metadata": {"name": name, "labels": {"app": "a"}}, "spec": {"containers": []}}
        await cluster.client.create(PODS, pod, "ns")
    await create(cluster, 1)
    await cluster.quiet()
    owners = {
        pod["metadata"]["name"]: [o["name"] for o in pod["metadata"].get("ownerReferences", ())]
        for pod in cluster.pods()
    }
    assert owners == {"web-0": ["web"], "other-0": []}
    labels = cluster.pods()[1]["metadata"]["labels"]
    assert labels["statefulset.kubernetes.io/pod-name"] == "web-0"


async def test_a_set_on_its_way_out_is_left_alone(autojump_clock, cluster):
    await create(cluster, 2)
    await cluster.quiet()
    options = {"propagationPolicy": "Foreground"}
    await cluster.client.delete(STATEFUL_SETS, "web", "ns", options)
    await cluster.client.delete(PODS, "web-0", "ns")
    await cluster.quiet()
    assert names(cluster) == ["web-1"]
    assert status(cluster)["replicas"] == 1


async def test_conditions_of_others_stay(autojump_clock, cluster):
    await create(cluster, 1)
    await cluster.quiet()
    condition = {"type": "Mine", "status": "True"}
    cluster.api.change(PATH, lambda one: one["status"].update(conditions=[condition]))
    await change(cluster, replicas=2)
    await cluster.quiet()
    assert status(cluster)["replicas"] == 2
    assert status(cluster)["conditions"] == [condition]
