"""FlowSchemas and priority levels that come and go; swept by `make sim`."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio

from k8slite.client.resource import FLOW_SCHEMAS, PRIORITY_LEVEL_CONFIGURATIONS
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import find_condition
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

LIMITED = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}


class Dangling(Scenario):
    """Levels come after and go before the FlowSchemas that name them."""

    nodes = 0
    scheduler = False

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        for name in ("a", "b"):
            spec = {"priorityLevelConfiguration": {"name": f"of-{name}"}}
            with suppress(AlreadyExists):  # the reply to the first attempt may be lost
                await client.create(FLOW_SCHEMAS, {"metadata": {"name": name}, "spec": spec})
        await trio.sleep(5)
        for name in ("of-a", "of-b"):
            level = {"metadata": {"name": name}, "spec": {"type": "Limited", "limited": LIMITED}}
            with suppress(AlreadyExists):
                await client.create(PRIORITY_LEVEL_CONFIGURATIONS, level)
        await trio.sleep(5)
        with suppress(NotFound):
            await client.delete(PRIORITY_LEVEL_CONFIGURATIONS, "of-b")
        with suppress(NotFound):
            await client.delete(FLOW_SCHEMAS, "exempt")

    def check(self, sim: Simulation) -> Sequence[str]:
        said = {one["metadata"]["name"]: _said(one) for one in sim.objects(FLOW_SCHEMAS)}
        wrong = [] if said["a"] == "Found" else [f"the level of a is there, and {said['a']}"]
        return [*wrong, *([] if said["b"] == "NotFound" else [f"that of b is not: {said['b']}"])]


def _said(schema: Json) -> str:
    conditions = (schema.get("status") or {}).get("conditions") or ()
    found = find_condition(conditions, "Dangling")
    return str(found["reason"]) if found else ""


FLOWS = (Dangling,)
