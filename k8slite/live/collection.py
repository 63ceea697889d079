"""Python's collector of cyclic garbage, while something large is built that stays.

The modules and a first cluster leave hundreds of thousands of objects behind that live as long as
the process; the collector's passes over them find nothing, and are a fifth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected in the block, in the whole process; as it was before afterwards.

    What is there then counts as old, as if it had outlived some passes already.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # somebody else's stay frozen
            gc.freeze()
            gc.unfreeze()
        gc.enable()
