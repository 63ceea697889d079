"""Which lines of a container's log are asked for, and how they are printed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from k8slite.kubelet.runtimes.runtime import LogOptions


class Line(NamedTuple):
    """A line of output, without its end, and when it was printed."""

    moment: datetime
    text: str


def selected(lines: Iterable[Line], options: LogOptions) -> list[Line]:
    """The lines that `since` and `tail_lines` leave."""
    found = list(lines)
    if options.since is not None:
        found = [line for line in found if line.moment >= options.since]
    if options.tail_lines is not None:
        found = found[-options.tail_lines :] if options.tail_lines else []
    return found


def printed(lines: Iterable[Line], options: LogOptions) -> bytes:
    """The lines as they go out."""
    if options.timestamps:
        text = "".join(
            f"{line.moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {line.text}\n" for line in lines
        )
    else:
        text = "".join(f"{line.text}\n" for line in lines)
    return text.encode()
