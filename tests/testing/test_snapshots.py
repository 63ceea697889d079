"""Snapshots, forks, the past as if it were now, and a clock that is moved."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import k8slite.testing
from k8slite import ApiError, NotFound
from k8slite.store.store import Compacted, FutureRevision
from k8slite.testing import Cluster
from tests.testing.test_cluster import WEB, config_map

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with k8slite.testing.start(tls=False) as cluster:
        yield cluster


def running(cluster: Cluster) -> list[str]:
    pods = cluster.list("pods")
    return sorted(one["metadata"]["uid"] for one in pods if one["status"].get("phase") == "Running")


def ask(cluster: Cluster, path: str, token: str = "") -> tuple[int, Json]:
    request = urllib.request.Request(cluster.url + path)
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_restoring_brings_back_what_was_and_nothing_else(cluster: Cluster) -> None:
    cluster.apply(WEB)
    cluster.apply(config_map("changed", a="before"))
    cluster.wait_for("deployment/web", "Available")
    before = cluster.wait_until(lambda: (found := running(cluster)) and len(found) == 2 and found)
    snapshot = cluster.snapshot()
    for _ in range(2):  # a snapshot can be restored as often as wanted
        cluster.delete("deployment/web")
        cluster.wait_until(lambda: not cluster.list("pods"))
        cluster.apply(config_map("changed", a="after"))
        cluster.apply(config_map("new"))
        cluster.restore(snapshot)
        assert cluster.get("cm/changed")["data"] == {"a": "before"}
        with pytest.raises(NotFound):
            cluster.get("cm/new")
        cluster.wait_until(lambda: running(cluster) == before)
        cluster.wait_for("deployment/web", "Available")
    # The controllers live on with what was restored.
    cluster.apply(WEB.replace("replicas: 2", "replicas: 3"))
    cluster.wait_until(lambda: len(running(cluster)) == 3)
    assert set(before) < set(running(cluster))
    cluster.delete("deployment/web")
    cluster.wait_until(lambda: not cluster.list("pods"))


def test_an_object_that_was_made_anew_is_again_the_former_one(cluster: Cluster) -> None:
    (first,) = cluster.apply(config_map("twice", a="1"))
    snapshot = cluster.snapshot()
    cluster.delete("cm/twice")
    (second,) = cluster.apply(config_map("twice", a="2"))
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    cluster.restore(snapshot)
    found = cluster.get("cm/twice")
    assert (found["metadata"]["uid"], found["data"]) == (first["metadata"]["uid"], {"a": "1"})
    assert int(found["metadata"]["resourceVersion"]) > int(second["metadata"]["resourceVersion"])


def test_node_ports_are_free_again_after_a_restore(cluster: Cluster) -> None:
    def service(name: str) -> Json:
        port = {"port": 80, "nodePort": 30123}
        spec = {"type": "NodePort", "ports": [port], "selector": {"app": name}}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

    snapshot = cluster.snapshot()
    cluster.apply(service("one"))
    with pytest.raises(ApiError, match="provided port is already allocated"):
        cluster.apply(service("two"))
    cluster.restore(snapshot)
    cluster.apply(service("two"))
    cluster.delete("svc/two")


def test_forks_live_apart(cluster: Cluster) -> None:
    cluster.apply(WEB)
    cluster.wait_until(lambda: len(running(cluster)) == 2)
    with cluster.fork() as fork, cluster.fork() as other:
        assert len({cluster.url, fork.url, other.url}) == 3
        assert running(fork) == running(cluster)
        fork.delete("deployment/web")
        fork.wait_until(lambda: not fork.list("pods"))
        assert running(other) == running(cluster) and len(running(other)) == 2
    cluster.delete("deployment/web")
    cluster.wait_until(lambda: not cluster.list("pods"))


def test_the_past_is_read_as_if_it_were_now(cluster: Cluster) -> None:
    cluster.apply(config_map("past", a="1"))
    revision = cluster.revision()
    cluster.apply(config_map("past", a="2"))
    cluster.apply(config_map("future"))
    with cluster.at(revision) as then:
        assert then.revision() == revision
        path = "/api/v1/namespaces/default/configmaps"
        assert ask(then, f"{path}/past")[1]["data"] == {"a": "1"}
        assert ask(then, f"{path}/future")[0] == 404
        listed = ask(then, path)[1]
        assert int(listed["metadata"]["resourceVersion"]) == revision
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(then.url + path, data=b"{}")
        with refused.value as answer:
            assert answer.code == 405
            said = json.load(answer)["message"]
        assert said == f"this is the past, as of revision {revision}: it can only be read"
    with pytest.raises(FutureRevision):
        cluster.at(cluster.revision() + 1_000)


def test_what_was_forgotten_cannot_be_read() -> None:
    with k8slite.testing.start(nodes=0) as cluster:
        cluster.ready()
        cluster.apply(config_map("one"))
        revision = cluster.revision()
        cluster.apply(config_map("two"))
        cluster.advance(minutes=4)
        cluster.at(revision).stop()
        cluster.advance(minutes=6)  # nothing lives for two windows, see `store.compactor`
        with pytest.raises(Compacted):
            cluster.at(revision)


def test_time_passes_without_waiting() -> None:
    with k8slite.testing.start(nodes=1, tls=False) as cluster:
        cluster.apply(WEB)
        cluster.assert_event("SuccessfulCreate", "rs")
        before = cluster.wait_for("lease/node-0", "create", "kube-node-lease")
        token = cluster.create_token("default", seconds=600)
        assert ask(cluster, "/apis", token)[0] == 200
        cluster.advance(minutes=9)
        assert ask(cluster, "/apis", token)[0] == 200
        cluster.advance(minutes=2)
        assert ask(cluster, "/apis", token)[0] == 401
        # Heartbeats went on all the time, so that the node is as ready as before.
        after = cluster.get("lease/node-0", "kube-node-lease")
        assert after["spec"]["renewTime"] > before["spec"]["renewTime"]
        assert not cluster.events(reason="NodeNotReady")
        cluster.wait_for("node/node-0", "Ready")
        assert cluster.events(reason="SuccessfulCreate")
        cluster.advance(minutes=51)
        assert not cluster.events(reason="SuccessfulCreate")  # events live for an hour
        with pytest.raises(ValueError, match="forward only"):
            cluster.advance(seconds=-1)


def test_jobs_come_and_go_as_time_passes() -> None:
    pods = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    job = {"template": {"spec": pods}, "ttlSecondsAfterFinished": 300}
    often = {"schedule": "*/2 * * * *", "jobTemplate": {"spec": job}}
    with k8slite.testing.start(nodes=1, tls=False) as cluster:
        for kind, spec in (("Job", job), ("CronJob", often)):
            metadata = {"name": kind.lower()}
            cluster.apply(
                {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": spec}
            )
        cluster.wait_for("job/job", "Complete")
        cluster.advance(minutes=4, seconds=30)
        names = {one["metadata"]["name"] for one in cluster.list("jobs", "default")}
        # In the names are minutes; it depends on the time of day whether there are two or three.
        minutes = sorted(int(name.removeprefix("cronjob-")) for name in names - {"job"})
        assert minutes in [[minutes[0] + 2 * at for at in range(count)] for count in (2, 3)]
        assert "job" in names
        cluster.advance(minutes=2)
        cluster.wait_for("job/job", "delete")


def test_clients_that_wait_are_not_slow_when_the_clock_is_moved() -> None:
    from http.client import HTTPConnection

    with k8slite.testing.start(nodes=0, tls=False) as cluster:
        connection = HTTPConnection("127.0.0.1", int(cluster.url.rpartition(":")[2]))
        connection.request("GET", "/version")
        assert json.load(connection.getresponse())["major"] == "1"
        cluster.advance(minutes=10)
        connection.request("GET", "/version")  # on the same connection
        assert json.load(connection.getresponse())["major"] == "1"
        connection.close()
