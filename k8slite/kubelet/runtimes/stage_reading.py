"""What a Stage of KWOK says, in whichever of its forms (pure).

A Stage has `steps`, or what was there before them, `next`; an expression stands by itself
(`key`, `expressionFrom`) or under `jq` (`jq.key`, `jq.expression`). Upstream: the conversion of
v1alpha1 to the internal version.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kubelet.runtimes.jq_path import parts
from k8slite.kubelet.runtimes.stage_expressions import expressions, source

Json = dict[str, Any]

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_PATCH_TYPES: Final = ("merge", "strategic")
_OF_A_STEP: Final = frozenset(("event", "finalizers", "delete", "patch"))


class Unsupported(ValueError):
    """A Stage says something that cannot be played here; the text tells what."""


def steps(stage: Json) -> list[Json]:
    """What it does, one after the other: each has `event`, `finalizers`, `delete` or `patch`."""
    spec = stage.get("spec") or {}
    if spec.get("steps"):
        return [step or {} for step in spec["steps"]]
    then = spec.get("next") or {}
    found: list[Json] = [{name: then[name]} for name in ("event", "finalizers") if then.get(name)]
    if then.get("delete"):
        return [*found, {"delete": True}]
    found += [{"patch": one} for one in then.get("patches") or ()]
    if then.get("statusTemplate"):
        patch = {"root": "status", "template": then["statusTemplate"]}
        patch["subresource"] = then.get("statusSubresource") or "status"
        found.append({"patch": patch})
    return found


def check(stage: Json) -> None:
    """Raises Unsupported for a Stage that is not played."""
    name, spec = stage["metadata"].get("name", ""), stage.get("spec") or {}
    for step in steps(stage):
        _check_step(step, name)
    try:
        for one in expressions(spec):
            parts(str(one.get("key")))
            if one.get("operator") not in OPERATORS:
                raise ValueError(f"operator {one.get('operator')} is not known")
        delay = spec.get("delay") or {}
        for holder, word in ((delay, "duration"), (delay, "jitterDuration"), (spec, "weight")):
            if holder.get(f"{word}From"):
                parts(str(source(holder, word)))
    except ValueError as error:
        raise Unsupported(f"Stage {name}: {error}") from None


def _check_step(step: Json, name: str) -> None:
    for word in step:
        if word not in _OF_A_STEP:
            raise Unsupported(f"Stage {name}: steps with {word} are not played")
    event = step.get("event") or {}
    if event.get("type") not in (None, "", "Normal", "Warning"):
        raise Unsupported(f"Stage {name}: an event is Normal or Warning, not {event['type']}")
    patch = step.get("patch")
    if patch is None:
        return
    if patch.get("root") != "status" or patch.get("subresource") != "status":
        raise Unsupported(f"Stage {name}: patches are played for the status alone")
    if patch.get("type") not in (None, "", *_PATCH_TYPES):
        raise Unsupported(f"Stage {name}: a patch of type {patch['type']} is not played")
    if patch.get("impersonation"):
        raise Unsupported(f"Stage {name}: a patch in somebody else's name is not played")
