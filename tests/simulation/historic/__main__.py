"""Finds the historic bugs again: python -m tests.simulation.historic [--twins N] [ID ...]."""

import argparse
import logging
import sys

from k8slite.fuzz.search import search
from k8slite.sim.scenario import play_once
from tests.simulation.historic import bugs

PLANS_MOST = 5_000
SECONDS_MOST = 120.0
FAULTS_MOST = 3  # that a shrunk plan may have


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--twins", type=int, default=100, help="plans that each twin must survive")
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    logging.disable(logging.CRITICAL)
    failed = 0
    print("| bug | plans tried | CPU seconds | faults left | violated | twin |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, module in bugs().items():
        if parsed.ids and name not in parsed.ids:
            continue
        report = search(
            module.Buggy(), plans_most=PLANS_MOST, budget_seconds=SECONDS_MOST, seed=parsed.seed
        )
        finding, left, violated = report.finding, "-", "NOT FOUND"
        if finding is not None:
            again = play_once(module.Buggy(), finding.order)
            left = str(len(finding.order.plan.faults))
            violated = finding.violation.invariant
            if again.digest != finding.digest or not again.violations:
                violated = f"NOT REPLAYED: {violated} {finding.error}"
        twin = search(module.Fixed(), plans_most=parsed.twins, seed=parsed.seed)
        alarm = "clean" if twin.finding is None else f"ALARM {twin.finding}"
        tried = finding.found_after_plans if finding is not None else report.plans
        print(
            f"| {name} | {tried} | {report.cpu_seconds:.1f} | {left} | {violated} "
            f"| {alarm}, {twin.plans} runs |",
            flush=True,
        )
        found = violated[:3] != "NOT" and int(left) <= FAULTS_MOST
        failed += not found or twin.finding is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
