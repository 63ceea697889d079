"""Quantities: fixed-point numbers with a suffix, such as `500m`, `1.5Gi` or `12e6`.

Nothing here is ever a floating point number. A quantity remembers its kind of suffix (decimal,
binary, exponent) and is written back in canonical form: no fraction, the largest suffix that
loses no precision, at most nine decimal places, rounded away from zero (upstream:
`apimachinery/pkg/api/resource`). All functions raise ValueError in upstream's words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

# How many distinct quantities are remembered: a cluster uses few, a fuzzer must not fill memory.
_REMEMBERED: Final = 4096

DECIMAL: Final = "DecimalSI"
BINARY: Final = "BinarySI"
EXPONENT: Final = "DecimalExponent"


class Amount(NamedTuple):
    """A number as `unscaled` times ten to the power of `scale`, and how it was written."""

    unscaled: int
    scale: int
    format: str


@lru_cache(_REMEMBERED, typed=True)
def amount(value: str | int | float) -> Amount:
    """Read a quantity; a JSON number counts as its text does."""
    return _parsed(_text(value))[0]


@lru_cache(_REMEMBERED, typed=True)
def canonical(value: str | int | float) -> str:
    """The canonical form: `0.5` -> `500m`, `1024Mi` -> `1Gi`, `1000m` -> `1`."""
    found, text = _parsed(_text(value))
    return text or written(found)


@lru_cache(_REMEMBERED, typed=True)
def milli(value: str | int | float) -> int:
    """In thousandths, rounded away from zero (upstream: `MilliValue`)."""
    return _scaled(amount(value), -3)


@lru_cache(_REMEMBERED, typed=True)
def whole(value: str | int | float) -> int:
    """In ones, rounded away from zero (upstream: `Value`)."""
    return _scaled(amount(value), 0)


@lru_cache(_REMEMBERED, typed=True)
def nano(value: str | int | float) -> int:
    """In billionths, which is exact: for comparing and adding up."""
    return _scaled(amount(value), -9)


def of_milli(thousandths: int, suffixes: str = DECIMAL) -> str:
    """The canonical text of a number of thousandths (upstream: `NewMilliQuantity`)."""
    return written(Amount(thousandths, -3, suffixes))


def of_whole(ones: int, suffixes: str = DECIMAL) -> str:
    """The canonical text of a whole number (upstream: `NewQuantity`)."""
    return written(Amount(ones, 0, suffixes))


def total(values: list[str]) -> str:
    """The sum; it is written as the first one that is not zero (upstream: `Quantity.Add`)."""
    found = [amount(value) for value in values]
    suffixes = next((one.format for one in found if one.unscaled), DECIMAL)
    return written(Amount(sum(_scaled(one, -9) for one in found), -9, suffixes))


def written(found: Amount) -> str:
    """The canonical text of an amount (upstream: `CanonicalizeBytes`)."""
    unscaled, scale, suffixes = found
    if unscaled == 0:
        return "0"
    if suffixes == BINARY:
        ones = unscaled * 10**scale if scale >= 0 else unscaled // 10**-scale
        exact = scale >= 0 or ones * 10**-scale == unscaled
        # Small and fractional numbers are shown in decimals, so that nothing is rounded.
        if exact and abs(ones) >= 1024:
            power = 0
            while ones % 1024 == 0 and power < len(_BINARY_SUFFIXES) - 1:
                ones //= 1024
                power += 1
            return f"{ones}{_BINARY_SUFFIXES[power]}"
        suffixes = DECIMAL
    while unscaled % 10 == 0:
        unscaled //= 10
        scale += 1
    unscaled *= 10 ** (scale % 3)
    scale -= scale % 3
    if suffixes == EXPONENT:
        return f"{unscaled}e{scale}" if scale else str(unscaled)
    if scale > _LARGEST_SCALE:
        unscaled *= 10 ** (scale - _LARGEST_SCALE)
        scale = _LARGEST_SCALE
    return f"{unscaled}{_DECIMAL_BY_SCALE[scale]}"


def _text(value: str | int | float) -> str:
    # Upstream reads the JSON token as it stands, whether a string or a number; and a boolean,
    # which is an int here, is no quantity.
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        raise ValueError(WRONG_FORMAT)
    return str(value)


def _parsed(text: str) -> tuple[Amount, str]:
    """The amount, and the text itself where upstream keeps it as written."""
    if text == "0":
        return Amount(0, 0, DECIMAL), text
    found = _SYNTAX.match(text) if text else None
    if found is None:
        raise ValueError(WRONG_FORMAT)
    sign, digits, fraction, suffix = found.groups()
    fraction = (fraction or ".")[1:]
    digits = digits.lstrip("0") or "0"
    kept = text if _is_kept(digits, fraction, suffix) else ""
    if suffix in _BINARY_POWERS:
        unscaled = int(digits + fraction) << _BINARY_POWERS[suffix]
        unscaled, scale = _rounded(unscaled, -len(fraction))
        if unscaled > _MAXIMUM * 10**-scale:
            unscaled, scale = _MAXIMUM, 0
        suffixes = BINARY
    else:
        exponent, suffixes = _decimal(suffix)
        if abs(exponent) > _EXPONENT_LIMIT:
            raise ValueError(_WRONG_SUFFIX)
        unscaled, scale = _rounded(int(digits + fraction), exponent - len(fraction))
    return Amount(-unscaled if sign == "-" else unscaled, scale, suffixes), kept


def _is_kept(digits: str, fraction: str, suffix: str) -> bool:
    """Whether upstream takes the text for canonical, looking at it only in passing."""
    shifted = digits + fraction
    if suffix in _BINARY_POWERS:
        spare = 14 - len(digits) - int(_BINARY_POWERS[suffix] * 3 / 10)
        return not fraction and spare >= 0 and int(digits) & 7 != 0
    scale = _decimal(suffix)[0] - len(fraction)
    return (
        len(shifted) <= _FAST_DIGITS
        and scale >= _SMALLEST_SCALE
        and scale % 3 == 0
        and not shifted.endswith("000")
        and shifted[0] != "0"
    )


def _decimal(suffix: str) -> tuple[int, str]:
    if suffix in _DECIMAL_POWERS:
        return _DECIMAL_POWERS[suffix], DECIMAL
    if suffix[0] in "eE" and _INTEGER.fullmatch(suffix, 1):
        return int(suffix[1:]), EXPONENT
    raise ValueError(_WRONG_SUFFIX)


def _rounded(unscaled: int, scale: int) -> tuple[int, int]:
    if scale >= _SMALLEST_SCALE:
        return unscaled, scale
    return -(-unscaled // 10 ** (_SMALLEST_SCALE - scale)), _SMALLEST_SCALE


def _scaled(found: Amount, scale: int) -> int:
    power = found.scale - scale
    factor: int = 10 ** abs(power)
    if power >= 0:
        return found.unscaled * factor
    quotient = -(-abs(found.unscaled) // factor)
    return quotient if found.unscaled >= 0 else -quotient


WRONG_FORMAT: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_WRONG_SUFFIX: Final = "unable to parse quantity's suffix"
_SYNTAX: Final = re.compile(r"([+-]?)([0-9]*)(\.[0-9]*)?([eEinumkKMGTP]*[-+]?[0-9]*)\Z", re.ASCII)
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_MAXIMUM: Final = 2**63 - 1
_SMALLEST_SCALE: Final = -9
_LARGEST_SCALE: Final = 18
# Upstream has no limit but memory; a power of ten of some hundred digits is no resource.
_EXPONENT_LIMIT: Final = 400
# Up to this many digits upstream needs no big number (`maxInt64Factors`).
_FAST_DIGITS: Final = 18
_BINARY_SUFFIXES: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_BINARY_POWERS: Final = {suffix: 10 * i for i, suffix in enumerate(_BINARY_SUFFIXES) if suffix}
_DECIMAL_POWERS: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_DECIMAL_BY_SCALE: Final = {power: suffix for suffix, power in _DECIMAL_POWERS.items()}
