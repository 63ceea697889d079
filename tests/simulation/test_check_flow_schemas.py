"""What a FlowSchema says of the level that it names: broken and held."""

from __future__ import annotations

from k8slite.sim.checks.flow_schemas import FlowSchemas
from tests.simulation.test_checks import Json, Story, thing

GROUP = "flowcontrol.apiserver.k8s.io"
SCHEMAS, LEVELS = f"{GROUP}.flowschemas/", f"{GROUP}.prioritylevelconfigurations/"


def schema(status: str = "", reason: str = "", since: str = "") -> Json:
    condition = {
        "type": "Dangling",
        "status": status,
        "reason": reason,
        "lastTransitionTime": since,
    }
    spec = {"priorityLevelConfiguration": {"name": "mine"}}
    return thing("s", "", spec=spec, status={"conditions": [condition] if status else []})


def test_what_is_said_is_true_at_rest() -> None:
    story = Story(FlowSchemas)
    story.write(SCHEMAS, schema())
    story.write(SCHEMAS, schema("True", "NotFound", "1"))
    story.write(LEVELS, thing("mine", "", spec={}))
    story.write(SCHEMAS, schema("False", "Found", "2"))
    story.ends_with()
    story.write(LEVELS, None, name="mine")
    story.ends_with("says False of dangling, and mine says True")


def test_a_reason_goes_with_what_is_said() -> None:
    story = Story(FlowSchemas)
    story.write(SCHEMAS, schema("True", "Found", "1"))
    story.ends_with("says True of dangling because of Found")


def test_nothing_said_is_a_complaint() -> None:
    story = Story(FlowSchemas)
    story.write(SCHEMAS, schema())
    story.ends_with("says None of dangling, and mine says True")


def test_it_says_since_when() -> None:
    story = Story(FlowSchemas)
    story.write(SCHEMAS, schema("True", "NotFound", "1"))
    story.write(SCHEMAS, schema("True", "NotFound", "2"))
    story.ends_with("dangled as it does now, but says that this has changed")
