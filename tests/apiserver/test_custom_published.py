"""How definitions are published: for kubectl's `explain`, and for who checks before writing."""

from __future__ import annotations

from typing import Any

import trio.testing

from tests.apiserver.oracle_server import Json, Server, running
from tests.apiserver.test_custom import DEFINITIONS, STRING, define, definition, version

PATCH = "application/json-patch+json"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
OPEN = "x-kubernetes-preserve-unknown-fields"
KIND = [{"group": "e.com", "kind": "Widget", "version": "v1"}]


def having(schema: Json, **names: str) -> Json:
    found = definition(version(schema={"openAPIV3Schema": schema}, selectableFields=[]))
    found["spec"]["versions"][0].pop("subresources")
    found["spec"]["names"].update(names)
    return found


async def published(server: Server, name: str = "Widget") -> tuple[Any, Any]:
    """One definition as v2 and as v3 have it."""
    v2 = await server.get("/openapi/v2")
    v3 = await server.get("/openapi/v3/apis/e.com/v1")
    name = f"com.e.v1.{name}"
    return v2["definitions"].get(name), v3["components"]["schemas"].get(name)


async def test_metadata_is_described(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        v2, v3 = await published(server)
        text = "Standard object's metadata. More info: https://git.k8s.io/community/contributors"
        for one in (v2, v3):
            assert one["properties"]["metadata"]["description"].startswith(text)
        assert v2["properties"]["metadata"]["$ref"] == f"#/definitions/{META}"
        # Next to a reference nothing may stand in v3.
        reference = {"$ref": f"#/components/schemas/{META}"}
        assert v3["properties"]["metadata"]["allOf"] == [reference]


async def test_what_takes_any_field_names_none_in_the_older_form(autojump_clock: object) -> None:
    spec = {"type": "object", OPEN: True, "description": "Free.", "properties": {"a": STRING}}
    async with running() as server:
        await define(server, having({"type": "object", "properties": {"spec": spec}}))
        v2, v3 = await published(server)
        assert v2["properties"]["spec"] == {"description": "Free.", OPEN: True}
        assert v3["properties"]["spec"] == spec
        root = {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": None}
        root["value"] = {"type": "object", OPEN: True, "properties": {"spec": spec}}
        changed = await server.ask("PATCH", f"{DEFINITIONS}/widgets.e.com", [root], PATCH)
        assert changed.status == 200
        await trio.testing.wait_all_tasks_blocked()
        v2, v3 = await published(server)
        assert v2 == {"type": "object", "x-kubernetes-group-version-kind": KIND}
        assert {"spec", "metadata", "kind"} <= set(v3["properties"])


async def test_what_the_older_form_cannot_say(autojump_clock: object) -> None:
    fields = {
        "either": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, STRING]},
        "nothing": {"type": "array", "nullable": True, "items": STRING},
        "some": {"type": "object", "properties": {"a": STRING}},
    }
    schema = {"type": "object", "required": ["nothing", "some"], "properties": fields}
    async with running() as server:
        await define(server, having({"type": "object", "properties": {"spec": schema}}))
        spec = (await published(server))[0]["properties"]["spec"]
        assert spec["required"] == ["some"]
        assert spec["properties"] == {
            "either": {"x-kubernetes-int-or-string": True},
            "nothing": {},
            "some": fields["some"],
        }


async def test_lists_are_called_as_the_definition_says(autojump_clock: object) -> None:
    async with running() as server:
        await define(server, having({"type": "object", OPEN: True}, listKind="WidgetBox"))
        listed = await server.get("/apis/e.com/v1/namespaces/default/widgets")
        assert listed["kind"] == "WidgetBox"
        v2, v3 = await published(server, "WidgetBox")
        assert v2["description"] == v3["description"] == "WidgetBox is a list of Widget"
        assert await published(server, "WidgetList") == (None, None)
        path = (await server.get("/openapi/v2"))["paths"]["/apis/e.com/v1/widgets"]
        schema = path["get"]["responses"]["200"]["schema"]
        assert schema == {"$ref": "#/definitions/com.e.v1.WidgetBox"}


async def test_selectable_fields_are_told(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        index = (await server.get("/openapi/v3"))["paths"]["apis/e.com/v1"]
        v2, v3 = await published(server)
        key = "x-kubernetes-selectable-fields"
        assert v3[key] == [{"fieldPath": "spec.color"}] and key not in v2
        none = [{"op": "remove", "path": "/spec/versions/0/selectableFields"}]
        changed = await server.ask("PATCH", f"{DEFINITIONS}/widgets.e.com", none, PATCH)
        assert changed.status == 200
        await trio.testing.wait_all_tasks_blocked()
        assert key not in (await published(server))[1]
        assert (await server.get("/openapi/v3"))["paths"]["apis/e.com/v1"] != index
