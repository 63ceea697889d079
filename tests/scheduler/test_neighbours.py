"""Pods near others and away from them, and pods that are spread: upstream's rules one by one."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from k8slite.kinds.core.models import Pod
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot
from tests.scheduler.test_plugins import framework_of, node_of, pod_of, snapshot_of

Json = dict[str, Any]

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def zoned(*zones: str) -> Snapshot:
    """Nodes n0, n1 ... in zones; "" is in none."""
    return snapshot_of(
        *(
            node_of(f"n{i}", {HOST: f"n{i}", **({ZONE: zone} if zone else {})})
            for i, zone in enumerate(zones)
        )
    )


def labelled(name: str, app: str, node: str = "", namespace: str = "default", **spec: Any) -> Pod:
    pod = pod_of(name, **({"nodeName": node} if node else {}), **spec)
    return evolve(pod, metadata=evolve(pod.metadata, labels={"app": app}, namespace=namespace))


def term(app: str, key: str = ZONE, **more: Any) -> Json:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def near(*terms: Json) -> Json:
    return {"podAffinity": {REQUIRED: list(terms)}}


def away(*terms: Json) -> Json:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def verdicts(pod: Pod, snapshot: Snapshot) -> list[str]:
    """Of each node the reason of its refusal, or ""."""
    found = framework_of(snapshot).evaluation(PodInfo.of(pod)).refusals()
    return [
        ", ".join(found[node.name].reasons) if node.name in found else "" for node in snapshot.nodes
    ]


NOT_NEAR = "node(s) didn't match pod affinity rules"
NOT_AWAY = "node(s) didn't match pod anti-affinity rules"
UNWELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"
UNEVEN = "node(s) didn't match pod topology spread constraints"


def test_near_a_pod_is_its_whole_domain() -> None:
    snapshot = zoned("a", "a", "b", "")
    snapshot.put_pod(labelled("db", "db", "n0"))
    pod = labelled("web", "web", affinity=near(term("db")))
    assert verdicts(pod, snapshot) == ["", "", NOT_NEAR, NOT_NEAR]


def test_the_first_of_a_group_goes_anywhere_in_a_domain() -> None:
    snapshot = zoned("a", "b", "")
    pod = labelled("web", "web", affinity=near(term("web")))
    assert verdicts(pod, snapshot) == ["", "", NOT_NEAR]
    snapshot.put_pod(labelled("web-0", "web", "n1"))
    assert verdicts(pod, snapshot) == [NOT_NEAR, "", NOT_NEAR]


def test_all_terms_must_mean_the_same_pod() -> None:
    snapshot = zoned("a", "b")
    snapshot.put_pod(labelled("db", "db", "n0"))
    snapshot.put_pod(labelled("cache", "cache", "n0"))
    pod = labelled("web", "web", affinity=near(term("db"), term("cache")))
    assert verdicts(pod, snapshot) == [NOT_NEAR, NOT_NEAR]


def test_away_from_pods_and_they_from_it() -> None:
    snapshot = zoned("a", "a", "b")
    snapshot.put_pod(labelled("web-0", "web", "n0", affinity=away(term("web"))))
    same = labelled("web-1", "web", affinity=away(term("web")))
    assert verdicts(same, snapshot) == [NOT_AWAY, NOT_AWAY, ""]
    without_terms = labelled("web-2", "web")
    assert verdicts(without_terms, snapshot) == [UNWELCOME, UNWELCOME, ""]
    assert verdicts(labelled("db", "db"), snapshot) == ["", "", ""]


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        ({}, False),
        ({"namespaces": ["other"]}, True),
        ({"namespaces": ["third"]}, False),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "x"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "y"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "y"}}, "namespaces": ["other"]}, True),
    ],
)
def test_namespaces_of_a_term(more: Json, meant: bool) -> None:
    snapshot = zoned("a")
    snapshot.put_namespace("default", {})
    snapshot.put_namespace("other", {"team": "x"})
    snapshot.put_pod(labelled("web-0", "web", "n0", namespace="other"))
    pod = labelled("web", "x", affinity=away(term("web", **more)))
    assert verdicts(pod, snapshot) == [NOT_AWAY if meant else ""]


def test_label_keys_join_the_selector() -> None:
    snapshot = zoned("a", "b")
    snapshot.put_pod(labelled("blue", "web", "n0"))
    selector = {"labelSelector": {"matchExpressions": []}, "topologyKey": ZONE}
    same = labelled("web", "web", affinity=away({**selector, "matchLabelKeys": ["app"]}))
    assert verdicts(same, snapshot) == [NOT_AWAY, ""]
    other = labelled("web", "web", affinity=away({**selector, "mismatchLabelKeys": ["app"]}))
    assert verdicts(other, snapshot) == ["", ""]


def best(pod: Pod, snapshot: Snapshot) -> str:
    found = framework_of(snapshot).decide(PodInfo.of(pod))
    assert isinstance(found, NodeInfo)
    return found.name


def test_preferences_of_both_sides() -> None:
    snapshot = zoned("a", "b")
    snapshot.put_pod(labelled("db", "db", "n1"))
    wish = {"podAffinityTerm": term("db"), "weight": 100}
    assert (
        best(labelled("web", "web", affinity={"podAffinity": {PREFERRED: [wish]}}), snapshot)
        == "n1"
    )
    anti = {"podAntiAffinity": {PREFERRED: [wish]}}
    assert best(labelled("web", "web", affinity=anti), snapshot) == "n0"
    # One that is there wants to be away from what comes.
    snapshot = zoned("a", "b")
    wish = {"podAffinityTerm": term("web"), "weight": 100}
    loner = labelled("loner", "x", "n0", affinity={"podAntiAffinity": {PREFERRED: [wish]}})
    snapshot.put_pod(loner)
    snapshot.put_pod(labelled("other", "x", "n1"))
    assert best(labelled("web", "web"), snapshot) == "n1"


def spread(key: str = ZONE, skew: int = 1, app: str = "web", **more: Any) -> Json:
    return {
        "maxSkew": skew,
        "topologyKey": key,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}},
        **more,
    }


def test_no_domain_gets_too_many_more() -> None:
    snapshot = zoned("a", "a", "b", "")
    snapshot.put_pod(labelled("web-0", "web", "n0"))
    pod = labelled("web", "web", topologySpreadConstraints=[spread()])
    no_label = f"{UNEVEN} (missing required label)"
    assert verdicts(pod, snapshot) == [UNEVEN, UNEVEN, "", no_label]
    pod = labelled("web", "web", topologySpreadConstraints=[spread(skew=2)])
    assert verdicts(pod, snapshot)[:3] == ["", "", ""]
    # One that is not meant itself makes nothing worse.
    pod = labelled("db", "db", topologySpreadConstraints=[spread()])
    assert verdicts(pod, snapshot)[:3] == ["", "", ""]


def test_too_few_domains_count_as_an_empty_one_more() -> None:
    snapshot = zoned("a", "b")
    snapshot.put_pod(labelled("web-0", "web", "n0"))
    snapshot.put_pod(labelled("web-1", "web", "n1"))
    assert verdicts(labelled("web", "web", topologySpreadConstraints=[spread()]), snapshot) == [
        "",
        "",
    ]
    constraint = spread(minDomains=3)
    pod = labelled("web", "web", topologySpreadConstraints=[constraint])
    assert verdicts(pod, snapshot) == [UNEVEN, UNEVEN]


def test_which_nodes_are_counted() -> None:
    def in_two_zones(**constraint: Any) -> list[str]:
        tainted = [{"key": "t", "effect": "NoSchedule"}]
        snapshot = snapshot_of(
            node_of("n0", {ZONE: "a", "disk": "ssd"}),
            node_of("n1", {ZONE: "b"}),
            node_of("n2", {ZONE: "c", "disk": "ssd"}, taints=tainted),
        )
        snapshot.put_pod(labelled("web-0", "web", "n0"))
        pod = labelled(
            "web",
            "web",
            nodeSelector={"disk": "ssd"},
            topologySpreadConstraints=[spread(**constraint)],
        )
        return verdicts(pod, snapshot)

    # n1 is not selected and does not count; n2 is tainted and counts all the same, empty as it is.
    assert in_two_zones()[0] == UNEVEN
    assert in_two_zones(nodeTaintsPolicy="Honor")[0] == ""
    assert in_two_zones(nodeTaintsPolicy="Honor", nodeAffinityPolicy="Ignore")[0] == UNEVEN


def test_revisions_are_spread_apart_by_label_keys() -> None:
    snapshot = zoned("a", "b")
    snapshot.put_pod(labelled("old", "v1", "n0"))
    everything = {"labelSelector": {}, "matchLabelKeys": ["app"]}
    pod = labelled("new", "v2", topologySpreadConstraints=[spread(**everything)])
    assert verdicts(pod, snapshot) == ["", ""]
    pod = labelled("old-2", "v1", topologySpreadConstraints=[spread(**everything)])
    assert verdicts(pod, snapshot) == [UNEVEN, ""]


def test_preferred_spreading_goes_to_the_emptier_zone() -> None:
    snapshot = zoned("a", "a", "b", "b")
    for i, node in enumerate(("n0", "n1", "n2")):
        snapshot.put_pod(labelled(f"web-{i}", "web", node))
    anyway = spread(whenUnsatisfiable="ScheduleAnyway")
    pod = labelled("web", "web", topologySpreadConstraints=[anyway])
    scores = framework_of(snapshot).evaluation(PodInfo.of(pod)).scores()
    assert scores["n3"] > scores["n2"] > scores["n0"] == scores["n1"]


def test_what_belongs_to_a_service_is_spread_over_hosts_and_zones() -> None:
    from k8slite.client.resource import SERVICES
    from k8slite.kinds.models import Metadata
    from k8slite.scheduler.owners import ByLabels, SelectsByLabels

    snapshot = zoned("a", "a", "b")
    framework = framework_of(snapshot)
    plugin = next(one for one in framework._enabled.filters if one.name == "PodTopologySpread")
    snapshot.put_pod(labelled("web-0", "web", "n0"))
    for i in (1, 2):
        snapshot.put_pod(labelled(f"other-{i}", "x", f"n{i}"))
    pod = PodInfo.of(labelled("web", "web"))
    assert len(set(framework.evaluation(pod).scores().values())) == 1
    service = SelectsByLabels(Metadata("web", "default"), ByLabels({"app": "web"}))
    plugin.setting.view.put(SERVICES, None, service)
    scores = framework.evaluation(pod).scores()
    assert scores["n2"] > scores["n1"] > scores["n0"]


def test_the_reasons_are_counted() -> None:
    snapshot = zoned("a", "a", "b")
    snapshot.put_pod(labelled("web-0", "web", "n0", affinity=away(term("web"))))
    pod = labelled("web-1", "web", affinity=away(term("web", HOST), term("x", HOST)),
                   nodeSelector={ZONE: "a"})  # fmt: skip
    found = framework_of(snapshot).decide(PodInfo.of(pod))
    assert isinstance(found, Diagnosis)
    assert found.message.startswith(
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        f"1 {NOT_AWAY}, 1 {UNWELCOME}. "
    )
