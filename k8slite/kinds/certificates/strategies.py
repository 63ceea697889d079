"""How the kinds of group `certificates` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8slite.kinds.certificates.request_validation import (
    validate_decided,
    validate_request,
    validate_signed,
)
from k8slite.kinds.core.status_defaults import empty_status, keep_status
from k8slite.kinds.kind import Strategy
from k8slite.objects.errors import Cause

Json = dict[str, Any]


def _signed(new: Json, old: Json | None) -> list[Cause]:
    assert old is not None, "a status is written of what there is"
    return validate_signed(new, old)


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "certificatesigningrequests": Strategy(
        default=empty_status,
        prepare=keep_status,
        validate=validate_request,
        validate_status=_signed,
        validate_part=validate_decided,
        status=True,
    ),
}
