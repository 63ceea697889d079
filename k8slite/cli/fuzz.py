"""`k8slite fuzz`: look for the faults that break a scenario, or play a finding again."""

from __future__ import annotations

import argparse
import logging
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from k8slite.cli.place import Complaint

if TYPE_CHECKING:
    from k8slite.fuzz.search import Finding, Progress
    from k8slite.sim.scenario import Scenario

_TELL_SECONDS: Final = 0.2  # between two states of the progress bar
_BAR_WIDTH: Final = 24
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `fuzz` takes."""
    parser.add_argument("scenario", nargs="?", metavar="MODULE:SCENARIO")
    parser.add_argument("--budget", default="60s", help="how long to search (default: 60s)")
    parser.add_argument("--seed", type=int, default=0, help="of what is tried by chance")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    parser.add_argument("--faults", default="", help="only these kinds, as in crash,stale")
    parser.add_argument("--save", type=Path, metavar="FILE", help="where a finding goes")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play a finding again")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the run as a page")
    parser.add_argument("--verbose", action="store_true", help="tell all that happened")


def run(parsed: argparse.Namespace) -> int:
    """Search, or replay; 1 where something broke."""
    if (parsed.replay is None) == (parsed.scenario is None):
        raise Complaint("give either MODULE:SCENARIO or --replay FILE")
    return _replay(parsed) if parsed.replay is not None else _search(parsed)


def _search(parsed: argparse.Namespace) -> int:
    from k8slite.fuzz.naming import UnknownName, name_of, scenario
    from k8slite.fuzz.replay import Replay, save
    from k8slite.fuzz.search import NotReproducible, search
    from k8slite.fuzz.workers import PreparationFailed

    try:
        wanted = scenario(parsed.scenario)
        report = search(
            wanted,
            budget_seconds=_seconds(parsed.budget),
            seed=parsed.seed,
            jobs=parsed.jobs,
            faults=[one for one in parsed.faults.split(",") if one],
            tell=_Bar().tell,
        )
    except (UnknownName, NotReproducible, ValueError) as error:
        raise Complaint(str(error)) from None
    except PreparationFailed as error:
        raise Complaint(f"the scenario could not be prepared:\n{error}") from None
    pace = report.plans / max(report.seconds, 0.001)
    print(f"\r\033[K{report.plans} runs in {report.seconds:.1f} s ({pace:.0f} runs/s)", end="")
    if report.finding is None:
        left = "" if report.complete else "; not every single fault was tried"
        print(f": no invariant broke{left}")
        return 0
    print(": an invariant broke\n")
    finding = report.finding
    path = parsed.save or Path(f"{type(wanted).__name__}.replay.json")
    save(path, Replay(name_of(wanted), finding.order, finding.violation, finding.digest))
    _tell(parsed, wanted, finding)
    print(f"\nsaved; to play it again: k8slite fuzz --replay {path}")
    return 1


def _tell(parsed: argparse.Namespace, wanted: Scenario, finding: Finding) -> None:
    if finding.error:
        print(finding.error, file=sys.stderr)
    from k8slite.sim.outcome import Record
    from k8slite.sim.scenario import play_once

    logging.disable(logging.CRITICAL)
    record = Record(finding.order, wanted.title())
    _print(parsed, record, play_once(wanted, finding.order, record))


def _replay(parsed: argparse.Namespace) -> int:
    from k8slite.fuzz.naming import UnknownName, scenario
    from k8slite.fuzz.replay import BadReplay, load
    from k8slite.sim.outcome import Record
    from k8slite.sim.scenario import play_once

    try:
        replay = load(parsed.replay)
        wanted = scenario(replay.scenario)
    except (OSError, BadReplay, UnknownName) as error:
        raise Complaint(str(error)) from None
    logging.disable(logging.CRITICAL)
    record = Record(replay.order, wanted.title())
    outcome = play_once(wanted, replay.order, record)
    _print(parsed, record, outcome)
    if replay.digest:
        same = outcome.digest == replay.digest
        print("the same run, bit for bit" if same else "NOT the run that was saved")
    return 1 if outcome.violations or outcome.error else 0


def _print(parsed: argparse.Namespace, record: object, outcome: object) -> None:
    from k8slite.sim.outcome import Outcome, Record
    from k8slite.sim.story import story

    assert isinstance(record, Record) and isinstance(outcome, Outcome)
    print(story(record, outcome, verbose=parsed.verbose))
    if parsed.html is not None:
        from k8slite.sim.timeline import timeline

        parsed.html.write_text(timeline(record, outcome))
        print(f"{parsed.html} shows it in a browser")


class _Bar:
    """One line at the terminal that says how far a search is."""

    def __init__(self) -> None:
        self._told_seconds = 0.0
        self._shown = sys.stdout.isatty()

    def tell(self, progress: Progress) -> None:
        """Called after each run."""
        now = time.monotonic()
        if not self._shown or now < self._told_seconds + _TELL_SECONDS:
            return
        self._told_seconds = now
        share = progress.points / progress.points_in_all if progress.points_in_all else 0.0
        bar = ("#" * round(share * _BAR_WIDTH)).ljust(_BAR_WIDTH)
        print(
            f"\r\033[K[{bar}] {progress.points}/{progress.points_in_all} points, "
            f"{progress.plans} runs, {progress.plans_per_second:.0f} runs/s, {progress.phase}",
            end="",
            flush=True,
        )


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if found is None:
        raise Complaint(f"--budget {text} is not a time like 60s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]
