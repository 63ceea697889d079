"""What users name on a command line: scenarios and controllers, as "package.module:Class"."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8slite.sim.scenario import Scenario


class UnknownName(Exception):
    """There is nothing of that name, or something else; the text says why."""


def imported(name: str) -> Any:
    """What has that name; the current folder can be imported from. Raises UnknownName."""
    module_name, colon, attribute = name.partition(":")
    if not module_name or not colon or not attribute:
        raise UnknownName(f"{name!r} is not of the form MODULE:NAME")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise UnknownName(f"there is no module {error.name}") from None
    except AttributeError:
        raise UnknownName(f"module {module_name} has no {attribute}") from None


def scenario(name: str) -> Scenario:
    """Import and make one. Raises UnknownName."""
    from k8slite.sim.scenario import Scenario  # who runs a controller needs no simulator

    found = imported(name)
    if isinstance(found, type) and issubclass(found, Scenario):
        return found()
    if isinstance(found, Scenario):
        return found
    raise UnknownName(f"{name} is no k8slite.sim.scenario.Scenario")


def name_of(one: Scenario) -> str:
    """The name by which a scenario is found again."""
    return f"{type(one).__module__}:{type(one).__qualname__}"
