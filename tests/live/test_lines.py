"""Files of lines that are turned over: what is put aside, and what of that is kept."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from k8slite.live.lines import Lines, Turnover

START = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)


class Clock:
    """A time of day that goes on by a day at each look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return START + timedelta(days=self.looks - 1)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_put_aside_before_it_grows_too_large(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"from before\n")
    with closing(Lines(path, turnover=Turnover(20), now=Clock())) as lines:
        lines.write(b"first\n")
        lines.write(b"second\n")
        lines.write(b"x" * 30 + b"\n")  # larger than allowed, and yet not lost
        lines.write(b"last\n")
    first, second = "audit-2026-01-02T15-04-05.000.log", "audit-2026-01-03T15-04-05.000.log"
    third = "audit-2026-01-04T15-04-05.000.log"
    assert names(tmp_path) == [first, second, third, "audit.log"]
    assert (tmp_path / first).read_bytes() == b"from before\nfirst\n"
    assert (tmp_path / second).read_bytes() == b"second\n"
    assert path.read_bytes() == b"last\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("turnover", "kept"), [(Turnover(1, 2), 2), (Turnover(1, 0, 3), 4), (Turnover(1, 9, 1), 2)]
)
def test_what_was_put_aside_goes(turnover: Turnover, kept: int, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    (tmp_path / "audit-mine.log").touch()
    with closing(Lines(path, turnover=turnover, now=Clock())) as lines:
        for number in range(8):
            lines.write(b"%d\n" % number)
    found = names(tmp_path)
    assert found[-2:] == ["audit-mine.log", "audit.log"]
    days = [f"audit-2026-01-{8 - back:02}T15-04-05.000.log" for back in reversed(range(kept))]
    assert found[:-2] == days


def test_a_new_file_must_be_new(tmp_path: Path) -> None:
    Lines(tmp_path / "a", is_new=True).close()
    with pytest.raises(FileExistsError):
        Lines(tmp_path / "a", is_new=True)
