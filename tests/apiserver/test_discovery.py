"""Discovery says what a real Kubernetes 1.36 says, in both of its forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k8slite.apiserver.discovery import Discovery
from k8slite.kinds.entry import status
from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds
from k8slite.messages import Request
from k8slite.objects.errors import NotAcceptable

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KUBECTL = (
    f"{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

WIDGETS = Kind(
    "example.com",
    "v1",
    "Widget",
    "widgets",
    "widget",
    namespaced=True,
    subresources=(status("Widget"),),
)


def recorded(name: str) -> Any:
    if not ORACLE.is_dir():
        pytest.skip("shared/oracle is not beside this checkout")
    return json.loads((ORACLE / name).read_text())


def ask(path: str, accept: str = "application/json", discovery: Discovery | None = None) -> Any:
    server = discovery or Discovery(Kinds.of(36), 36)
    response = server.answer(Request("GET", path, headers={"accept": accept}))
    assert response is not None
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def test_every_document_equals_the_recorded_one() -> None:
    for path, expected in recorded("discovery.json").items():
        found = ask(path)
        if path == "/version":
            # The patch, and what was built when, are ours.
            for key in ("gitVersion", "gitCommit", "buildDate"):
                expected.pop(key)
                found.pop(key)
        if path == "/api":
            expected["serverAddressByClientCIDRs"][0].pop("serverAddress")
            found["serverAddressByClientCIDRs"][0].pop("serverAddress")
        assert found == expected, path


def test_the_aggregated_form_equals_the_recorded_one() -> None:
    for path, expected in recorded("discovery-aggregated.json").items():
        assert ask(path, AGGREGATED) == expected, path


def test_the_preferred_form_decides() -> None:
    assert ask("/apis", KUBECTL)["apiVersion"] == "apidiscovery.k8s.io/v2"
    old = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    assert ask("/apis", old)["apiVersion"] == "apidiscovery.k8s.io/v2beta1"
    assert ask("/apis", f"application/json,{AGGREGATED};q=0.5")["kind"] == "APIGroupList"
    assert ask("/apis", "*/*")["kind"] == "APIGroupList"
    assert ask("/apis", "application/vnd.kubernetes.protobuf,*/*")["kind"] == "APIGroupList"
    assert ask("/apis/apps/v1", KUBECTL)["kind"] == "APIResourceList"


def test_the_content_type_names_the_aggregated_kind_and_an_etag_saves_the_body() -> None:
    discovery = Discovery(Kinds.of(36), 36)
    headers = {"accept": AGGREGATED}
    response = discovery.answer(Request("GET", "/apis", headers=headers))
    assert response is not None
    found = dict(response.headers)
    assert found["Content-Type"] == AGGREGATED
    again = Request("GET", "/apis", headers={**headers, "if-none-match": found["ETag"]})
    unchanged = discovery.answer(again)
    assert unchanged is not None
    assert (unchanged.status, unchanged.body) == (304, b"")
    discovery.update(Kinds.of(36).extended([WIDGETS]))
    changed = discovery.answer(again)
    assert changed is not None
    assert changed.status == 200


def test_a_client_that_takes_no_json_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        ask("/apis", "text/html")


def test_one_group() -> None:
    found = ask("/apis/autoscaling")
    assert found["kind"] == "APIGroup"
    assert found["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/apps/v2", "/nope", "/api/v2", "/apis//v1"])
def test_there_is_nothing_elsewhere(path: str) -> None:
    assert Discovery(Kinds.of(36), 36).answer(Request("GET", path)) is None


def test_custom_resources_come_last_and_say_where_they_belong() -> None:
    discovery = Discovery(Kinds.of(36).extended([WIDGETS]), 36)
    assert ask("/apis", discovery=discovery)["groups"][-1]["name"] == "example.com"
    listed = ask("/apis/example.com/v1", discovery=discovery)["resources"]
    assert [one["name"] for one in listed] == ["widgets", "widgets/status"]
    item = ask("/apis", AGGREGATED, discovery)["items"][-1]
    resource = item["versions"][0]["resources"][0]
    kind = {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert resource["responseKind"] == kind
    assert resource["subresources"][0]["responseKind"] == kind
