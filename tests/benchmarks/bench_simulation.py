"""The simulator: whole-cluster runs a second, a day of an idle cluster, an hour of many nodes."""

from __future__ import annotations

import logging
import statistics
import time
from typing import Any

import trio

from k8slite.client.resource import DEPLOYMENTS
from k8slite.cluster import Settings
from k8slite.fuzz.workers import play_all, workers
from k8slite.sim.outcome import Order
from k8slite.sim.run import run
from k8slite.sim.simulation import Simulation, running
from k8slite.sim.world import SimulatedWorld
from tests.benchmarks.figure import show
from tests.simulation.scenarios import Web, deployment


def main(*, short: bool = False) -> None:
    logging.disable(logging.CRITICAL)
    try:
        _runs(60 if short else 400)
        _idle_day(hours=1 if short else 24, nodes=10, pods=100)
        _many_nodes(nodes=100 if short else 5000, minutes=5 if short else 60)
    finally:
        logging.disable(logging.NOTSET)


def _runs(count: int) -> None:
    paces = []
    with workers(Web(), 2) as pool:
        list(play_all(pool, [Order(), Order()]))
        for _ in range(3):
            began = time.perf_counter()
            played = list(play_all(pool, (Order(seed=seed) for seed in range(count // 3))))
            paces.append(len(played) / (time.perf_counter() - began))
    show("sim_cluster_runs", statistics.median(paces), "runs/s", goal=100.0, processes=2)


def _idle_day(*, hours: int, nodes: int, pods: int) -> None:
    async def live(world: SimulatedWorld) -> float:
        simulation = Simulation(world, Settings(nodes=nodes), checks=())
        async with running(simulation):
            await simulation.client.create(DEPLOYMENTS, deployment("web", pods), "default")
            await simulation.rest()
            began = time.perf_counter()
            await trio.sleep(hours * 3600.0)
            return time.perf_counter() - began

    took = run(live)
    show("sim_idle_day", took * 24 / hours, "s", goal=10.0, nodes=nodes, pods=pods, hours=hours)


def _many_nodes(*, nodes: int, minutes: int) -> None:
    async def live(world: SimulatedWorld) -> float:
        simulation = Simulation(world, Settings(nodes=nodes), checks=())
        async with running(simulation):
            began = time.perf_counter()
            await trio.sleep(minutes * 60.0)
            return time.perf_counter() - began

    took = run(live)
    scale = 60 / minutes * 5000 / nodes
    more: dict[str, Any] = {"nodes": nodes, "minutes": minutes}
    show("sim_5000_nodes_hour", took * scale, "s", goal=60.0, **more)
