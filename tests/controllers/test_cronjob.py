"""CronJobs on a whole cluster, whose clock stands at 2026-01-01T00:00:20Z when it is at rest."""

from datetime import datetime
from typing import Any

from k8slite import sim
from k8slite.client.resource import CRON_JOBS, JOBS
from k8slite.sim.simulation import Simulation
from tests.controllers.job_cluster import events, job

Json = dict[str, Any]


def cron_job(schedule: str = "* * * * *", annotations: Json | None = None, **spec: Any) -> Json:
    template = {"spec": job(annotations=annotations)["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


def jobs(cluster: Simulation) -> list[Json]:
    return cluster.objects(JOBS)


def status(cluster: Simulation) -> Json:
    [found] = cluster.objects(CRON_JOBS)
    told: Json = found.get("status") or {}
    return told


def told(cluster: Simulation) -> list[tuple[str, str]]:
    return [(reason, message) for _, reason, message in events(cluster, "CronJob")]


async def passing(cluster: Simulation, seconds: float = 1.0) -> None:
    """Time goes by."""
    await cluster.until(lambda: False, seconds)


def minute_of(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60


async def test_a_job_each_minute(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job())
        assert await cluster.until(lambda: len(jobs(cluster)) == 2)
        assert 99 < cluster.seconds < 102
        await passing(cluster)
        names = [one["metadata"]["name"] for one in jobs(cluster)]
        minute = minute_of("2026-01-01T00:01:00Z")
        assert names == [f"c-{minute}", f"c-{minute + 1}"]
        first = jobs(cluster)[0]["metadata"]
        scheduled = "batch.kubernetes.io/cronjob-scheduled-timestamp"
        assert first["annotations"][scheduled] == "2026-01-01T00:01:00Z"
        [owner] = first["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "c", True)
        found = status(cluster)
        assert found["lastScheduleTime"] == "2026-01-01T00:02:00Z"
        assert found["lastSuccessfulTime"] == "2026-01-01T00:02:00Z"
        assert ("SuccessfulCreate", f"Created job {names[0]}") in told(cluster)
        saw = f"Saw completed job: {names[0]}, condition: Complete"
        assert ("SawCompletedJob", saw) in told(cluster)


async def test_what_runs_is_active(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job(annotations={"exit-after": "150s"}))
        assert await cluster.until(lambda: len(status(cluster).get("active", ())) == 2)
        [first, second] = status(cluster)["active"]
        assert first["kind"] == second["kind"] == "Job"
        assert [first["uid"], second["uid"]] == [one["metadata"]["uid"] for one in jobs(cluster)]


async def test_one_at_a_time(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        long = {"exit-after": "90s"}
        await cluster.apply(cron_job(annotations=long, concurrencyPolicy="Forbid"))
        assert await cluster.until(lambda: len(jobs(cluster)) == 1)
        assert await cluster.until(
            lambda: any(reason == "JobAlreadyActive" for reason, _ in told(cluster))
        )
        assert len(jobs(cluster)) == 1
        assert await cluster.until(lambda: len(jobs(cluster)) == 2)
        # The second minute was missed; the next Job is for the last that was.
        assert jobs(cluster)[1]["metadata"]["name"].endswith(str(minute_of("2026-01-01T00:02:00Z")))


async def test_the_last_one_replaces_the_others(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        forever = {"exit-code": "never"}
        await cluster.apply(cron_job(annotations=forever, concurrencyPolicy="Replace"))
        assert await cluster.until(lambda: len(jobs(cluster)) == 1)
        first = jobs(cluster)[0]["metadata"]["name"]
        assert await cluster.until(
            lambda: [one["metadata"]["name"] for one in jobs(cluster)] not in ([first], [])
        )
        await passing(cluster)
        assert len(jobs(cluster)) == len(status(cluster)["active"]) == 1
        assert ("SuccessfulDelete", f"Deleted job {first}") in told(cluster)


async def test_nothing_starts_while_it_is_suspended(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job(suspend=True))
        assert not await cluster.until(lambda: bool(jobs(cluster)), 300.0)
        await cluster.client.patch(CRON_JOBS, "c", {"spec": {"suspend": False}}, "default")
        assert await cluster.until(lambda: bool(jobs(cluster)), 5.0)


async def test_times_that_are_too_long_ago_are_skipped(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job("0 * * * *", suspend=True, startingDeadlineSeconds=600))
        await passing(cluster, 3600.0 + 1200.0)
        await cluster.client.patch(CRON_JOBS, "c", {"spec": {"suspend": False}}, "default")
        assert not await cluster.until(lambda: bool(jobs(cluster)), 1000.0)
        assert await cluster.until(lambda: bool(jobs(cluster)), 3600.0)
        made = jobs(cluster)[0]["metadata"]["name"]
        assert made.endswith(str(minute_of("2026-01-01T02:00:00Z")))


async def test_too_many_missed_times_are_told_and_the_last_made_up_for(
    autojump_clock: object,
) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job(suspend=True))
        await passing(cluster, 3 * 3600.0)
        await cluster.client.patch(CRON_JOBS, "c", {"spec": {"suspend": False}}, "default")
        assert await cluster.until(lambda: bool(jobs(cluster)), 5.0)
        await passing(cluster, 5.0)
        message = (
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
            "clock skew"
        )
        assert ("TooManyMissedTimes", message) in told(cluster)
        assert len(jobs(cluster)) == 1


async def test_history_is_limited(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        limits = {"successfulJobsHistoryLimit": 2, "failedJobsHistoryLimit": 0}
        await cluster.apply(cron_job(**limits))
        last = "2026-01-01T00:05:00Z"
        assert await cluster.until(lambda: status(cluster).get("lastSuccessfulTime") == last, 400.0)
        await passing(cluster, 5.0)
        minutes = [int(one["metadata"]["name"].rpartition("-")[2]) for one in jobs(cluster)]
        assert minutes == [minute_of(last) - 1, minute_of(last)]


async def test_another_zones_noon(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job("0 6 * * *", timeZone="Asia/Kolkata"))
        assert await cluster.until(lambda: bool(jobs(cluster)), 3600.0)
        await passing(cluster)
        metadata = jobs(cluster)[0]["metadata"]
        scheduled = metadata["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        assert scheduled == "2026-01-01T06:00:00+05:30"
        assert status(cluster)["lastScheduleTime"] == "2026-01-01T00:30:00Z"


async def test_a_new_schedule_makes_up_for_nothing(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job("0 12 * * *"))
        await passing(cluster, 900.0)  # 00:15:20
        often = {"spec": {"schedule": "*/10 * * * *"}}
        await cluster.client.patch(CRON_JOBS, "c", often, "default")
        assert not await cluster.until(lambda: bool(jobs(cluster)), 200.0)
        assert await cluster.until(lambda: bool(jobs(cluster)), 100.0)
        await passing(cluster)
        assert status(cluster)["lastScheduleTime"] == "2026-01-01T00:20:00Z"


async def test_a_job_that_is_deleted_is_missed(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job("1 * * * *", annotations={"exit-code": "never"}))
        assert await cluster.until(lambda: bool(status(cluster).get("active")))
        name = jobs(cluster)[0]["metadata"]["name"]
        await cluster.client.delete(JOBS, name, "default", {"propagationPolicy": "Background"})
        assert await cluster.until(lambda: not status(cluster).get("active"))
        await cluster.rest()
        assert ("MissingJob", f"Active job went missing: {name}") in told(cluster)
        assert jobs(cluster) == []


async def test_its_jobs_go_with_it(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(cron_job())
        assert await cluster.until(lambda: bool(jobs(cluster)))
        await cluster.client.delete(CRON_JOBS, "c", "default")
        await cluster.rest()
        assert jobs(cluster) == []
