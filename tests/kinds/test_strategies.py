"""Each resource that discovery lists has a strategy, with upstream's flags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kinds.oracle_cases import ORACLE, need_oracle, strategies

Json = dict[str, Any]


def test_every_resource_has_a_strategy() -> None:
    need_oracle()
    discovery = json.loads((ORACLE / "discovery.json").read_bytes())
    for path, listed in discovery.items():
        if "resources" not in listed:
            continue
        group = "core" if path.startswith("/api/") else path.split("/")[2].partition(".")[0]
        names = [one["name"] for one in listed["resources"]]
        for name in names:
            if "/" in name:
                continue
            assert name in strategies(group), (group, name)
            assert strategies(group)[name].status == (f"{name}/status" in names)


def test_generation_is_kept_where_it_was_recorded() -> None:
    need_oracle()
    bootstrap = json.loads((ORACLE / "bootstrap.json").read_bytes())
    for path, items in bootstrap.items():
        group = "core" if path.startswith("/api/") else path.split("/")[2].partition(".")[0]
        for item in items:
            generation = "generation" in item["metadata"]
            # A FlowSchema or priority level that the server wrote itself has one too.
            assert strategies(group)[path.rpartition("/")[2]].generation == generation, path


@pytest.mark.parametrize(
    ("group", "plural", "flags"),
    [
        ("core", "services", {"create_on_update": True, "name_rule": "label"}),
        ("core", "pods", {"create_on_update": False, "generation": True}),
        ("core", "replicationcontrollers", {"orphan_by_default": True}),
        ("batch", "jobs", {"orphan_by_default": True, "generation": True}),
        ("apps", "deployments", {"orphan_by_default": False, "generation": True}),
        ("coordination", "leases", {"create_on_update": True, "unconditional_update": False}),
        ("rbac", "clusterroles", {"name_rule": "path", "create_on_update": True}),
    ],
)
def test_flags(group: str, plural: str, flags: Json) -> None:
    strategy = strategies(group)[plural]
    assert {key: getattr(strategy, key) for key in flags} == flags


def test_status_is_dropped_on_creation_and_kept_on_update() -> None:
    strategy = strategies("apps")["deployments"]
    new: Json = {"metadata": {}, "spec": {}, "status": {"replicas": 5}}
    strategy.prepare(new, None)
    assert "status" not in new
    old: Json = {"metadata": {}, "spec": {}, "status": {"replicas": 2}}
    new = {"metadata": {}, "spec": {}, "status": {"replicas": 5}}
    strategy.prepare(new, old)
    assert new["status"] == {"replicas": 2}


def test_a_node_registers_with_its_status() -> None:
    strategy = strategies("core")["nodes"]
    new: Json = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "4"}}}
    strategy.prepare(new, None)
    strategy.default(new)
    assert new["status"]["allocatable"] == {"cpu": "4"}


def test_a_namespace_keeps_its_finalizer() -> None:
    strategy = strategies("core")["namespaces"]
    old: Json = {"metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}}
    new: Json = {"metadata": {"name": "n"}, "spec": {}}
    strategy.prepare(new, old)
    assert new["spec"]["finalizers"] == ["kubernetes"]


def test_a_daemon_set_counts_its_templates() -> None:
    strategy = strategies("apps")["daemonsets"]
    key = "deprecated.daemonset.template.generation"
    old: Json = {"metadata": {}, "spec": {"template": {"spec": {}}}}
    strategy.prepare(old, None)
    assert old["metadata"]["annotations"][key] == "1"
    new: Json = {"metadata": {}, "spec": {"template": {"spec": {"hostNetwork": True}}}}
    strategy.prepare(new, old)
    assert new["metadata"]["annotations"][key] == "2"


def test_a_definition_remembers_where_it_stores() -> None:
    strategy = strategies("apiextensions")["customresourcedefinitions"]
    versions = [{"name": "v1", "storage": True}]
    old: Json = {"metadata": {}, "spec": {"versions": versions}}
    strategy.prepare(old, None)
    assert old["status"]["storedVersions"] == ["v1"]
    new: Json = {"metadata": {}, "spec": {"versions": [{"name": "v2", "storage": True}]}}
    strategy.prepare(new, old)
    assert new["status"]["storedVersions"] == ["v1", "v2"]
    assert old["status"]["storedVersions"] == ["v1"]


@pytest.mark.parametrize(
    ("old_spec", "new_spec", "expected"),
    [
        # What was allocated stays though the client leaves it out.
        (
            {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]},
            {"type": "ClusterIP"},
            {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]},
        ),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]},
            {"type": "NodePort", "ports": [{"port": 80}]},
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]},
        ),
        # A node port goes with the type that needed it.
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]},
            {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": 30000}]},
            {"type": "ClusterIP", "ports": [{"port": 80}]},
        ),
        (
            {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]},
            {"type": "ExternalName", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]},
            {"type": "ExternalName"},
        ),
    ],
)
def test_a_service_keeps_what_was_allocated(old_spec: Json, new_spec: Json, expected: Json) -> None:
    strategy = strategies("core")["services"]
    new: Json = {"metadata": {}, "spec": new_spec}
    strategy.prepare(new, {"metadata": {}, "spec": old_spec})
    assert new["spec"] == expected
