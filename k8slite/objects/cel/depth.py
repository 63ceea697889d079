"""Room on the stack for expressions that are as deep as upstream reads them.

A level takes some calls in a row: up to 250 levels, which Python's usual limit of 1,000 has no room
for. Calls from Python to Python take no room on the machine's own stack (since Python 3.11), so
that a higher limit is safe for as long as it lasts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Calls in a row; upstream's deepest expressions take less than half of it.
_CALLS: Final = 6000


@contextmanager
def room() -> Iterator[None]:
    """As much room as the deepest expression needs; the limit is the whole process's.

    Clusters in several threads may be inside at once: the last one out puts the limit back.
    """
    before = sys.getrecursionlimit()
    _BEFORE.append(before)
    sys.setrecursionlimit(max(before, _CALLS))
    try:
        yield
    finally:
        before = _BEFORE.pop()
        if not _BEFORE:
            sys.setrecursionlimit(before)


# Limits that those inside have found; the first one's is the usual one.
_BEFORE: Final[list[int]] = []
