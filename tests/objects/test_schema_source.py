"""Definitions that are decoded one by one are the ones that the whole file holds."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import orjson
import pytest

from k8slite.objects.schema_source import Definitions, Extended


@pytest.fixture(scope="module")
def data() -> bytes:
    """The newest version's file."""
    package = importlib.util.find_spec("kubernetes_validate")
    assert package is not None and package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0], "kubernetes-json-schema")
    return (folder / "v1.37.0-local" / "_definitions.json").read_bytes()


def test_each_definition_is_as_the_file_has_it(data: bytes) -> None:
    whole = orjson.loads(data)["$defs"]
    found = Definitions(data)
    assert list(found) == list(whole)
    assert len(found) == len(whole)
    assert dict(found) == whole


def test_kinds_are_found_without_decoding(data: bytes) -> None:
    kinds = Definitions(data).kinds()
    assert kinds["apps", "v1", "Deployment"] == "io.k8s.api.apps.v1.Deployment"
    assert kinds["", "v1", "Pod"] == "io.k8s.api.core.v1.Pod"
    options = kinds["apps", "v1", "DeleteOptions"]
    assert options == "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"


def test_what_is_not_there(data: bytes) -> None:
    found = Definitions(data)
    assert "io.k8s.api.core.v1.Nothing" not in found
    with pytest.raises(KeyError):
        found["io.k8s.api.core.v1.Nothing"]


def test_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="another layout"):
        Definitions(b'{"$defs": {"a": {}}}')


def test_others_come_beside_and_before(data: bytes) -> None:
    both = Extended({"com.example.v1.Web": {"type": "object"}, _POD: {}}, Definitions(data))
    assert both["com.example.v1.Web"] == {"type": "object"}
    assert both[_POD] == {}
    assert "containers" in both[_POD + "Spec"]["properties"]
    assert list(both)[-1] == "com.example.v1.Web"
    assert len(both) == len(Definitions(data)) + 1
    assert _POD in both and "com.example.v1.Other" not in both


_POD = "io.k8s.api.core.v1.Pod"
