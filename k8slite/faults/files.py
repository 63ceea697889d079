"""Plans in files: YAML or JSON, a list of faults, or a replay that the fuzzer has saved."""

from __future__ import annotations

from typing import Any

from k8slite.faults.plan import Plan


def read_plan(text: str | bytes) -> Plan:
    """The plan that a file holds. Raises ValueError, which says what is wrong with it."""
    from ruamel.yaml import YAML  # only who has a plan pays for it
    from ruamel.yaml.error import YAMLError

    try:
        found: Any = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}") from None
    if isinstance(found, dict) and "plan" in found:
        found = found["plan"]
    return Plan.load(found if found is not None else [])
