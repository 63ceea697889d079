"""Jobs by what they do, on a whole cluster under virtual time."""

from typing import Any

import pytest

from k8slite import sim
from k8slite.client.resource import JOBS, PODS
from k8slite.objects.errors import Invalid
from tests.controllers.job_cluster import (
    FINALIZER,
    conditions,
    events,
    found,
    indexes,
    job,
    pods,
    running,
    status,
)

Json = dict[str, Any]

FOREVER = {"exit-code": "never"}
FAILING = {"exit-code": "3"}


async def test_it_runs_until_enough_pods_have_succeeded(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(completions=5, parallelism=2))
        await cluster.rest()
        reached = ("True", "CompletionsReached", "Reached expected number of succeeded pods")
        assert conditions(cluster) == {"SuccessCriteriaMet": reached, "Complete": reached}
        told = status(cluster)
        assert told["succeeded"] == 5
        assert (told["ready"], told["terminating"]) == (0, 0)
        assert "active" not in told and "failed" not in told
        assert told["completionTime"] and told["startTime"]
        assert told["uncountedTerminatedPods"] == {}
        assert len(pods(cluster, "Succeeded")) == 5
        assert not any("finalizers" in pod["metadata"] for pod in pods(cluster))
        told_of = events(cluster)
        assert [reason for _, reason, _ in told_of].count("SuccessfulCreate") == 5
        assert ("Normal", "Completed", "Job completed") in told_of


async def test_never_more_pods_than_its_parallelism(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations={"exit-after": "5s"}, completions=6, parallelism=2))
        most = 0

        def look() -> bool:
            nonlocal most
            most = max(most, len(pods(cluster, "Pending", "Running", "")))
            return status(cluster).get("succeeded") == 6

        assert await cluster.until(look)
        assert most == 2


async def test_pods_carry_the_names_of_their_job(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER))
        await cluster.rest()
        uid = found(cluster)["metadata"]["uid"]
        [pod] = running(cluster)
        labels = pod["metadata"]["labels"]
        for prefix in ("", "batch.kubernetes.io/"):
            assert labels[f"{prefix}job-name"] == "j"
            assert labels[f"{prefix}controller-uid"] == uid
        assert pod["metadata"]["finalizers"] == [FINALIZER]
        assert pod["metadata"]["ownerReferences"][0]["uid"] == uid
        assert status(cluster)["active"] == status(cluster)["ready"] == 1


async def test_without_completions_one_success_is_enough(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(parallelism=3))
        await cluster.rest()
        assert conditions(cluster)["Complete"][0] == "True"
        assert status(cluster)["succeeded"] == 3


async def test_indexed_pods_know_their_index(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(completions=4, parallelism=3, completionMode="Indexed"))
        await cluster.rest()
        assert status(cluster)["completedIndexes"] == "0-3"
        assert status(cluster)["succeeded"] == 4
        assert indexes(pods(cluster)) == ["0", "1", "2", "3"]
        for pod in pods(cluster):
            index = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
            assert pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == index
            assert pod["metadata"]["name"].startswith(f"j-{index}-")
            assert pod["spec"]["hostname"] == f"j-{index}"
            [variable] = pod["spec"]["containers"][0]["env"]
            assert variable["name"] == "JOB_COMPLETION_INDEX"
            path = variable["valueFrom"]["fieldRef"]["fieldPath"]
            assert path == "metadata.labels['batch.kubernetes.io/job-completion-index']"


