"""Whether the priority level that a FlowSchema names is there: its condition Dangling.

Upstream keeps it inside of the API server, beside the queues that the two kinds set up:
`apiserver/pkg/util/flowcontrol/apf_controller.go`. It is applied, so that conditions of others stay
with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite.client.resource import FLOW_SCHEMAS, PRIORITY_LEVEL_CONFIGURATIONS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.models import PartialObject
from k8slite.objects.fields import quoted
from k8slite.objects.meta import Name, find_condition, timestamp

Json = dict[str, Any]


class FlowSchemaStatusController(Controller):
    """Its keys are the names of FlowSchemas."""

    name: ClassVar[str] = "api-priority-and-fairness-config-consumer-v1"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._schemas = self.mirrors.of(FLOW_SCHEMAS, PartialObject)
        self._levels = self.mirrors.of(PRIORITY_LEVEL_CONFIGURATIONS, PartialObject)
        self.watch(self._schemas, own_key)
        self.watch(self._levels, self._naming)

    async def reconcile(self, name: Name) -> None:
        """Say of a FlowSchema whether it dangles, where it does not say so yet."""
        schema = self._schemas.document(name)
        if schema is None:
            return
        conditions = (schema.get("status") or {}).get("conditions") or ()
        known = find_condition(conditions, "Dangling") or {}
        wanted = self._dangling(_level(schema))
        if all(known.get(key) == value for key, value in wanted.items()):
            return
        same = known.get("status") == wanted["status"]
        since = (same and known.get("lastTransitionTime")) or timestamp(self.world.now())
        metadata = schema["metadata"]
        applied = {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": metadata["name"], "uid": metadata["uid"]},
            "status": {"conditions": [{**wanted, "lastTransitionTime": since}]},
        }
        await self.client.apply(FLOW_SCHEMAS, applied, self.name, subresource="status")

    def _dangling(self, level: str) -> Json:
        """The condition of a FlowSchema that names this level, but for its time."""
        found = self._levels.get(Name("", level)) is not None
        text = "it exists" if found else "there is no such object"
        return {
            "type": "Dangling",
            "status": "False" if found else "True",
            "reason": "Found" if found else "NotFound",
            "message": "This FlowSchema references the PriorityLevelConfiguration object named "
            f"{quoted(level)} {'and' if found else 'but'} {text}",
        }

    def _naming(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        """The FlowSchemas that name a level which has come or gone."""
        if old is not None and new is not None:
            return
        level = new or old
        assert level is not None, "a change is of something"
        for one in self._schemas.all():
            schema = self._schemas.document(one.metadata.full_name)
            if schema is not None and _level(schema) == level.metadata.name:
                yield one.metadata.full_name


def _level(schema: Json) -> str:
    name: str = schema["spec"]["priorityLevelConfiguration"]["name"]
    return name
