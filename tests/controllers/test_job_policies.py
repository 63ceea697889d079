"""Jobs with limits for each index, and policies for failure and success."""

from typing import Any

from k8slite import sim
from k8slite.client.resource import PODS
from tests.controllers.job_cluster import (
    INDEX,
    conditions,
    indexes,
    job,
    pods,
    running,
    status,
)

Json = dict[str, Any]

FOREVER = {"exit-code": "never"}
FAILING = {"exit-code": "42"}


def indexed(size: int, **spec: Any) -> Json:
    return job(completions=size, parallelism=size, completionMode="Indexed", **spec)


def policy(action: str, values: list[int] | None = None, condition: str = "") -> Json:
    rule: Json = {"action": action}
    if values is not None:
        rule["onExitCodes"] = {"operator": "In", "values": values}
    if condition:
        rule["onPodConditions"] = [{"type": condition, "status": "True"}]
    return {"rules": [rule]}


async def test_each_index_has_its_own_limit(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = indexed(2, backoffLimitPerIndex=1, annotations=FAILING)
        await cluster.apply(made)
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        assert conditions(cluster)["Failed"] == ("True", "FailedIndexes", "Job has failed indexes")
        assert status(cluster)["failedIndexes"] == "0,1"
        assert status(cluster)["failed"] == 4
        name = "batch.kubernetes.io/job-index-failure-count"
        told = [pod["metadata"]["annotations"] for pod in pods(cluster)]
        assert sorted((one[INDEX], one[name]) for one in told) == [
            ("0", "0"),
            ("0", "1"),
            ("1", "0"),
            ("1", "1"),
        ]


async def test_the_others_go_on_when_an_index_is_given_up(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = indexed(3, backoffLimitPerIndex=0, annotations={"exit-after": "60s"})
        await cluster.apply(made)
        assert await cluster.until(lambda: len(running(cluster)) == 3)
        victim = next(
            pod for pod in running(cluster) if pod["metadata"]["annotations"][INDEX] == "1"
        )
        await cluster.client.delete(PODS, victim["metadata"]["name"], "default")
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        assert status(cluster)["failedIndexes"] == "1"
        assert status(cluster)["completedIndexes"] == "0,2"
        assert status(cluster)["succeeded"] == 2


async def test_too_many_indexes_fail(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = indexed(4, backoffLimitPerIndex=0, maxFailedIndexes=1, annotations=FAILING)
        await cluster.apply(made)
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        message = "Job has exceeded the specified maximal number of failed indexes"
        assert conditions(cluster)["Failed"] == ("True", "MaxFailedIndexesExceeded", message)


async def test_an_exit_code_fails_the_job(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(podFailurePolicy=policy("FailJob", [42]), annotations=FAILING))
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        [pod] = pods(cluster)
        name = pod["metadata"]["name"]
        message = (
            f"Container c for pod default/{name} failed with exit code 42 matching FailJob rule "
            "at index 0"
        )
        expected = ("True", "PodFailurePolicy", message)
        assert conditions(cluster) == {"FailureTarget": expected, "Failed": expected}
        assert status(cluster)["failed"] == 1


async def test_a_failure_that_is_ignored_does_not_count(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = job(
            backoffLimit=0,
            podFailurePolicy=policy("Ignore", [42]),
            annotations={**FAILING, "exit-after": "5s"},
        )
        await cluster.apply(made)
        assert await cluster.until(lambda: len(pods(cluster)) == 3, 500.0)
        assert "failed" not in status(cluster)
        assert "Failed" not in conditions(cluster)


async def test_an_index_is_given_up_by_its_exit_code(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = indexed(
            2,
            backoffLimitPerIndex=5,
            podFailurePolicy=policy("FailIndex", [42]),
            annotations=FAILING,
        )
        await cluster.apply(made)
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        assert status(cluster)["failedIndexes"] == "0,1"
        assert status(cluster)["failed"] == 2


async def test_evicted_pods_are_ignored_by_their_condition(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = job(
            backoffLimit=0,
            podFailurePolicy=policy("Ignore", condition="DisruptionTarget"),
            annotations={**FOREVER, "stop-code": "143"},
        )
        await cluster.apply(made)
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        name = running(cluster)[0]["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        await cluster.client.create(PODS, eviction, "default", name=name, subresource="eviction")
        assert await cluster.until(
            lambda: [one["metadata"]["name"] for one in running(cluster)] not in ([name], []), 100.0
        )
        assert "failed" not in status(cluster)


async def test_some_successes_may_be_enough(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = indexed(
            5,
            successPolicy={"rules": [{"succeededIndexes": "1-3", "succeededCount": 1}]},
            annotations=FOREVER,
        )
        await cluster.apply(made)
        assert await cluster.until(lambda: len(running(cluster)) == 5)
        for index in ("0", "2"):
            [pod] = [p for p in running(cluster) if p["metadata"]["annotations"][INDEX] == index]
            await cluster.client.patch(
                PODS,
                pod["metadata"]["name"],
                {"status": {"phase": "Succeeded"}},
                "default",
                subresource="status",
            )
        await cluster.rest()
        met = ("True", "SuccessPolicy", "Matched rules at index 0")
        assert conditions(cluster) == {"SuccessCriteriaMet": met, "Complete": met}
        assert status(cluster)["completedIndexes"] == "0,2"
        assert running(cluster) == []
        assert "failed" not in status(cluster)
        assert indexes(pods(cluster)) == ["0", "2"]
