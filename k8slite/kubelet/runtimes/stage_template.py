"""The templates of KWOK's Stages, filled in (pure).

Functions beside those of `go_template`: Now, StartTime, Version, YAML, NodeIP, NodeIPWith,
NodeName, NodePort, PodIP, PodIPWith, NodeConditions. What a patch says to its server alone
(`$setElementOrder`) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from k8slite.kubelet.runtimes.go_template import TemplateError, rendered
from k8slite.kubelet.runtimes.stage_reading import Unsupported

Json = dict[str, Any]

_ANY_ADDRESS: Final = "0.0.0.0"
VERSION: Final = "v0.8.0"  # the release of KWOK whose Stages these are


def text(template: str, obj: Json, now: str, stage: str) -> str:
    """A template's text. Raises Unsupported, which names the Stage."""
    try:
        return rendered(template, obj, _functions(obj, now))
    except TemplateError as error:
        raise Unsupported(f"Stage {stage}: {error}") from None


def patched(patch: Mapping[str, Any], obj: Json, now: str, stage: str) -> Json:
    """The status of an object that a Stage patches; upstream's `merge` and `strategic`.

    Raises Unsupported, which names the Stage.
    """
    from ruamel.yaml import YAML  # whoever has no Stages pays nothing for it
    from ruamel.yaml.error import YAMLError

    filled = text(patch.get("template") or "", obj, now, stage)
    try:
        found = YAML(typ="safe", pure=True).load(filled)
    except YAMLError as error:
        raise Unsupported(f"Stage {stage}: its status is no YAML: {error}") from None
    if not isinstance(found or {}, Mapping):
        raise Unsupported(f"Stage {stage}: its status is no object: {found}")
    new = {key: value for key, value in (found or {}).items() if not key.startswith("$")}
    old = obj.get("status") or {}
    if patch.get("type") != "merge" and old.get("conditions") and new.get("conditions"):
        new["conditions"] = _merged(old["conditions"], new["conditions"])
    return {**old, **new}


def _merged(old: list[Json], new: list[Json]) -> list[Json]:
    """Conditions by their types."""
    kept = {one.get("type"): one for one in old}
    for one in new:
        kept[one.get("type")] = {**kept.get(one.get("type"), {}), **one}
    return list(kept.values())


def _functions(obj: Json, now: str) -> dict[str, Any]:
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    return {
        "Now": lambda: now,
        "StartTime": lambda: now,
        "Version": lambda: VERSION,
        "YAML": _yaml,
        "NodeIP": lambda *_: status.get("hostIP") or _ANY_ADDRESS,
        "NodeIPWith": lambda *_: status.get("hostIP") or _ANY_ADDRESS,
        "NodeName": lambda *_: spec.get("nodeName") or "",
        "NodePort": lambda *_: 10250,
        "PodIP": lambda *_: status.get("podIP") or _ANY_ADDRESS,
        "PodIPWith": lambda *_: status.get("podIP") or _ANY_ADDRESS,
        "NodeConditions": lambda: [
            {"type": kind, "status": status, "reason": reason, "message": message}
            for kind, status, reason, message in _NODE_CONDITIONS
        ],
    }


def _yaml(value: Any, indent: int = 0) -> str:
    from ruamel.yaml import YAML

    out = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(value, out)
    if indent <= 0:
        return out.getvalue()
    return f"\n{out.getvalue()}".replace("\n", "\n" + "  " * indent)


# As every node tells them.
_NODE_CONDITIONS: Final = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
)