async def test_an_index_that_fails_is_run_again(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(
            job(completions=2, parallelism=2, completionMode="Indexed", annotations=FAILING)
        )
        assert await cluster.until(lambda: status(cluster).get("failed") == 2)
        # Two failures are a pause of twice the first one's.
        assert await cluster.until(lambda: len(pods(cluster)) >= 3, 25.0)
        assert cluster.seconds >= 20


async def test_it_gives_up_after_too_many_failures(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(backoffLimit=2, annotations=FAILING))
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        exceeded = ("True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        assert conditions(cluster) == {"FailureTarget": exceeded, "Failed": exceeded}
        assert status(cluster)["failed"] == 3
        # 10 s after the first failure, 20 s after the second
        assert 30 <= cluster.seconds < 35
        await cluster.rest()
        assert ("Warning", *exceeded[1:]) in events(cluster)
        assert "completionTime" not in status(cluster)


async def test_restarts_in_place_count_as_failures(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = job(backoffLimit=2, annotations=FAILING)
        made["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
        await cluster.apply(made)
        await cluster.until(lambda: "Failed" in conditions(cluster), 500.0)
        assert conditions(cluster)["Failed"][1] == "BackoffLimitExceeded"
        await cluster.rest()
        assert running(cluster) == []


async def test_what_still_runs_when_it_fails_is_taken_away(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = job(annotations=FOREVER, activeDeadlineSeconds=30, completions=2, parallelism=2)
        await cluster.apply(made)
        assert await cluster.until(lambda: len(running(cluster)) == 2)
        await cluster.until(lambda: "FailureTarget" in conditions(cluster))
        assert 29 <= cluster.seconds <= 31
        await cluster.rest()
        late = ("True", "DeadlineExceeded", "Job was active longer than specified deadline")
        assert conditions(cluster)["Failed"] == late
        assert status(cluster)["failed"] == 2
        assert "active" not in status(cluster)
        assert pods(cluster) == []


async def test_a_suspended_job_sleeps_and_wakes(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER, suspend=True, activeDeadlineSeconds=1000))
        await cluster.rest()
        assert pods(cluster) == []
        assert "startTime" not in status(cluster)
        assert conditions(cluster) == {"Suspended": ("True", "JobSuspended", "Job suspended")}
        await cluster.client.patch(JOBS, "j", {"spec": {"suspend": False}}, "default")
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        assert conditions(cluster) == {"Suspended": ("False", "JobResumed", "Job resumed")}
        assert status(cluster)["startTime"]
        await cluster.client.patch(JOBS, "j", {"spec": {"suspend": True}}, "default")
        await cluster.rest()
        assert pods(cluster) == []
        assert "failed" not in status(cluster) and "startTime" not in status(cluster)
        reasons = [reason for _, reason, _ in events(cluster)]
        assert [one for one in reasons if one.startswith(("S", "R"))] == [
            "Suspended",
            "SuccessfulCreate",
            "Resumed",
            "SuccessfulDelete",
        ]


async def test_where_pods_go_may_be_said_while_it_sleeps(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER, suspend=True))
        await cluster.rest()
        place = {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}
        await cluster.client.patch(JOBS, "j", place, "default")
        await cluster.client.patch(JOBS, "j", {"spec": {"suspend": False}}, "default")
        await cluster.rest()
        assert pods(cluster)[0]["spec"]["nodeSelector"] == {"a": "b"}
        other = {"spec": {"template": {"spec": {"nodeSelector": {"a": "c"}}}}}
        with pytest.raises(Invalid, match=r"spec.template: .*field is immutable"):
            await cluster.client.patch(JOBS, "j", other, "default")


async def test_fewer_pods_are_asked_for(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER, completions=5, parallelism=4))
        assert await cluster.until(lambda: len(running(cluster)) == 4)
        await cluster.client.patch(JOBS, "j", {"spec": {"parallelism": 1}}, "default")
        await cluster.rest()
        assert len(pods(cluster)) == 1
        assert status(cluster)["active"] == 1
        assert "failed" not in status(cluster)


async def test_indexed_jobs_grow_and_shrink(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        made = job(annotations=FOREVER, completions=2, parallelism=2, completionMode="Indexed")
        await cluster.apply(made)
        assert await cluster.until(lambda: len(running(cluster)) == 2)
        for size in (4, 1):
            spec = {"spec": {"completions": size, "parallelism": size}}
            await cluster.client.patch(JOBS, "j", spec, "default")
            await cluster.rest()
            assert indexes(running(cluster)) == [str(index) for index in range(size)]
        assert "failed" not in status(cluster)


async def test_a_pod_that_is_deleted_counts_as_failed_and_is_replaced(
    autojump_clock: object,
) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations={**FOREVER, "stop-delay": "20s"}))
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        victim = running(cluster)[0]["metadata"]["name"]
        before = cluster.seconds
        await cluster.client.delete(PODS, victim, "default")
        # The pause after a failure comes first; the old pod is still on its way out then.
        assert await cluster.until(lambda: len(pods(cluster)) == 2, 15.0)
        assert cluster.seconds - before < 15
        await cluster.rest()
        assert status(cluster)["failed"] == 1
        assert len(pods(cluster)) == len(running(cluster)) == 1


async def test_only_failed_pods_are_replaced_where_that_is_asked_for(
    autojump_clock: object,
) -> None:
    async with sim.cluster() as cluster:
        told = {**FOREVER, "stop-delay": "20s", "stop-code": "143"}
        await cluster.apply(job(annotations=told, podReplacementPolicy="Failed"))
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        victim = running(cluster)[0]["metadata"]["name"]
        await cluster.client.delete(PODS, victim, "default")
        assert await cluster.until(lambda: status(cluster).get("terminating") == 1)
        assert "active" not in status(cluster)
        assert not await cluster.until(lambda: len(pods(cluster)) == 2, 15.0)
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        await cluster.rest()
        assert status(cluster)["terminating"] == 0


async def test_orphans_are_adopted_and_strangers_released(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER))
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        name = running(cluster)[0]["metadata"]["name"]
        await cluster.client.patch(PODS, name, {"metadata": {"ownerReferences": None}}, "default")
        await cluster.rest()
        [pod] = pods(cluster)
        assert pod["metadata"]["name"] == name
        assert pod["metadata"]["ownerReferences"][0]["name"] == "j"
        assert pod["metadata"]["finalizers"] == [FINALIZER]
        await cluster.client.patch(PODS, name, {"metadata": {"labels": None}}, "default")
        await cluster.rest()
        [released] = [pod for pod in pods(cluster) if pod["metadata"]["name"] == name]
        assert "ownerReferences" not in released["metadata"]
        assert "finalizers" not in released["metadata"]
        assert len(pods(cluster)) == 2


async def test_pods_of_a_job_that_is_gone_are_freed(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(annotations=FOREVER))
        assert await cluster.until(lambda: len(running(cluster)) == 1)
        await cluster.client.delete(JOBS, "j", "default", {"propagationPolicy": "Orphan"})
        await cluster.rest()
        [pod] = running(cluster)
        assert "finalizers" not in pod["metadata"]
        assert "ownerReferences" not in pod["metadata"]


async def test_a_job_is_deleted_with_its_pods(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        for policy in ("Background", "Foreground"):
            await cluster.apply(job(annotations=FOREVER, parallelism=2))
            assert await cluster.until(lambda: len(running(cluster)) == 2)
            await cluster.client.delete(JOBS, "j", "default", {"propagationPolicy": policy})
            await cluster.rest()
            assert cluster.objects(JOBS) == pods(cluster) == []


async def test_another_controllers_job_is_left_alone(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(managedBy="example.com/queue"))
        await cluster.rest()
        assert pods(cluster) == []
        assert status(cluster) == {}
