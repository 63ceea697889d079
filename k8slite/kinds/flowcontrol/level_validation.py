"""PriorityLevelConfigurations (upstream: `pkg/apis/flowcontrol/validation`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from k8slite.kinds.flowcontrol.schema_validation import EXEMPT, validate_conditions
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required

Json = dict[str, Any]

_QUEUES_MOST: Final = 10_000_000
_HASH_BITS: Final = 60  # that a shuffle of queues may use
_KINDS: Final = ("Exempt", "Limited")
_RESPONSES: Final = ("Queue", "Reject")
_SHARE: Final = "must be a non-negative integer"


def validate_priority_level(new: Json, _old: Json | None) -> list[Cause]:
    """A PriorityLevelConfiguration."""
    spec = new.get("spec") or {}
    kind = spec.get("type", "")
    found: list[Cause] = []
    if (new["metadata"].get("name") == EXEMPT) != (kind == "Exempt"):
        what = "type must be 'Exempt' if and only if name is 'exempt'"
        found.append(invalid("spec.type", kind, what))
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if kind == "Exempt":
        if limited is not None:
            found.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        found += _shares(exempt or {}, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            found.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if limited is None:
            found.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            found += _limited(limited, "spec.limited")
    else:
        found.append(not_supported("spec.type", kind, _KINDS))
    return found + validate_conditions(new, None)


def _limited(limited: Json, path: str) -> Iterator[Cause]:
    response = limited.get("limitResponse") or {}
    kind, queuing, at = response.get("type", ""), response.get("queuing"), f"{path}.limitResponse"
    shares = limited.get("nominalConcurrencyShares", 0)
    if shares < 0:
        yield invalid(f"{path}.nominalConcurrencyShares", shares, _SHARE)
    if kind == "Reject":
        if queuing is not None:
            what = "must be nil if limited.limitResponse.type is not Limited"
            yield forbidden(f"{at}.queuing", what)
    elif kind == "Queue":
        if queuing is None:
            what = "must not be empty if limited.limitResponse.type is Limited"
            yield required(f"{at}.queuing", what)
        else:
            yield from _queuing(queuing, f"{at}.queuing")
    else:
        yield not_supported(f"{at}.type", kind, _RESPONSES)
    yield from _lendable(limited, path)
    borrowed = limited.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        what = "if specified, must be a non-negative integer"
        yield invalid(f"{path}.borrowingLimitPercent", borrowed, what)


def _shares(exempt: Json, path: str) -> Iterator[Cause]:
    shares = exempt.get("nominalConcurrencyShares", 0)
    if shares < 0:
        yield invalid(f"{path}.nominalConcurrencyShares", shares, _SHARE)
    yield from _lendable(exempt, path)


def _lendable(part: Json, path: str) -> Iterator[Cause]:
    percent = part.get("lendablePercent", 0)
    if not 0 <= percent <= 100:
        what = "must be between 0 and 100, inclusive"
        yield invalid(f"{path}.lendablePercent", percent, what)


def _queuing(queuing: Json, path: str) -> Iterator[Cause]:
    queues, hand = queuing.get("queues", 0), queuing.get("handSize", 0)
    length = queuing.get("queueLengthLimit", 0)
    if length <= 0:
        yield invalid(f"{path}.queueLengthLimit", length, "must be positive")
    if queues <= 0:
        yield invalid(f"{path}.queues", queues, "must be positive")
    elif queues > _QUEUES_MOST:
        yield invalid(f"{path}.queues", queues, f"must not be greater than {_QUEUES_MOST}")
    if hand <= 0:
        yield invalid(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        what = f"should not be greater than queues ({queues})"
        yield invalid(f"{path}.handSize", hand, what)
    elif _entropy_bits(queues, hand) > _HASH_BITS:
        what = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater "
            f"than {_HASH_BITS}"
        )
        yield invalid(f"{path}.handSize", hand, what)


def _entropy_bits(queues: int, hand: int) -> int:
    """How many bits choose a hand (`shufflesharding.RequiredEntropyBits`)."""
    return math.ceil(math.log2(float(queues)) * hand)
