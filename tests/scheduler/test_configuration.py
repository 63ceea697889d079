"""KubeSchedulerConfiguration: profiles, plugins switched on and off, weights, arguments."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.client import Client
from k8slite.scheduler.configuration import (
    BadConfiguration,
    Configuration,
    at_point,
    read_configuration,
)
from k8slite.scheduler.plugin import (
    BindPlugin,
    FilterPlugin,
    PermitPlugin,
    PostBindPlugin,
    PreBindPlugin,
    ReservePlugin,
    ScorePlugin,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.profiles import frameworks_of
from k8slite.scheduler.snapshot import NodeInfo
from tests.scheduler.schedulable import Cluster
from tests.scheduler.test_plugins import container, node_of, pod_of, snapshot_of

Json = dict[str, Any]

HERE = "tests.scheduler.test_configuration"


def configured(*profiles: Json, **more: Any) -> Configuration:
    return read_configuration(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "profiles": list(profiles),
            **more,
        }
    )


class OddNodes(FilterPlugin, ScorePlugin):
    """Lets only nodes with odd numbers pass, and prefers high ones."""

    name = "OddNodes"

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        wanted = self.setting.args.get("remainder", 1)
        return None if int(node.name[-1]) % 2 == wanted else Status(("node(s) are even",))

    def score(self, pod: PodInfo, node: NodeInfo) -> int:
        return int(node.name[-1])


class Diary(ReservePlugin, PermitPlugin, PreBindPlugin, BindPlugin, PostBindPlugin):
    """Writes down at which points it was asked, and refuses where its arguments say so."""

    name = "Diary"
    pages: ClassVar[list[str]] = []

    def _written(self, point: str) -> Status | None:
        self.pages.append(point)
        return Status((f"not at {point}",)) if self.setting.args.get("refuse") == point else None

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        return self._written("reserve")

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        self._written("unreserve")

    async def permit(self, pod: PodInfo, node_name: str) -> Status | None:
        await trio.sleep(5)
        return self._written("permit")

    async def pre_bind(self, client: Client, pod: PodInfo, node_name: str) -> Status | None:
        return self._written("pre_bind")

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> bool:
        self._written("bind")
        return False

    def post_bind(self, pod: PodInfo, node_name: str) -> None:
        self._written("post_bind")


def enabling(*names: str, point: str = "multiPoint", **more: Any) -> Json:
    return {"plugins": {point: {"enabled": [{"name": name} for name in names]}}, **more}


async def test_a_plugin_of_the_users_own(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    for i in range(4):
        cluster.add_node(f"node-{i}", cpu="1")
    for name in ("a", "b", "c"):
        cluster.add_pod(name, cpu="1")
    async with cluster.scheduling(configuration=configured(enabling(f"{HERE}:OddNodes"))):
        await trio.sleep(1)
    assert sorted(cluster.nodes_of("a", "b", "c")) == ["", "node-1", "node-3"]
    waiting = next(name for name in ("a", "b", "c") if not cluster.node_of(name))
    assert cluster.condition(waiting)["message"].startswith(
        "0/4 nodes are available: 2 Insufficient cpu, 2 node(s) are even."
    )


async def test_its_arguments_and_every_point(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    for i in range(2):
        cluster.add_node(f"node-{i}")
    cluster.add_pod("web")
    own = enabling(f"{HERE}:OddNodes", f"{HERE}:Diary")
    own["plugins"]["bind"] = {"disabled": [{"name": "*"}]}
    own["plugins"]["bind"]["enabled"] = [{"name": f"{HERE}:Diary"}, {"name": "DefaultBinder"}]
    own["pluginConfig"] = [{"name": f"{HERE}:OddNodes", "args": {"remainder": 0}}]
    Diary.pages.clear()
    async with cluster.scheduling(configuration=configured(own)):
        await trio.sleep(4)
        assert cluster.node_of("web") == ""
        await trio.sleep(4)
    assert cluster.node_of("web") == "node-0"
    assert Diary.pages == ["reserve", "permit", "pre_bind", "bind", "post_bind"]


@pytest.mark.parametrize("point", ["reserve", "permit", "pre_bind"])
async def test_who_refuses_a_pod_that_has_its_node(point: str, autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_pod("web", cpu="1")
    own = enabling(f"{HERE}:Diary", point="multiPoint")
    own["plugins"]["bind"] = {"disabled": [{"name": f"{HERE}:Diary"}]}
    own["pluginConfig"] = [{"name": f"{HERE}:Diary", "args": {"refuse": point}}]
    Diary.pages.clear()
    async with cluster.scheduling(configuration=configured(own)):
        await trio.sleep(5.5)
    assert cluster.node_of("web") == ""
    assert Diary.pages[-1] == "unreserve" or Diary.pages[0] == "reserve"
    assert "unreserve" in Diary.pages
    assert f"not at {point}" in cluster.events("web")[0][2]


async def test_profiles_are_schedulers_of_their_own(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", taints=[{"key": "a", "effect": "NoSchedule"}])
    careless = {
        "schedulerName": "careless",
        "plugins": {"filter": {"disabled": [{"name": "TaintToleration"}]}},
    }
    cluster.add_pod("a", schedulerName="careless")
    cluster.add_pod("b", schedulerName="default-scheduler")
    cluster.add_pod("c", schedulerName="unknown")
    async with cluster.scheduling(configuration=configured({}, careless)):
        await trio.sleep(1)
    assert cluster.nodes_of("a", "b", "c") == ["node-1", "", ""]
    assert cluster.condition("c") == {}
    events = [one for one in cluster.api.list("/api/v1/events") if one["reason"] == "Scheduled"]
    assert [one["source"]["component"] for one in events] == ["careless"]


def names(configuration: Configuration, point: str) -> list[tuple[str, int]]:
    return at_point(configuration.profiles[0], point)


def test_the_order_of_plugins_and_their_weights() -> None:
    plugins = {
        "multiPoint": {
            "enabled": [{"name": "TaintToleration", "weight": 7}, {"name": f"{HERE}:OddNodes"}],
            "disabled": [{"name": "ImageLocality"}],
        },
        "score": {
            "enabled": [{"name": "NodeAffinity", "weight": 9}],
            "disabled": [{"name": "PodTopologySpread"}],
        },
    }
    found = names(configured({"plugins": plugins}), "score")
    assert found[0] == ("NodeAffinity", 9)
    assert ("TaintToleration", 7) in found
    assert found[-1] == (f"{HERE}:OddNodes", 0)
    assert not {"ImageLocality", "PodTopologySpread"} & {name for name, _ in found}
    assert ("PodTopologySpread", 0) in names(configured({"plugins": plugins}), "filter")


def test_all_but_one() -> None:
    plugins = {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "ImageLocality"}]}}
    assert names(configured({"plugins": plugins}), "score") == [("ImageLocality", 0)]


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "not an object"),
        ({"kind": "KubeSchedulerConfiguration", "apiVersion": "v1"}, "no kind"),
    ],
)
def test_what_is_no_configuration(found: Any, complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        read_configuration(found)


@pytest.mark.parametrize(
    ("profiles", "complaint"),
    [
        ([{}, {}], "Duplicate value"),
        ([enabling("NoSuchPlugin")], "does not exist"),
        ([enabling(f"{HERE}:Json")], "not a class of Plugin"),
    ],
)
def test_what_is_no_profile(profiles: list[Json], complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        configured(*profiles)


def scores(arguments: Json, plugin: str = "NodeResourcesFit", **requests: str) -> dict[str, int]:
    """Of an empty node and a half full one, by one plugin alone."""
    profile = {
        "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": plugin}]}},
        "pluginConfig": [{"name": plugin, "args": arguments}],
    }
    snapshot = snapshot_of(node_of("empty"), node_of("half"))
    other = [container(cpu="2", memory="4Gi", gpu="1")]
    snapshot.put_pod(pod_of("other", nodeName="half", containers=other))
    setting = Setting(snapshot, random.Random(0))
    framework = frameworks_of(configured(profile), setting)["default-scheduler"]
    pod = PodInfo.of(pod_of(containers=[container(**requests)]))
    return framework.evaluation(pod).scores()


def strategy(kind: str, *resources: Json, **more: Any) -> Json:
    return {"scoringStrategy": {"type": kind, "resources": list(resources), **more}}


def test_strategies_of_resources() -> None:
    wanted = {"cpu": "1", "memory": "2Gi"}
    assert scores({}, **wanted) == {"empty": 75, "half": 25}
    assert scores(strategy("MostAllocated"), **wanted) == {"empty": 25, "half": 75}
    shape = [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
    ratio = {"requestedToCapacityRatio": {"shape": shape}}
    assert scores(strategy("RequestedToCapacityRatio", **ratio), **wanted) == {
        "empty": 25,
        "half": 75,
    }
    gpu = {"name": "example.com/gpu", "weight": 3}
    cpu = {"name": "cpu", "weight": 1}
    assert scores(strategy("MostAllocated", gpu, cpu), **wanted, gpu="1") == {
        "empty": (3 * 50 + 25) // 4,
        "half": (3 * 100 + 75) // 4,
    }
    # What a pod does not ask for is of no account.
    assert scores(strategy("MostAllocated", gpu, cpu), **wanted) == {"empty": 25, "half": 75}


def test_balance_of_other_resources() -> None:
    resources = {"resources": [{"name": "cpu"}, {"name": "example.com/gpu"}]}
    found = scores(resources, "NodeResourcesBalancedAllocation", cpu="1", gpu="1")
    assert found == {"empty": 87, "half": 87}


def test_a_strategy_that_is_none() -> None:
    with pytest.raises(ValueError, match="Unsupported value"):
        scores(strategy("Best"))


def test_nodes_that_the_scheduler_insists_on() -> None:
    expressions = [{"key": "disk", "operator": "In", "values": ["ssd"]}]
    terms = [{"matchExpressions": expressions}]
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    profile = {"pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]}
    snapshot = snapshot_of(node_of("n0"), node_of("n1", {"disk": "ssd"}))
    setting = Setting(snapshot, random.Random(0))
    framework = frameworks_of(configured(profile), setting)["default-scheduler"]
    refusals = framework.evaluation(PodInfo.of(pod_of())).refusals()
    assert {name: one.reasons for name, one in refusals.items()} == {
        "n0": ("node(s) didn't match scheduler-enforced node affinity",)
    }


async def test_pods_back_off_as_configured(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.refusals["web"] = 3
    cluster.add_pod("web", cpu="1")
    back_off = {"podInitialBackoffSeconds": 20, "podMaxBackoffSeconds": 30}
    async with cluster.scheduling(configuration=configured({}, **back_off)):
        await trio.sleep(75)
        assert cluster.node_of("web") == ""
        await trio.sleep(10)
    assert cluster.node_of("web") == "node-1"
