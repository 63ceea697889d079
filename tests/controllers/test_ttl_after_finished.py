"""Jobs that are deleted some time after their end."""

from k8slite import sim
from k8slite.client.resource import JOBS
from tests.controllers.job_cluster import conditions, job, pods


async def test_a_job_goes_when_its_time_is_over(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(ttlSecondsAfterFinished=60))
        await cluster.apply(job("other"))
        assert await cluster.until(lambda: "Complete" in conditions(cluster))
        assert await cluster.until(lambda: len(cluster.objects(JOBS)) == 1)
        assert 59 <= cluster.seconds <= 62
        await cluster.rest()
        assert [pod["metadata"]["labels"]["job-name"] for pod in pods(cluster)] == ["other"]


async def test_a_job_that_failed_goes_too(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        failing = {"exit-code": "1"}
        await cluster.apply(job(ttlSecondsAfterFinished=0, backoffLimit=0, annotations=failing))
        await cluster.rest()
        assert cluster.objects(JOBS) == pods(cluster) == []


async def test_its_time_may_be_prolonged(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await cluster.apply(job(ttlSecondsAfterFinished=60))
        assert await cluster.until(lambda: "Complete" in conditions(cluster))
        longer = {"spec": {"ttlSecondsAfterFinished": 600}}
        await cluster.client.patch(JOBS, "j", longer, "default")
        assert not await cluster.until(lambda: not cluster.objects(JOBS), 500.0)
        assert await cluster.until(lambda: not cluster.objects(JOBS), 200.0)
