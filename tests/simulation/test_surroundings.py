"""Pods of simulations find what they refer to, though nobody signs tokens there."""

from k8slite import sim
from k8slite.client.resource import CONFIG_MAPS, JOBS
from k8slite.objects.meta import has_condition
from tests.simulation.scenarios_surroundings import job


async def test_a_pod_runs_what_is_written_in_it(autojump_clock: object) -> None:
    async with sim.cluster(nodes=1) as cluster:
        settings = {"metadata": {"name": "settings"}, "data": {"color": "blue"}}
        await cluster.client.create(CONFIG_MAPS, settings, "default")
        await cluster.apply(job())
        assert await cluster.until(lambda: has_condition(cluster.objects(JOBS)[0], "Complete"))
