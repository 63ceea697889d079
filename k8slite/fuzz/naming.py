"""Scenarios by name, as they are given on a command line: "package.module:Class"."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from k8slite.sim.scenario import Scenario


class UnknownScenario(Exception):
    """There is no such scenario; the text says why."""


def scenario(name: str) -> Scenario:
    """Import and make one; the current folder can be imported from. Raises UnknownScenario."""
    module_name, colon, attribute = name.partition(":")
    if not module_name or not colon or not attribute:
        raise UnknownScenario(f"{name!r} is not of the form MODULE:SCENARIO")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise UnknownScenario(f"there is no module {error.name}") from None
    except AttributeError:
        raise UnknownScenario(f"module {module_name} has no {attribute}") from None
    if isinstance(found, type) and issubclass(found, Scenario):
        return found()
    if isinstance(found, Scenario):
        return found
    raise UnknownScenario(f"{name} is no k8slite.sim.scenario.Scenario")


def name_of(one: Scenario) -> str:
    """The name by which a scenario is found again."""
    return f"{type(one).__module__}:{type(one).__qualname__}"
