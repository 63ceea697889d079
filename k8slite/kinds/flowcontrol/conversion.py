"""flowcontrol v1beta3 and v1: the same but for what 0 shares mean.

In v1 a priority level may have 0 nominal shares and has 30 where none are given; in v1beta3 0 is
"not given". An annotation carries the difference (upstream: `apis/flowcontrol/v1beta3/conversion`).
"""

from __future__ import annotations

from typing import Final

from k8slite.kinds.kind import Json

PRESERVE_ZERO: Final = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"


def v1beta3_from_stored(obj: Json) -> Json:
    """The priority level as v1beta3 says it: an explicit 0 gets the annotation."""
    limited = (obj.get("spec") or {}).get("limited")
    if limited is None or limited.get("nominalConcurrencyShares") != 0:
        return obj
    annotations = {**(obj["metadata"].get("annotations") or {}), PRESERVE_ZERO: ""}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def v1beta3_to_stored(obj: Json) -> Json:
    """The priority level as v1 says it: 0 without the annotation is left to the default."""
    annotations = dict(obj["metadata"].get("annotations") or {})
    explicit = annotations.pop(PRESERVE_ZERO, None) is not None
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    converted = {**obj, "metadata": metadata}
    spec = obj.get("spec") or {}
    limited = spec.get("limited")
    if limited is not None and not limited.get("nominalConcurrencyShares"):
        shares = {"nominalConcurrencyShares": 0} if explicit else {}
        rest = {k: v for k, v in limited.items() if k != "nominalConcurrencyShares"}
        converted["spec"] = {**spec, "limited": {**rest, **shares}}
    return converted
