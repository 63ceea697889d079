"""Sweeps our own controllers' scenarios: python -m tests.simulation [--plans N] [NAME ...]."""

import argparse
import sys
from pathlib import Path

from k8slite.fuzz.naming import name_of
from k8slite.fuzz.replay import Replay, save
from k8slite.fuzz.search import search
from tests.simulation.swept import SWEPT


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--plans", type=int, default=1500, help="of each scenario, at the most")
    parser.add_argument("--seconds", type=float, default=3600.0, help="for each scenario")
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    known = [scenario.__name__ for scenario in SWEPT]
    for name in parsed.names:
        if name not in known:
            parser.error(f"{name} is none of {', '.join(known)}")
    failed, plans, seconds = 0, 0, 0.0
    for scenario in SWEPT:
        if parsed.names and scenario.__name__ not in parsed.names:
            continue
        report = search(
            scenario(),
            budget_seconds=parsed.seconds,
            plans_most=parsed.plans,
            seed=parsed.seed,
        )
        plans, seconds = plans + report.plans, seconds + report.seconds
        pace = report.plans / report.seconds
        print(f"{scenario.__name__:16} {report.plans:6} runs {pace:6.1f} runs/s", end="  ")
        finding = report.finding
        if finding is None:
            print("no alarm" if report.complete else "no alarm; not every single fault was tried")
        else:
            failed += 1
            path = Path(f"{scenario.__name__}.replay.json")
            save(
                path, Replay(name_of(scenario()), finding.order, finding.violation, finding.digest)
            )
            print(f"BROKEN {finding.violation.invariant}: {finding.violation.message} ({path})")
            print(finding.order.plan.dump(), finding.order.seed, finding.error)
        sys.stdout.flush()
    print(f"{plans} runs in {seconds:.0f} s, {failed} alarms")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
