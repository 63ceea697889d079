"""Bugs that real controllers had, written again on our API, each with its fixed twin.

One file a bug, named by its id: `Buggy` and `Fixed` are Scenarios. `make historic` searches all of
them and prints how soon each is found.
"""

import importlib
import pkgutil
from types import ModuleType


def bugs() -> dict[str, ModuleType]:
    """The modules by the bugs' ids ("K1"), in order."""
    found = {}
    for one in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{one.name}")
        if hasattr(module, "Buggy"):
            found[one.name.partition("_")[0].upper()] = module
    return dict(sorted(found.items(), key=lambda pair: (pair[0][0], int(pair[0][1:]))))
