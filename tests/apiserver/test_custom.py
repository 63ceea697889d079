"""Custom resources: defined, served, pruned, filled in, checked, printed, scaled and taken away."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio.testing

from tests.apiserver.oracle_server import Answer, Json, Server, running

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/e.com/v1/namespaces/default/widgets"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
STRING = {"type": "string"}
INTEGER = {"type": "integer"}
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {**INTEGER, "minimum": 1, "maximum": 9},
                "color": {**STRING, "enum": ["red", "blue"], "default": "red"},
                "label": {**STRING, "pattern": "^[a-z]+$", "maxLength": 5},
                "port": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": STRING, "count": {**INTEGER, "default": 1}},
                    },
                },
                "nothing": {**STRING, "nullable": True},
            },
        },
        "status": {
            "type": "object",
            "properties": {"size": INTEGER, "selector": STRING, "phase": STRING},
        },
    },
}


def version(name: str = "v1", *, stored: bool = True, **more: Any) -> Json:
    parts = {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.size",
            "statusReplicasPath": ".status.size",
            "labelSelectorPath": ".status.selector",
        },
    }
    return {
        "name": name,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": parts,
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        ],
        "selectableFields": [{"jsonPath": ".spec.color"}],
        **more,
    }


def definition(*versions: Json, kind: str = "Widget", group: str = "e.com") -> Json:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "shortNames": [kind[:2].lower()]},
            "versions": list(versions) or [version()],
        },
    }


def widget(name: str = "a", **spec: Any) -> Json:
    return {
        "apiVersion": "e.com/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 3, **spec},
    }


async def define(server: Server, obj: Json | None = None) -> Json:
    made: Json = await server.create(DEFINITIONS, obj or definition())
    await trio.testing.wait_all_tasks_blocked()
    return made


def conditions(obj: Json) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in obj["status"]["conditions"]}


def told(answer: Answer) -> list[str]:
    return [f"{one['field']}: {one['message']}" for one in answer.json["details"]["causes"]]


async def test_a_definition_is_established_and_served(autojump_clock: object) -> None:
    async with running() as server:
        assert (await server.ask("GET", WIDGETS)).status == 404
        await define(server)
        found = await server.get(f"{DEFINITIONS}/widgets.e.com")
        assert conditions(found) == {
            "NamesAccepted": ("True", "NoConflicts"),
            "Established": ("True", "InitialNamesAccepted"),
        }
        assert found["status"]["acceptedNames"] == {
            "kind": "Widget",
            "listKind": "WidgetList",
            "plural": "widgets",
            "singular": "widget",
            "shortNames": ["wi"],
        }
        assert found["status"]["storedVersions"] == ["v1"]
        service = await server.get("/apis/apiregistration.k8s.io/v1/apiservices/v1.e.com")
        assert conditions(service) == {"Available": ("True", "Local")}
        groups = [one["name"] for one in (await server.get("/apis"))["groups"]]
        assert "e.com" in groups
        listed = await server.get("/apis/e.com/v1")
        assert [one["name"] for one in listed["resources"]] == [
            "widgets",
            "widgets/status",
            "widgets/scale",
        ]
        assert (await server.get(WIDGETS))["kind"] == "WidgetList"
        document = await server.get("/openapi/v3/apis/e.com/v1")
        assert "com.e.v1.Widget" in document["components"]["schemas"]
        swagger = await server.get("/openapi/v2")
        assert "com.e.v1.WidgetList" in swagger["definitions"]


async def test_names_that_are_taken_are_not_accepted(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        other = definition(kind="Wink")
        other["spec"]["names"]["shortNames"] = ["wi"]
        await define(server, other)
        found = await server.get(f"{DEFINITIONS}/winks.e.com")
        assert conditions(found) == {
            "NamesAccepted": ("False", "ShortNamesConflict"),
            "Established": ("False", "NotAccepted"),
        }
        assert (await server.ask("GET", "/apis/e.com/v1/winks")).status == 404
        await server.ask("DELETE", f"{DEFINITIONS}/widgets.e.com")
        await trio.sleep(5)
        assert (await server.ask("GET", "/apis/e.com/v1/winks")).status == 200


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (
            {"additionalPrinterColumns": [{"name": "c", "type": "string", "jsonPath": ".a["}]},
            "additionalPrinterColumns[0].jsonPath",
        ),
        (
            {
                "subresources": {
                    "scale": {"specReplicasPath": ".size", "statusReplicasPath": ".status.size"}
                }
            },
            "subresources.scale.specReplicasPath",
        ),
        ({"selectableFields": [{"jsonPath": ".a[0]"}]}, "selectableFields[0].jsonPath"),
    ],
)
async def test_paths_that_lead_nowhere(autojump_clock: object, part: Json, field: str) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", DEFINITIONS, definition(version(**part)))
        assert answer.status == 422
        fields = [one["field"] for one in answer.json["details"]["causes"]]
        assert fields == [f"spec.versions[0].{field}"]


async def test_objects_are_pruned_and_filled_in(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        sent = widget(extra=1, free={"any": [1]}, parts=[{"name": "x"}], nothing=None, label=None)
        answer = await server.ask("POST", WIDGETS, {**sent, "status": {"size": 5}, "more": {}})
        assert answer.status == 201, answer.json
        assert answer.json["spec"] == {
            "size": 3,
            "color": "red",
            "free": {"any": [1]},
            "parts": [{"name": "x", "count": 1}],
            "nothing": None,
        }
        assert "status" not in answer.json and "more" not in answer.json
        assert answer.json["metadata"]["generation"] == 1
        unknown = [one.removeprefix("299 - ") for one in answer.warnings]
        assert sorted(unknown) == ['"unknown field \\"more\\""', '"unknown field \\"spec.extra\\""']
        strict = await server.ask("POST", f"{WIDGETS}?fieldValidation=Strict", widget("b", extra=1))
        assert strict.status == 400
        assert 'strict decoding error: unknown field "spec.extra"' in strict.json["message"]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"size": "x"}, 'size: "string": * must be of type integer: "string"'),
        ({"size": 0}, "size: 0: * should be greater than or equal to 1"),
        ({"size": 10}, "size: 10: * should be less than or equal to 9"),
        ({"size": None}, "size: Required value"),
        ({"color": "g"}, 'color: Unsupported value: "g": supported values: "blue", "red"'),
        ({"label": "A"}, "label: \"A\": * should match '^[a-z]+$'"),
        ({"label": "abcdef"}, "label: Too long: may not be more than 5 bytes"),
        ({"port": True}, 'port: "boolean": * must be of type integer,string: "boolean"'),
        ({"parts": [{"name": "a"}] * 2}, 'parts[1]: Duplicate value: {"name":"a"}'),
        ({"parts": [{}]}, "parts[0].name: Required value"),
        ({"parts": {}}, 'parts: "object": * must be of type array: "object"'),
    ],
)
async def test_complaints(autojump_clock: object, spec: Json, complaint: str) -> None:
    async with running() as server:
        await define(server)
        answer = await server.ask("POST", WIDGETS, widget(**spec))
        assert answer.status == 422, answer.json
        field, _, text = complaint.partition(": ")
        if "*" in text:
            text = "Invalid value: " + text.replace("*", f"spec.{field} in body", 1)
        assert told(answer) == [f"spec.{field}: {text}"]
        assert answer.json["message"].startswith('Widget.e.com "a" is invalid: spec.')


async def test_updates_and_generations(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        made = await server.create(WIDGETS, widget())
        blind = await server.ask("PUT", f"{WIDGETS}/a", widget(size=4))
        assert blind.status == 422
        assert "metadata.resourceVersion" in blind.json["message"]
        changed = await server.ask("PATCH", f"{WIDGETS}/a", {"spec": {"size": 4}}, MERGE)
        assert changed.json["metadata"]["generation"] == 2
        assert (await server.ask("PATCH", f"{WIDGETS}/a", {}, MERGE)).json == changed.json
        status = {"status": {"phase": "Up"}, "spec": {"size": 8}}
        done = await server.ask("PATCH", f"{WIDGETS}/a/status", status, MERGE)
        assert (done.json["status"], done.json["spec"]["size"]) == ({"phase": "Up"}, 4)
        assert done.json["metadata"]["generation"] == 2
        ignored = await server.ask("PATCH", f"{WIDGETS}/a", {"status": {"phase": "No"}}, MERGE)
        assert ignored.json["status"] == {"phase": "Up"}
        strategic = "application/strategic-merge-patch+json"
        assert (await server.ask("PATCH", f"{WIDGETS}/a", {}, strategic)).status == 415
        stale = await server.ask("PUT", f"{WIDGETS}/a", made)
        assert stale.status == 409


async def test_columns_selection_and_scale(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        await server.create(WIDGETS, widget("a"))
        await server.create(WIDGETS, widget("b", color="blue"))
        table = await server.ask(
            "GET", WIDGETS, accept="application/json;as=Table;v=v1;g=meta.k8s.io"
        )
        assert [one["name"] for one in table.json["columnDefinitions"]] == ["Name", "Size", "Phase"]
        assert [row["cells"] for row in table.json["rows"]] == [["a", 3, None], ["b", 3, None]]
        blue = await server.get(f"{WIDGETS}?fieldSelector=spec.color=blue")
        assert [one["metadata"]["name"] for one in blue["items"]] == ["b"]
        assert (await server.ask("GET", f"{WIDGETS}?fieldSelector=spec.size=3")).status == 400
        scale = await server.get(f"{WIDGETS}/a/scale")
        assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 0})
        done = await server.ask("PATCH", f"{WIDGETS}/a/scale", {"spec": {"replicas": 5}}, MERGE)
        assert done.status == 200, done.json
        assert (await server.get(f"{WIDGETS}/a"))["spec"]["size"] == 5


async def test_server_side_apply_knows_the_schema(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        path = f"{WIDGETS}/a?fieldManager="
        first = await server.ask("PATCH", f"{path}one", widget(parts=[{"name": "x"}]), APPLY)
        assert first.status == 201, first.json
        sent = {**widget(), "spec": {"parts": [{"name": "y", "count": 2}]}}
        second = await server.ask("PATCH", f"{path}two", sent, APPLY)
        assert second.status == 200, second.json
        parts = second.json["spec"]["parts"]
        assert parts == [{"name": "x", "count": 1}, {"name": "y", "count": 2}]
        two = next(o for o in second.json["metadata"]["managedFields"] if o["manager"] == "two")
        assert two["fieldsV1"] == {
            "f:spec": {"f:parts": {'k:{"name":"y"}': {".": {}, "f:count": {}, "f:name": {}}}}
        }
        unknown = await server.ask("PATCH", f"{path}two", widget(extra=1), APPLY)
        assert unknown.json["message"].endswith(".spec.extra: field not declared in schema")


async def test_versions_share_their_objects(autojump_clock: object) -> None:
    second = json.loads(json.dumps(version("v2", stored=False)))
    second["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["new"] = {
        "type": "string",
        "default": "n",
    }
    async with running() as server:
        await define(server, definition(version(), second))
        await server.create(WIDGETS, widget())
        newer = await server.get(f"{WIDGETS.replace('v1', 'v2')}/a")
        assert newer["apiVersion"] == "e.com/v2"
        # What is kept gets the defaults of the version that it is kept in.
        assert newer["spec"] == {"size": 3, "color": "red"}
        made = await server.create(
            WIDGETS.replace("v1", "v2"), {**widget("b"), "apiVersion": "e.com/v2"}
        )
        assert "new" not in made["spec"], "the version that is kept does not have it"
        assert "new" not in (await server.get(f"{WIDGETS}/a"))["spec"]
        group = await server.get("/apis/e.com")
        assert group["preferredVersion"]["version"] == "v2"


async def test_defaults_come_with_reading(autojump_clock: object) -> None:
    plain = json.loads(json.dumps(version()))
    color = plain["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["color"]
    del color["default"]
    async with running() as server:
        await define(server, definition(plain))
        made = await server.create(WIDGETS, widget())
        assert "color" not in made["spec"]
        patch = {"spec": {"versions": [version()]}}
        await server.ask("PATCH", f"{DEFINITIONS}/widgets.e.com", patch, MERGE)
        assert (await server.get(f"{WIDGETS}/a"))["spec"]["color"] == "red"
        assert (await server.get(WIDGETS))["items"][0]["spec"]["color"] == "red"


async def test_a_definition_takes_its_objects_with_it(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        await server.create(WIDGETS, widget("a"))
        held = widget("held")
        held["metadata"]["finalizers"] = ["e.com/hold"]
        await server.create(WIDGETS, held)
        answer = await server.ask("DELETE", f"{DEFINITIONS}/widgets.e.com")
        assert answer.status == 200
        await trio.sleep(5)
        found = await server.get(f"{DEFINITIONS}/widgets.e.com")
        assert conditions(found)["Terminating"] == ("True", "InstanceDeletionInProgress")
        refused = await server.ask("POST", WIDGETS, widget("late"))
        assert refused.status == 405
        assert "terminating" in refused.json["message"]
        patch = {"metadata": {"finalizers": None}}
        await server.ask("PATCH", f"{WIDGETS}/held", patch, MERGE)
        await trio.sleep(5)
        assert (await server.ask("GET", f"{DEFINITIONS}/widgets.e.com")).status == 404
        assert (await server.ask("GET", WIDGETS)).status == 404
        assert server.store.count("e.com.widgets/") == 0
        services = [one.key for one in server.store.list("apiregistration").items]
        assert not any("v1.e.com" in key for key in services)


async def test_a_namespace_takes_custom_objects_with_it(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        await server.create("/api/v1/namespaces", {"metadata": {"name": "n"}})
        await server.create(WIDGETS.replace("default", "n"), widget())
        await server.ask("DELETE", "/api/v1/namespaces/n")
        await trio.sleep(30)
        assert (await server.ask("GET", "/api/v1/namespaces/n")).status == 404
        assert server.store.count("e.com.widgets/") == 0


async def test_finalizers_of_custom_objects_need_no_path(autojump_clock: object) -> None:
    async with running() as server:
        await define(server)
        body = widget()
        body["metadata"]["finalizers"] = ["mine"]
        made = await server.ask("POST", WIDGETS, body)
        assert (made.status, made.json["metadata"]["finalizers"]) == (201, ["mine"])
        body["metadata"] = {"name": "b", "finalizers": ["not good"]}
        assert told(await server.ask("POST", WIDGETS, body))[0].startswith(
            'metadata.finalizers: Invalid value: "not good"'
        )
        # Upstream's core kinds are stricter.
        odd = {"metadata": {"name": "a", "finalizers": ["mine"]}}
        refused = await server.ask("POST", "/api/v1/namespaces/default/configmaps", odd)
        assert told(refused)[0].endswith(
            "neither a standard finalizer name nor is it fully qualified"
        )


async def test_who_writes_nonsense_into_a_status_sees_it_mended(autojump_clock: object) -> None:
    patch = [{"op": "add", "path": "/status/conditions", "value": [{"message": "patched"}]}]
    path = f"{DEFINITIONS}/widgets.e.com"
    async with running() as server:
        await define(server)
        json_patch = "application/json-patch+json"
        patched = await server.ask("PATCH", f"{path}/status", patch, json_patch)
        said = {"message": "patched", "type": "", "status": ""}
        assert patched.json["status"]["conditions"] == [said]
        await trio.testing.wait_all_tasks_blocked()
        found = (await server.get(path))["status"]["conditions"]
        named = [one.get("type", "") for one in found]
        assert named == ["", "NamesAccepted", "Established"]
        assert (await server.ask("DELETE", path)).status == 200
        await trio.testing.wait_all_tasks_blocked()
        assert (await server.ask("GET", WIDGETS)).status == 404


EMBEDDED: Json = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "parts": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": True,
                        "x-kubernetes-preserve-unknown-fields": True,
                    },
                }
            },
        }
    },
}


async def test_objects_within_objects(autojump_clock: object) -> None:
    schema = {"openAPIV3Schema": EMBEDDED}
    made = definition(version(schema=schema, selectableFields=[], subresources={}))
    part: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "odd": 1}}
    body = {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    body["spec"] = {"parts": [part]}
    odd = "spec.parts[0].metadata.odd"
    async with running() as server:
        await define(server, made)
        strict = await server.ask("POST", f"{WIDGETS}?fieldValidation=Strict", body)
        assert strict.json["message"].endswith(f'strict decoding error: unknown field "{odd}"')
        applied = await server.ask("PATCH", f"{WIDGETS}/a?fieldManager=m", body, APPLY)
        assert applied.json["message"].endswith(f": .{odd}: field not declared in schema")
        warned = await server.ask("POST", WIDGETS, body)
        assert (warned.status, warned.warnings) == (201, [f'299 - "unknown field \\"{odd}\\""'])
        assert warned.json["spec"]["parts"] == [{**part, "metadata": {"name": "p"}}]
        wrong = {"kind": "No kind", "metadata": {"labels": {"a": "not good"}}}
        spec = {"parts": [wrong]}
        refused = await server.ask("PUT", f"{WIDGETS}/a", {**warned.json, "spec": spec})
        at = "spec.parts[0]"
        assert [one.partition(":")[0] for one in told(refused)] == [
            f"{at}.apiVersion",
            f"{at}.kind",
            f"{at}.metadata.labels",
        ]
        typed = {**part, "metadata": {"labels": "none"}}
        body["spec"] = {"parts": [typed]}
        unread = await server.ask("POST", WIDGETS, body)
        assert unread.json["message"].startswith("failed to decode spec.parts[0].metadata: ")


async def test_rules_that_take_long_do_not_hold_up_others(autojump_clock: object) -> None:
    dear = {"rule": "self.all(x, self.all(y, x + y >= 0))"}
    numbers = {"type": "array", "items": INTEGER, "maxItems": 300}
    numbers["x-kubernetes-validations"] = [dear] * 6
    schema = {"type": "object", "properties": {"numbers": numbers}}
    done: list[str] = []
    async with running(controllers=False) as server, trio.open_nursery() as nursery:
        await server.create(DEFINITIONS, definition(version(schema={"openAPIV3Schema": schema})))
        await trio.testing.wait_all_tasks_blocked()

        async def create() -> None:
            await server.create(WIDGETS, {**widget("a"), "numbers": list(range(200))})
            done.append("widget")

        async def read() -> None:
            await server.get("/api/v1/namespaces/default")
            done.append("namespace")

        nursery.start_soon(create)
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert done == ["namespace", "widget"]


async def test_a_condition_without_a_time_is_given_one(autojump_clock: object) -> None:
    path = f"{DEFINITIONS}/widgets.e.com"
    async with running() as server:
        await define(server)
        odd = {"type": "NamesAccepted", "status": "True", "reason": "Mine"}
        body = {"status": {"conditions": [odd]}}
        assert (await server.ask("PATCH", f"{path}/status", body, MERGE)).status == 200
        await trio.testing.wait_all_tasks_blocked()
        found = (await server.get(path))["status"]["conditions"]
        assert [one["type"] for one in found] == ["NamesAccepted", "Established"]
        assert all(one["lastTransitionTime"] for one in found)


async def test_what_changes_its_type_has_changed(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(DEFINITIONS, definition())
        await trio.testing.wait_all_tasks_blocked()
        await server.create(WIDGETS, widget("a", size=1, free={"n": 1}))
        refused = await server.ask("PATCH", f"{WIDGETS}/a", {"spec": {"size": True}}, MERGE)
        assert told(refused) == [
            'spec.size: Invalid value: "boolean": spec.size in body must be of type integer: '
            '"boolean"'
        ]
        changed = await server.ask("PATCH", f"{WIDGETS}/a", {"spec": {"free": {"n": True}}}, MERGE)
        assert changed.json["spec"]["free"]["n"] is True
        assert changed.json["metadata"]["generation"] == 2
        assert (await server.get(f"{WIDGETS}/a"))["spec"]["free"]["n"] is True


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            b'{"apiVersion":"e.com/v1","kind":"Widget","metadata":{"name":"a"},'
            b'"spec":{"size":3,"size":4,"odd":1}}',
            "application/json",
            'duplicate field "spec.size", unknown field "spec.odd"',
        ),
        (
            b"apiVersion: e.com/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  size: 3\n"
            b"  size: 4\n  odd: 1\n",
            "application/yaml",
            'yaml: unmarshal errors:\n  line 6: key "size" already set in map, '
            'unknown field "spec.odd"',
        ),
    ],
)
async def test_what_comes_twice_is_told_first(
    body: bytes, kind: str, said: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await server.create(DEFINITIONS, definition())
        await trio.testing.wait_all_tasks_blocked()
        strict = await server.ask("POST", f"{WIDGETS}?fieldValidation=Strict", body, kind)
        assert strict.json["message"].endswith(f"strict decoding error: {said}")
        ignored = await server.ask("POST", f"{WIDGETS}?fieldValidation=Ignore", body, kind)
        assert ignored.json["spec"] == {"size": 4, "color": "red"}
