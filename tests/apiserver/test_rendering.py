"""What clients get, by what they accept: bytes as stored, tables, metadata, watch lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from k8slite.apiserver.rendering import Form, negotiate
from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds
from k8slite.messages import Request
from k8slite.objects.codec import stored, stored_tail
from k8slite.objects.errors import BadRequest, NotAcceptable

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
KUBECTL = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"


def kind(group: str, version: str, plural: str) -> Kind:
    found = Kinds.of(36).find(group, version, plural)
    assert found is not None
    return found


CONFIG_MAPS = kind("", "v1", "configmaps")
PODS = kind("", "v1", "pods")
OBJECT = {
    "metadata": {"name": "a", "namespace": "n", "creationTimestamp": "2026-01-02T03:03:05Z"},
    "data": {"k": "v"},
}


def value(obj: dict[str, Any], revision: int = 7) -> bytes:
    return stored(stored_tail(obj), revision)


def form(accept: str, of: Kind = CONFIG_MAPS, **parameters: str) -> Form:
    request = Request("GET", "/", query=tuple(parameters.items()))
    return negotiate(accept, of, request, 36)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        JSON,
        "application/*",
        "application/vnd.kubernetes.protobuf;q=0.5,application/json",
        "text/html, */*;q=0.1",
        "application/json;stream=watch",
        "application/json;as=Nonsense;v=v1;g=meta.k8s.io,application/json",
        "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
        f"{TABLE};q=0.1,application/json",
    ],
)
def test_a_plain_object_is_its_type_and_what_is_stored(accept: str) -> None:
    found = form(accept).object(CONFIG_MAPS, value(OBJECT), NOW)
    assert found == b'{"kind":"ConfigMap","apiVersion":"v1",' + value(OBJECT)[1:]


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v9;g=meta.k8s.io",
        "nonsense",
    ],
)
def test_what_cannot_be_had_is_refused_in_upstreams_words(accept: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        form(accept)
    assert refused.value.message == (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )
    assert refused.value.status()["code"] == 406


def test_a_list_joins_bytes() -> None:
    first, second = value(OBJECT), value(OBJECT, 8)
    found = form(JSON).list(CONFIG_MAPS, [first, second], 9, NOW, continue_="token", remaining=3)
    head = b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":'
    metadata = b'{"resourceVersion":"9","continue":"token","remainingItemCount":3}'
    assert found == head + metadata + b',"items":[' + first + b"," + second + b"]}"


def test_an_empty_list_has_items() -> None:
    assert json.loads(form(JSON).list(CONFIG_MAPS, [], 9, NOW))["items"] == []


def test_items_of_custom_lists_say_what_they_are() -> None:
    widgets = Kind("example.com", "v1", "Widget", "widgets", "widget", namespaced=True)
    found = json.loads(form(JSON, widgets).list(widgets, [value(OBJECT)], 9, NOW))
    assert found["kind"] == "WidgetList"
    assert found["items"][0]["apiVersion"] == "example.com/v1"
    assert found["items"][0]["kind"] == "Widget"


def test_metadata_only() -> None:
    found = json.loads(form(METADATA).object(CONFIG_MAPS, value(OBJECT), NOW))
    assert found == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {**OBJECT["metadata"], "resourceVersion": "7"},
    }
    listed = json.loads(form(METADATA_LIST).list(CONFIG_MAPS, [value(OBJECT)], 9, NOW))
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["metadata"] == {"resourceVersion": "9"}
    assert listed["items"] == [found]


def test_metadata_of_a_list_must_be_asked_for_as_a_list() -> None:
    with pytest.raises(NotAcceptable):
        form(METADATA).list(CONFIG_MAPS, [], 9, NOW)
    with pytest.raises(NotAcceptable):
        form(METADATA_LIST).object(CONFIG_MAPS, value(OBJECT), NOW)


def test_a_table_of_a_list() -> None:
    found = json.loads(form(KUBECTL).list(CONFIG_MAPS, [value(OBJECT)], 9, NOW))
    assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Data", "Age"]
    (row,) = found["rows"]
    assert row["cells"] == ["a", 1, "60s"]
    assert row["object"]["kind"] == "PartialObjectMetadata"


def test_a_table_of_one_object_has_its_revision() -> None:
    found = json.loads(form(TABLE).object(CONFIG_MAPS, value(OBJECT), NOW))
    assert found["metadata"] == {"resourceVersion": "7"}
    assert len(found["rows"]) == 1


@pytest.mark.parametrize(("include", "shown"), [("None", None), ("Object", "ConfigMap")])
def test_a_tables_rows_include_what_is_asked(include: str, shown: str | None) -> None:
    found = json.loads(
        form(TABLE, includeObject=include).list(CONFIG_MAPS, [value(OBJECT)], 9, NOW)
    )
    row = found["rows"][0]["object"]
    assert (row and row["kind"]) == shown


def test_a_table_cannot_include_something_else() -> None:
    with pytest.raises(BadRequest, match="unrecognized includeObject value"):
        form(TABLE, includeObject="All")


def test_a_finished_pods_row_says_so() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {}, "status": {"phase": "Succeeded"}}
    found = json.loads(form(TABLE, PODS).object(PODS, value(pod), NOW))
    assert found["rows"][0]["conditions"][0]["type"] == "Completed"


def test_a_kind_without_columns_shows_its_creation() -> None:
    roles = kind("rbac.authorization.k8s.io", "v1", "roles")
    found = json.loads(form(TABLE, roles).list(roles, [value(OBJECT)], 9, NOW))
    assert found["rows"][0]["cells"] == ["a", "2026-01-02T03:03:05Z"]


def test_lines_of_a_watch() -> None:
    events = form(JSON).events(CONFIG_MAPS, lambda: NOW)
    prefix = b'"object":{"kind":"ConfigMap","apiVersion":"v1",' + value(OBJECT)[1:] + b"}\n"
    assert events.added(value(OBJECT)) == b'{"type":"ADDED",' + prefix
    assert events.modified(value(OBJECT)) == b'{"type":"MODIFIED",' + prefix
    assert events.deleted(value(OBJECT)) == b'{"type":"DELETED",' + prefix
    bookmark = json.loads(events.bookmark(12, initial=True))
    assert bookmark == {
        "type": "BOOKMARK",
        "object": {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {
                "resourceVersion": "12",
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        },
    }


def test_a_pods_bookmark_is_an_empty_pod() -> None:
    bookmark = json.loads(form(JSON, PODS).events(PODS, lambda: NOW).bookmark(12))
    assert bookmark["object"]["spec"] == {"containers": None}
    assert bookmark["object"]["status"] == {}


def test_only_the_first_line_of_a_watched_table_has_columns() -> None:
    events = form(KUBECTL).events(CONFIG_MAPS, lambda: NOW)
    first, second = (json.loads(events.added(value(OBJECT)))["object"] for _ in range(2))
    assert len(first["columnDefinitions"]) == 3
    assert second["columnDefinitions"] is None
    assert second["rows"] == first["rows"]


def test_metadata_can_be_watched() -> None:
    events = form(METADATA).events(CONFIG_MAPS, lambda: NOW)
    assert json.loads(events.added(value(OBJECT)))["object"]["kind"] == "PartialObjectMetadata"


def test_yaml() -> None:
    yaml = form("application/yaml")
    assert yaml.content_type == "application/yaml"
    text = yaml.object(CONFIG_MAPS, value(OBJECT), NOW).decode()
    assert "kind: ConfigMap\n" in text
    assert "  creationTimestamp: '2026-01-02T03:03:05Z'\n" in text
    with pytest.raises(NotAcceptable):
        yaml.events(CONFIG_MAPS, lambda: NOW)


def test_people_get_indented_json() -> None:
    asked = form(JSON, pretty="true").object(CONFIG_MAPS, value(OBJECT), NOW)
    assert asked.startswith(b'{\n  "kind": "ConfigMap",\n')
    curl = Request("GET", "/", headers={"user-agent": "curl/8"})
    assert negotiate("*/*", CONFIG_MAPS, curl, 36).pretty


def test_an_event_is_the_same_event_in_both_groups() -> None:
    events = kind("events.k8s.io", "v1", "events")
    core = {
        "metadata": {"name": "e", "namespace": "n"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": "hello",
        "count": 2,
    }
    found = json.loads(form(JSON, events).object(events, value(core), NOW))
    assert found["apiVersion"] == "events.k8s.io/v1"
    assert found["regarding"] == core["involvedObject"]
    assert (found["note"], found["deprecatedCount"]) == ("hello", 2)
    listed = json.loads(form(JSON, events).list(events, [value(core)], 9, NOW))
    assert listed["items"][0]["note"] == "hello"
    row = json.loads(form(TABLE, events).list(events, [value(core)], 9, NOW))["rows"][0]
    assert row["cells"][3] == "pod/p"


def test_columns_are_those_of_a_real_kubernetes() -> None:
    if not ORACLE.is_dir():
        pytest.skip("shared/oracle is not beside this checkout")
    recorded = json.loads((ORACLE / "table-columns.json").read_text())
    for path, expected in recorded.items():
        *_, version, plural = path.split("/")
        group = path.split("/")[2] if path.startswith("/apis/") else ""
        found = json.loads(form(TABLE).list(kind(group, version, plural), [], 9, NOW))
        assert found["columnDefinitions"] == expected, path


def rows_of_dialogues() -> list[tuple[str, Any, Any]]:
    """Each recorded row with the object that it was made of, where the dialogue shows that."""
    dialogues = json.loads((ORACLE / "dialogues.json").read_text())
    found = []
    for dialogue in dialogues:
        seen: dict[str, Any] = {}
        for step in dialogue["steps"]:
            path, response = step["request"]["path"], step["response"]
            if not isinstance(response, dict):
                continue
            if response.get("kind") == "Table":
                for row in response["rows"]:
                    name = row["object"]["metadata"]["name"]
                    known = seen.get(f"{path}/{name}")
                    if known is not None:
                        found.append((path, known, row["cells"]))
            elif "metadata" in response and response.get("kind") not in ("Status", "Scale"):
                name = response["metadata"].get("name")
                base = path.partition("?")[0].removesuffix("/status")
                base = base if base.endswith(f"/{name}") else f"{base}/{name}"
                seen[base] = response
    return found


def test_cells_are_those_of_a_real_kubernetes() -> None:
    if not ORACLE.is_dir():
        pytest.skip("shared/oracle is not beside this checkout")
    checked = 0
    for path, obj, cells in rows_of_dialogues():
        parts = path.split("/")
        group, version = (parts[2], parts[3]) if parts[1] == "apis" else ("", parts[2])
        if parts[-1] == "resourcequotas":
            continue  # its usage moved on between the object and the table
        of = kind(group, version, parts[-1])
        obj["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z"
        assert of.table is not None
        found = of.table.cells(obj, NOW)
        ages = [i for i, column in enumerate(of.table.columns) if column.name == "Age"]
        for index in ages:
            found[index] = cells[index] = ""
        assert found == cells, path
        checked += 1
    assert checked >= 3
