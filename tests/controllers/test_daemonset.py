"""A DaemonSet's pods: one on each node that it is for, replaced little by little."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio

from k8slite.client.resource import DAEMON_SETS, NODES, PODS
from k8slite.controllers.apps.daemonset import DaemonSetController
from k8slite.objects.meta import timestamp
from tests.controllers.toy_cluster import ToyCluster, template

PATH = "/apis/apps/v1/namespaces/ns/daemonsets/web"
HASH = "controller-revision-hash"
STEP_SECONDS = 0.5  # after which what can be done now has been, and no pod has started or ended


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([DaemonSetController]):
        for number in range(3):
            await add_node(cluster, f"n{number}")
        yield cluster


async def add_node(cluster, name, *taints, **labels):
    node = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints)}}
    await cluster.client.create(NODES, node)


def daemon_set(**spec):
    return {
        "metadata": {
            "name": "web",
            "annotations": {"deprecated.daemonset.template.generation": "1"},
        },
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": template(),
            "updateStrategy": rolling(maxUnavailable=1, maxSurge=0),
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def rolling(**rules):
    return {"type": "RollingUpdate", "rollingUpdate": rules}


async def create(cluster, **spec):
    await cluster.client.create(DAEMON_SETS, daemon_set(**spec), "ns")
    await cluster.quiet()


async def change(cluster, **spec):
    await cluster.client.patch(DAEMON_SETS, "web", {"spec": spec}, "ns")


def status(cluster):
    return cluster.api.get(PATH)["status"]


def target(pod):
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (field,) = term["matchFields"]
    assert (field["key"], field["operator"]) == ("metadata.name", "In")
    return field["values"][0]


def nodes(cluster):
    return sorted(target(pod) for pod in cluster.pods())


def image(pod):
    return pod["spec"]["containers"][0]["image"]


def images(cluster):
    return sorted((target(pod), image(pod)) for pod in cluster.pods())


def leaving(cluster):
    return [target(pod) for pod in cluster.pods() if "deletionTimestamp" in pod["metadata"]]


def revisions(cluster):
    found = cluster.api.list("/apis/apps/v1/controllerrevisions")
    return sorted(found, key=lambda one: one["revision"])


async def test_each_node_gets_a_pod(autojump_clock, cluster):
    await create(cluster)
    assert nodes(cluster) == ["n0", "n1", "n2"]
    pod, (revision,) = cluster.pods()[0], revisions(cluster)
    hashed = revision["metadata"]["labels"][HASH]
    assert revision["metadata"]["name"] == f"web-{hashed}"
    assert revision["revision"] == 1
    assert pod["metadata"]["labels"] == {"app": "a", HASH: hashed, "pod-template-generation": "1"}
    tolerated = [(one["key"].split("/")[1], one["effect"]) for one in pod["spec"]["tolerations"]]
    assert tolerated == [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ]
    assert all(one["operator"] == "Exists" for one in pod["spec"]["tolerations"])
    assert status(cluster) == {
        "observedGeneration": 1,
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }
    told = f"Created pod: {pod['metadata']['name']}"
    assert ("Normal", "SuccessfulCreate", told) in cluster.events()


async def test_pods_on_the_host_network_bear_a_node_without_one(autojump_clock, cluster):
    pods = template()
    pods["spec"]["hostNetwork"] = True
    await create(cluster, template=pods)
    keys = [one["key"] for one in cluster.pods()[0]["spec"]["tolerations"]]
    assert keys[-1] == "node.kubernetes.io/network-unavailable"


async def test_nodes_come_and_go(autojump_clock, cluster):
    await create(cluster)
    await add_node(cluster, "n3")
    await cluster.quiet()
    assert nodes(cluster) == ["n0", "n1", "n2", "n3"]
    assert status(cluster)["desiredNumberScheduled"] == 4
    await cluster.client.delete(NODES, "n3")
    await cluster.quiet()
    assert status(cluster)["desiredNumberScheduled"] == 3


async def test_a_pod_that_was_never_bound_to_a_node_that_is_gone_goes(autojump_clock):
    cluster = ToyCluster()
    async with cluster.running([DaemonSetController], kubelet=False):
        await add_node(cluster, "n0")
        await create(cluster)
        assert nodes(cluster) == ["n0"]
        await cluster.client.delete(NODES, "n0")
        await cluster.quiet()
        assert nodes(cluster) == []


async def test_a_selector_of_nodes_is_followed(autojump_clock, cluster):
    pods = template()
    pods["spec"]["nodeSelector"] = {"colour": "blue"}
    await create(cluster, template=pods)
    assert nodes(cluster) == []
    assert status(cluster)["desiredNumberScheduled"] == 0
    await paint(cluster, "n1", "blue")
    assert nodes(cluster) == ["n1"]
    await paint(cluster, "n1", "green")
    assert nodes(cluster) == []


async def paint(cluster, name, colour):
    await cluster.client.patch(NODES, name, {"metadata": {"labels": {"colour": colour}}})
    await cluster.quiet()


async def test_required_affinity_chooses_nodes_and_gives_way_in_the_pod(autojump_clock, cluster):
    await paint(cluster, "n2", "blue")
    term = {"matchExpressions": [{"key": "colour", "operator": "In", "values": ["blue"]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    pods = template()
    pods["spec"]["affinity"] = {"nodeAffinity": affinity}
    await create(cluster, template=pods)
    assert nodes(cluster) == ["n2"]


async def taint(cluster, name, effect):
    taints = [{"key": "k", "value": "v", "effect": effect}] if effect else []
    await cluster.client.patch(NODES, name, {"spec": {"taints": taints}})
    await cluster.quiet()


async def test_taints_keep_pods_away(autojump_clock, cluster):
    await taint(cluster, "n0", "NoSchedule")
    await create(cluster)
    assert nodes(cluster) == ["n1", "n2"]
    await taint(cluster, "n1", "NoSchedule")  # what is there may stay
    assert nodes(cluster) == ["n1", "n2"]
    assert status(cluster)["numberMisscheduled"] == 1
    await taint(cluster, "n1", "NoExecute")
    assert nodes(cluster) == ["n2"]
    await taint(cluster, "n0", "")
    assert nodes(cluster) == ["n0", "n2"]


async def test_a_tolerated_taint_keeps_nobody_away(autojump_clock, cluster):
    await taint(cluster, "n0", "NoExecute")
    pods = template()
    pods["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
    await create(cluster, template=pods)
    assert nodes(cluster) == ["n0", "n1", "n2"]


async def test_a_pod_that_was_deleted_is_made_again_when_it_has_gone(autojump_clock, cluster):
    cluster.stop_seconds = 20.0
    await create(cluster)
    victim = cluster.pods()[0]
    await cluster.client.delete(PODS, victim["metadata"]["name"], "ns")
    await trio.sleep(10)
    assert nodes(cluster) == ["n0", "n1", "n2"]
    await cluster.quiet()
    assert nodes(cluster) == ["n0", "n1", "n2"]
    assert victim["metadata"]["uid"] not in [pod["metadata"]["uid"] for pod in cluster.pods()]


async def test_failed_pods_are_replaced_less_and_less_often(autojump_clock):
    cluster = ToyCluster(stop_seconds=0.0, phase="Failed")
    times = []

    def seen(commit):
        if commit.key[0] == "/api/v1/pods" and commit.old is None:
            times.append(trio.current_time())

    async with cluster.running([DaemonSetController]):
        await add_node(cluster, "n0")
        cluster.api.on_commit.append(seen)
        await cluster.client.create(DAEMON_SETS, daemon_set(), "ns")
        await trio.sleep(100)
        gaps = [round(later - earlier) for earlier, later in pairwise(times)]
        # A pod takes a second to fail; the pauses are measured from the last deletion.
        assert gaps[:6] == [1, 1, 2, 4, 8, 16]
        told = [event for event in cluster.events() if event[1] == "FailedDaemonPod"]
        name = cluster.pods()[0]["metadata"]["name"].rsplit("-", 1)[0]
        kind, _, message = told[0]
        assert kind == "Warning"
        assert message.startswith(f"Found failed daemon pod ns/{name}-")
        assert message.endswith(" on node n0, will try to kill it")


async def test_a_pod_that_has_succeeded_is_made_again(autojump_clock, cluster):
    await create(cluster)
    victim = cluster.pods()[0]
    path = f"/api/v1/namespaces/ns/pods/{victim['metadata']['name']}"
    cluster.api.change(path, lambda pod: pod.update(status={"phase": "Succeeded"}))
    await cluster.quiet()
    assert victim["metadata"]["name"] not in [pod["metadata"]["name"] for pod in cluster.pods()]
    assert nodes(cluster) == ["n0", "n1", "n2"]
    assert "SucceededDaemonPod" in [reason for _, reason, _ in cluster.events()]


async def test_of_two_pods_on_a_node_the_younger_goes(autojump_clock, cluster):
    await create(cluster)
    first = cluster.pods()[0]
    copy = {
        "metadata": {
            "name": "web-copy",
            "labels": first["metadata"]["labels"],
            "ownerReferences": first["metadata"]["ownerReferences"],
        },
        "spec": {**first["spec"], "nodeName": target(first)},
    }
    await cluster.client.create(PODS, copy, "ns")
    await cluster.quiet()
    assert nodes(cluster) == ["n0", "n1", "n2"]
    assert "web-copy" not in [pod["metadata"]["name"] for pod in cluster.pods()]


async def test_a_new_template_is_rolled_out_node_by_node(autojump_clock, cluster):
    await create(cluster)
    await change(cluster, template=template("two"))
    await trio.sleep(STEP_SECONDS)
    assert len(leaving(cluster)) == 1
    assert status(cluster)["numberReady"] == 3
    await cluster.quiet()
    assert images(cluster) == [("n0", "two"), ("n1", "two"), ("n2", "two")]
    assert [one["revision"] for one in revisions(cluster)] == [1, 2]
    assert status(cluster)["updatedNumberScheduled"] == 3


async def test_more_nodes_at_once(autojump_clock, cluster):
    await create(cluster, updateStrategy=rolling(maxUnavailable="50%", maxSurge=0))
    await change(cluster, template=template("two"))
    await trio.sleep(STEP_SECONDS)
    assert len(leaving(cluster)) == 2  # half of three, rounded up


async def test_broken_old_pods_are_replaced_first_and_for_nothing(autojump_clock, cluster):
    cluster.starts = lambda pod: target(pod) == "n0"
    await create(cluster)
    await change(cluster, template=template("two"))
    await trio.sleep(STEP_SECONDS)
    assert sorted(leaving(cluster)) == ["n0", "n1", "n2"]


async def test_a_rollout_halts_at_a_broken_new_pod(autojump_clock, cluster):
    await create(cluster)
    cluster.starts = lambda pod: image(pod) != "two"
    await change(cluster, template=template("two"))
    await cluster.quiet()
    assert sorted(one for _, one in images(cluster)) == ["one", "one", "two"]
    await change(cluster, template=template("one"))
    await cluster.quiet()
    assert sorted(one for _, one in images(cluster)) == ["one", "one", "one"]


async def test_a_rollback_restarts_nothing_that_was_not_replaced(autojump_clock, cluster):
    await create(cluster)
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    cluster.starts = lambda pod: image(pod) != "two"
    await change(cluster, template=template("two"))
    await cluster.quiet()
    cluster.starts = lambda pod: True
    await change(cluster, template=template("one"))
    await cluster.quiet()
    assert len(before & {pod["metadata"]["uid"] for pod in cluster.pods()}) == 2
    assert [one["revision"] for one in revisions(cluster)] == [2, 3]


async def test_with_a_surge_the_new_pod_comes_first(autojump_clock, cluster):
    await create(cluster, updateStrategy=rolling(maxUnavailable=0, maxSurge=1))
    await change(cluster, template=template("two"))
    await trio.sleep(STEP_SECONDS)
    assert len(cluster.pods()) == 4 and leaving(cluster) == []
    most = [0]
    least = [3]

    def seen(commit):
        ready = [
            pod
            for pod in cluster.pods()
            if any(one["status"] == "True" for one in pod["status"].get("conditions", ()))
            and "deletionTimestamp" not in pod["metadata"]
        ]
        most[0] = max(most[0], len(cluster.pods()))
        least[0] = min(least[0], len(ready))

    cluster.api.on_commit.append(seen)
    await cluster.quiet()
    assert images(cluster) == [("n0", "two"), ("n1", "two"), ("n2", "two")]
    assert least[0] == 3
    assert most[0] <= 5  # one surged in, and the last one's predecessor on its way out


async def test_on_delete_pods_wait_for_the_user(autojump_clock, cluster):
    await create(cluster, updateStrategy={"type": "OnDelete"})
    await change(cluster, template=template("two"))
    await cluster.quiet()
    assert [one for _, one in images(cluster)] == ["one", "one", "one"]
    assert "updatedNumberScheduled" not in status(cluster)
    await cluster.client.delete(PODS, cluster.pods()[0]["metadata"]["name"], "ns")
    await cluster.quiet()
    assert sorted(one for _, one in images(cluster)) == ["one", "one", "two"]


async def test_a_pod_must_have_been_ready_for_a_while(autojump_clock, cluster):
    await cluster.client.create(DAEMON_SETS, daemon_set(minReadySeconds=30), "ns")
    await trio.sleep(10)
    assert status(cluster)["numberReady"] == 3
    assert status(cluster)["numberUnavailable"] == 3
    await trio.sleep(30)
    assert status(cluster)["numberAvailable"] == 3


async def test_old_revisions_are_forgotten_beyond_the_limit(autojump_clock, cluster):
    await create(cluster, revisionHistoryLimit=1)
    for name in ("two", "three", "four"):
        await change(cluster, template=template(name))
        await cluster.quiet()
    assert [one["revision"] for one in revisions(cluster)] == [3, 4]


async def test_revisions_of_the_same_template_become_one(autojump_clock, cluster):
    await create(cluster)
    (revision,) = revisions(cluster)
    double = {
        **revision,
        "metadata": {
            "name": "web-double",
            "labels": {"app": "a", HASH: "double"},
            "ownerReferences": revision["metadata"]["ownerReferences"],
        },
        "revision": 2,
    }
    cluster.api.put(
        "/apis/apps/v1/namespaces/ns/controllerrevisions/web-double",
        {
            **double,
            "metadata": {**double["metadata"], "namespace": "ns", "uid": "u"},
        },
    )
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    await cluster.quiet()
    assert len(revisions(cluster)) == 2  # its maker may still want to see it
    await change(cluster, minReadySeconds=1)
    await cluster.quiet()
    (kept,) = revisions(cluster)
    assert kept["metadata"]["name"] == "web-double"
    assert {pod["metadata"]["labels"][HASH] for pod in cluster.pods()} == {"double"}
    assert {pod["metadata"]["uid"] for pod in cluster.pods()} == before


async def test_a_selector_of_everything_is_refused(autojump_clock, cluster):
    await create(cluster, selector={})
    assert cluster.pods() == []
    assert ("Warning", "SelectingAll") in [event[:2] for event in cluster.events()]


async def test_a_set_on_its_way_out_is_left_alone(autojump_clock, cluster):
    await create(cluster)
    options = {"propagationPolicy": "Foreground"}
    await cluster.client.delete(DAEMON_SETS, "web", "ns", options)
    await cluster.client.delete(PODS, cluster.pods()[0]["metadata"]["name"], "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 2


async def test_a_clock_is_needed_only_for_what_time_changes(autojump_clock, cluster):
    await create(cluster)
    before = cluster.api.revision
    await trio.sleep(10_000)
    assert cluster.api.revision == before, timestamp(cluster.api.world.now())
