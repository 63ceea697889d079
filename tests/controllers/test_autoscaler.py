"""HorizontalPodAutoscalers on a whole cluster under virtual time."""

from typing import Any

from k8slite import sim
from k8slite.client.resource import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from k8slite.sim.simulation import Simulation
from tests.controllers.job_cluster import events
from tests.simulation.scenarios import deployment

Json = dict[str, Any]


def loaded(replicas: int, cpu: str) -> Json:
    """A Deployment whose pods request 100m and use as much as is said."""
    made = deployment("web", replicas)
    metadata = made["spec"]["template"]["metadata"]
    metadata["annotations"] = {"k8slite.dev/cpu-usage": cpu}
    return made


def autoscaler(**spec: Any) -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 10, **spec},
    }


def wanted(cluster: Simulation) -> int:
    [found] = cluster.objects(DEPLOYMENTS)
    replicas: int = found["spec"]["replicas"]
    return replicas


def status(cluster: Simulation, name: str = "web") -> Json:
    [found] = [
        one
        for one in cluster.objects(HORIZONTAL_POD_AUTOSCALERS)
        if one["metadata"]["name"] == name
    ]
    told: Json = found.get("status") or {}
    return told


def conditions(cluster: Simulation, name: str = "web") -> dict[str, tuple[str, str]]:
    return {
        one["type"]: (one["status"], one["reason"])
        for one in status(cluster, name).get("conditions") or ()
    }


async def use(cluster: Simulation, cpu: str) -> None:
    """From now on all pods use so much."""
    for pod in cluster.objects(PODS):
        patch = {"metadata": {"annotations": {"k8slite.dev/cpu-usage": cpu}}}
        await cluster.client.patch(PODS, pod["metadata"]["name"], patch, "default")


async def test_it_grows_with_its_load(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(2, "160m"))
        await cluster.rest()
        await cluster.apply(autoscaler())
        # 160 % of what is requested where 80 % are wanted: twice as many.
        assert await cluster.until(lambda: wanted(cluster) == 4, 400.0)
        assert await cluster.until(lambda: status(cluster).get("currentReplicas") == 4, 60.0)
        assert conditions(cluster)["ScalingActive"] == ("True", "ValidMetricFound")
        [metric] = status(cluster)["currentMetrics"]
        current = {"averageUtilization": 160, "averageValue": "160m"}
        assert metric == {"type": "Resource", "resource": {"name": "cpu", "current": current}}
        message = (
            "New size: 4; reason: cpu resource utilization (percentage of request) above target"
        )
        told = events(cluster, "HorizontalPodAutoscaler")
        assert ("Normal", "SuccessfulRescale", message) in told
        assert status(cluster)["lastScaleTime"]


async def test_it_shrinks_when_the_load_has_been_low_for_a_while(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(4, "80m"))
        await cluster.apply(autoscaler(minReplicas=2))
        await cluster.until(lambda: False, 400.0)
        assert conditions(cluster)["AbleToScale"] == ("True", "ReadyForNewScale")
        assert wanted(cluster) == 4
        await use(cluster, "10m")
        assert not await cluster.until(lambda: wanted(cluster) < 4, 280.0)
        assert conditions(cluster)["AbleToScale"] == ("True", "ScaleDownStabilized")
        assert await cluster.until(lambda: wanted(cluster) == 2, 60.0)
        await cluster.until(lambda: False, 40.0)
        assert conditions(cluster)["ScalingLimited"] == ("True", "TooFewReplicas")


async def test_it_keeps_to_its_limits(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(1, "80m"))
        await cluster.apply(autoscaler(minReplicas=3))
        assert await cluster.until(lambda: wanted(cluster) == 3, 30.0)
        await cluster.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 12}}, "default")
        assert await cluster.until(lambda: wanted(cluster) == 10, 30.0)
        await cluster.until(lambda: False, 1.0)
        told = [message for _, _, message in events(cluster, "HorizontalPodAutoscaler")]
        assert "New size: 3; reason: Current number of replicas below Spec.MinReplicas" in told
        assert "New size: 10; reason: Current number of replicas above Spec.MaxReplicas" in told


async def test_a_target_without_replicas_is_left_alone(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(0, "80m"))
        await cluster.apply(autoscaler())
        await cluster.rest()
        assert conditions(cluster)["ScalingActive"] == ("False", "ScalingDisabled")
        assert wanted(cluster) == 0


async def test_a_target_that_is_not_there(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(autoscaler())
        await cluster.rest()
        assert conditions(cluster) == {"AbleToScale": ("False", "FailedGetScale")}
        await cluster.apply(loaded(2, "80m"))
        assert await cluster.until(lambda: conditions(cluster)["AbleToScale"][0] == "True", 30.0)


async def test_what_cannot_be_measured(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(2, "80m"))
        target = {"type": "AverageValue", "averageValue": "1"}
        metric = {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": target}}
        await cluster.apply(autoscaler(metrics=[metric]))
        await cluster.rest()
        assert conditions(cluster)["ScalingActive"] == ("False", "FailedGetPodsMetric")
        [told] = [
            one["message"]
            for one in status(cluster)["conditions"]
            if one["type"] == "ScalingActive"
        ]
        assert told == (
            "the HPA was unable to compute the replica count: unable to get metric requests: "
            "unable to fetch metrics from custom metrics API: the server could not find the "
            "requested resource (get custom.metrics.k8s.io)"
        )


async def test_two_autoscalers_of_the_same_pods(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(2, "80m"))
        await cluster.rest()
        await cluster.apply(autoscaler())
        await cluster.apply({**autoscaler(), "metadata": {"name": "zwei"}})
        await cluster.until(lambda: False, 40.0)
        for name in ("web", "zwei"):
            assert conditions(cluster, name)["ScalingActive"] == ("False", "AmbiguousSelector")


async def test_one_container_of_each_pod(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(2, "200m"))
        target = {"type": "Utilization", "averageUtilization": 100}
        resource = {"name": "cpu", "container": "c", "target": target}
        metric = {"type": "ContainerResource", "containerResource": resource}
        await cluster.apply(autoscaler(metrics=[metric]))
        assert await cluster.until(lambda: wanted(cluster) == 4, 400.0)


async def test_slower_by_its_behavior(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(loaded(1, "800m"))
        policy = {"type": "Pods", "value": 1, "periodSeconds": 60}
        await cluster.apply(autoscaler(behavior={"scaleUp": {"policies": [policy]}}))
        assert await cluster.until(lambda: wanted(cluster) == 2, 400.0)
        grown = cluster.seconds
        assert await cluster.until(lambda: wanted(cluster) == 3, 400.0)
        assert cluster.seconds - grown >= 60
        assert conditions(cluster)["ScalingLimited"] == ("True", "ScaleUpLimit")
