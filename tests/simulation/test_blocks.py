"""A simulated cluster inside a test of one's own."""

import pytest
import trio

import k8slite
from k8slite import sim
from k8slite.faults.plan import Crash, CrashStore, Plan
from k8slite.objects import codec
from k8slite.sim.simulation import Simulation
from tests.simulation.scenarios import deployment

NO_FAULTS = Plan()


async def three_pods(seed: int = 7, plan: Plan = NO_FAULTS) -> tuple[str, list[str]]:
    async with sim.cluster(seed=seed, nodes=3, plan=plan) as cluster:
        await cluster.apply(deployment("web", 3))
        assert await cluster.rest()
        phases = [pod["status"]["phase"] for pod in cluster.objects(k8slite.PODS)]
        return cluster.outcome().digest, phases


async def test_a_cluster_in_a_block(autojump_clock: object) -> None:
    _, phases = await three_pods()
    assert phases == ["Running"] * 3


def test_the_same_seed_makes_the_same_commits() -> None:
    def play(seed: int) -> str:
        clock = trio.testing.MockClock(autojump_threshold=0)
        return trio.run(three_pods, seed, clock=clock)[0]

    assert play(7) == play(7)
    assert len({play(seed) for seed in (7, 8, 9)}) == 3


async def test_faults_strike(autojump_clock: object) -> None:
    plan = Plan((Crash("kube-controller-manager", 2),))
    async with sim.cluster(seed=1, plan=plan) as cluster:
        await cluster.apply(deployment("web", 3))
        assert await cluster.rest()
        assert cluster.outcome().struck == 1
        assert len(cluster.objects(k8slite.PODS)) == 3


async def test_real_time_is_refused() -> None:
    with pytest.raises(RuntimeError, match="needs virtual time"):
        async with sim.cluster():
            raise AssertionError("there is no cluster")


async def test_a_failure_of_the_block_stays_what_it_is(autojump_clock: object) -> None:
    with pytest.raises(ZeroDivisionError):
        async with sim.cluster(nodes=0):
            raise ZeroDivisionError


async def break_an_invariant(cluster: Simulation) -> None:
    """A write that no API server would let through: the generation goes back."""
    await cluster.apply(deployment("web", 0))
    await cluster.rest()
    [found] = cluster.objects(k8slite.DEPLOYMENTS)
    broken = {**found, "metadata": {**found["metadata"], "generation": 0}}
    store = cluster.cluster.api.storage.store
    await store.put(
        "apps.deployments/default/web",
        lambda revision: codec.stored(codec.stored_tail(broken), revision),
        expect=None,
    )


async def test_a_broken_invariant_is_told(autojump_clock: object) -> None:
    with pytest.raises(sim.Broken, match="generation"):
        async with sim.cluster(nodes=0) as cluster:
            await break_an_invariant(cluster)
    with pytest.raises(ZeroDivisionError) as failure:
        async with sim.cluster(nodes=0) as cluster:
            await break_an_invariant(cluster)
            raise ZeroDivisionError
    assert "generation" in "".join(failure.value.__notes__)


async def test_watches_end_with_their_server(autojump_clock: object) -> None:
    """Clients of a server that has died know at once, and go on with the next one."""
    async with sim.cluster(seed=1, plan=Plan((CrashStore(3, down_seconds=1.0),))) as cluster:
        await cluster.apply(deployment("web", 3))

        def running() -> bool:
            pods = cluster.objects(k8slite.PODS)
            return [pod["status"]["phase"] for pod in pods] == ["Running"] * 3

        assert await cluster.until(running, seconds=10.0)
        assert cluster.outcome().struck == 1
