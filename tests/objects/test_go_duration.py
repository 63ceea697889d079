"""Time spans as Go reads them, and what it says of those that it cannot read."""

from __future__ import annotations

import pytest

from k8slite.objects.go_duration import nanoseconds_of


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("1h2m3.5s", 3_723_500_000_000),
        ("-1.5s", -1_500_000_000),
        ("+5ms", 5_000_000),
        (".5us", 500),
        ("1.s", 1_000_000_000),
        ("3µs", 3000),
        ("1.9ns", 1),
        ("9223372036854775807ns", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)
def test_what_can_be_read(text: str, nanoseconds: int) -> None:
    assert nanoseconds_of(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("soon", 'time: invalid duration "soon"'),
        (".s", 'time: invalid duration ".s"'),
        ("5", 'time: missing unit in duration "5"'),
        ("1h5", 'time: missing unit in duration "1h5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
        ("1h 5m", 'time: unknown unit "h " in duration "1h 5m"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("²s", 'time: invalid duration "²s"'),
    ],
)
def test_what_cannot(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        nanoseconds_of(text)
    assert str(error.value) == message
