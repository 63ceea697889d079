"""The invariants of neighbours and of preemption, broken and held."""

from typing import Any

from k8slite.sim.checks.neighbours import Neighbours
from k8slite.sim.checks.nodes import Nodes
from k8slite.sim.checks.preemption import Preemption
from k8slite.sim.checks.scheduling import Scheduling
from tests.simulation.test_checks import Story, thing

Json = dict[str, Any]

BINDING = "POST /api/v1/namespaces/shop/pods/x/binding"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def node(name: str, **labels: str) -> Json:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "2", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(name: str, *, at: str = "", cpu: str = "1", app: str = "web", **spec: Any) -> Json:
    containers = [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]
    bound = {"nodeName": at} if at else {}
    return thing(
        name,
        metadata={"labels": {"app": app}},
        spec={"containers": containers, **bound, **spec},
        status={"startTime": "now"} if at else {},
    )


def away(app: str) -> Json:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "zone"}
    return {"affinity": {"podAntiAffinity": {REQUIRED: [term]}}}


def test_nobody_is_bound_near_whom_it_keeps_away_from() -> None:
    story = Story(Neighbours)
    for name, zone in (("n1", "a"), ("n2", "a"), ("n3", "b")):
        story.write("nodes/", node(name, zone=zone))
    story.write("pods/", pod("one", at="n1", **away("web")), BINDING)
    story.write("pods/", pod("two", at="n3"), BINDING)
    story.write("pods/", pod("other", at="n2", app="db"), BINDING)
    story.ends_with()
    story.write("pods/", pod("three", at="n2"), BINDING)
    story.ends_with("shop/three is bound to n2, near shop/one on n1: shop/one keeps away")
    story.write("pods/", None, name="shop/one")
    story.write("pods/", None, name="shop/three")
    story.write("pods/", pod("four", at="n2", **away("x")), BINDING)
    story.ends_with("shop/three is bound to n2")


def preempted(victim: str, winner: str) -> Json:
    return thing(
        f"{victim}.1",
        involvedObject={"name": victim, "uid": f"uid-{victim}"},
        reason="Preempted",
        message=f"Preempted by pod uid-{winner} on node n1",
    )


def test_victims_are_less_important() -> None:
    story = Story(Preemption)
    for name, priority in (("low", 1), ("same", 5), ("high", 5)):
        story.write("pods/", pod(name, priority=priority, at="n9"))
    story.write("events/", preempted("low", "high"))
    story.ends_with()
    story.write("events/", preempted("same", "high"))
    story.ends_with("same of priority 5 had to go for a pod of priority 5")


def test_who_could_make_others_go_does_not_wait() -> None:
    story = Story(Preemption)
    story.write("nodes/", node("n1"))
    story.write("pods/", pod("low", at="n1", cpu="2", priority=1))
    story.write("pods/", pod("patient", cpu="2", priority=5, preemptionPolicy="Never"))
    story.write("pods/", pod("as-low", cpu="2", priority=1))
    story.ends_with()
    story.write("pods/", pod("high", cpu="2", priority=5))
    story.ends_with("shop/high waits, and less important pods of nodes/n1 do not go for it")


def test_room_that_is_kept_is_no_room() -> None:
    story = Story(Scheduling)
    story.write("nodes/", node("n1"))
    high = pod("high", cpu="3", priority=5)
    high["status"] = {"nominatedNodeName": "n1"}
    story.write("pods/", high)
    story.write("pods/", pod("low", cpu="1"))
    story.ends_with()
    story.write("pods/", pod("higher", cpu="1", priority=7))
    story.ends_with("shop/higher fits n1, and is not bound")


def test_required_affinity_at_the_binding() -> None:
    story = Story(Nodes)
    story.write("nodes/", node("n1", disk="ssd"))
    expression = {"key": "disk", "operator": "In", "values": ["hdd"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"affinity": {"nodeAffinity": {REQUIRED: required}}}
    story.write("pods/", pod("web", **affinity))
    story.write("pods/", pod("web", at="n1", **affinity), BINDING)
    story.ends_with("is bound to n1, whose labels its node selector never matched")
