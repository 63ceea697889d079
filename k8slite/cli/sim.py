"""`k8slite sim`: run manifests in a simulated cluster, hours in seconds, and tell what happened."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

from k8slite.cli.place import Complaint


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `sim` takes."""
    parser.add_argument("manifests", nargs="*", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("--seed", type=int, default=0, help="orders tasks, feeds chance")
    parser.add_argument("--hours", type=float, default=1.0, help="virtual (default: 1)")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes (default: 3)")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a plan: a JSON list of faults")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the run as a page")
    parser.add_argument("--verbose", action="store_true", help="tell all that happened")


def run(parsed: argparse.Namespace) -> int:
    """Play; 1 where an invariant broke."""
    import json

    import trio

    from k8slite.cluster import Settings
    from k8slite.faults.plan import Plan
    from k8slite.sim.manifests import documents
    from k8slite.sim.outcome import Order, Record
    from k8slite.sim.scenario import Scenario, play_once
    from k8slite.sim.simulation import Simulation
    from k8slite.sim.story import story

    if parsed.nodes < 0 or parsed.hours <= 0:
        raise Complaint("--nodes cannot be negative, and --hours must be more than none")
    try:
        objects = [one for text in _texts(parsed.manifests) for one in documents(text)]
        plan = Plan.load(json.loads(parsed.faults.read_text())) if parsed.faults else Plan()
    except (OSError, ValueError) as error:
        raise Complaint(str(error)) from None
    nodes, seconds = parsed.nodes, parsed.hours * 3600

    class Manifests(Scenario):
        name = "manifests"
        act_seconds = seconds + 1.0

        @classmethod
        def settings(cls) -> Settings:
            return Settings(nodes=nodes)

        async def act(self, sim: Simulation) -> None:
            for obj in objects:
                await sim.apply(obj)
            await trio.sleep_until(sim.began_seconds + seconds)

    logging.disable(logging.CRITICAL)
    order = Order(plan, parsed.seed)
    record = Record(order, Manifests.name)
    began = time.monotonic()
    outcome = play_once(Manifests(), order, record)
    print(story(record, outcome, verbose=parsed.verbose))
    if outcome.error:
        print(outcome.error)
    took = time.monotonic() - began
    print(
        f"{outcome.seconds / 3600:.2f} virtual hours in {took:.1f} s, "
        f"{outcome.counts.commits} commits, digest {outcome.digest[:16]}"
    )
    if parsed.html is not None:
        from k8slite.sim.timeline import timeline

        parsed.html.write_text(timeline(record, outcome))
        print(f"{parsed.html} shows it in a browser")
    return 1 if outcome.violations or outcome.error else 0


def _texts(paths: list[Path]) -> list[str]:
    files: list[Path] = []
    for path in paths:
        found = [*path.glob("*.yaml"), *path.glob("*.yml"), *path.glob("*.json")]
        files += sorted(found) if path.is_dir() else [path]
    return [file.read_text() for file in files]
