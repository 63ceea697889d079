"""What goes wrong for the clients of a test's cluster, by plans of `k8slite.faults`.

In-process clients of the cluster itself (its controllers, and what a test does through it) use no
socket and are never struck.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from k8slite.faults.files import read_plan
from k8slite.faults.plan import Plan
from k8slite.live.embedded import Embedded

Json = dict[str, Any]
Faults = str | os.PathLike[str] | Sequence[Mapping[str, Any]]


class FaultOperations:
    """Of one cluster; a part of `operations`."""

    embedded: Embedded

    async def arm_faults(self, plan: Faults) -> None:
        """From now on count what clients do, and strike them as the plan says.

        A plan is a path, YAML text, or a list as `[{"fault": "refuse", "process": "kopf",
        "write": 2}]`; `process` is the product of a client's user agent, the whole of it, or a
        user's name. It takes the place of the plan before. Raises ValueError, which says what is
        wrong with it.
        """
        if isinstance(plan, os.PathLike):
            plan = await trio.Path(plan).read_text()
        found = read_plan(plan) if isinstance(plan, str) else Plan.load(list(plan))
        self.embedded.faults.arm(found)

    async def heal_faults(self) -> None:
        """End what lasts, and forget the plan."""
        self.embedded.faults.heal()

    async def faults(self) -> Json:
        """What has struck (`struck`), and what each client has done since (`clients`)."""
        return self.embedded.faults.report()
