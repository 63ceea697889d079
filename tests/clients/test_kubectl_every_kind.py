"""kubectl with an object of every built-in kind: created, printed wide, described, explained."""

from __future__ import annotations

import json
import re

from k8slite.kinds.table import Kinds
from tests.apiserver.simple_objects import simple
from tests.clients.cluster import Kubectl

# Served in another version, whose objects are the same; and what would stand in others' way.
_LEFT_OUT = ("apiservices", "namespaces", "customresourcedefinitions")
KINDS = {
    f"{kind.plural}.{kind.version}.{kind.group}": kind
    for kind in Kinds.of(36).all()
    if {"create", "list", "watch"} <= set(kind.verbs)
    and kind.plural not in _LEFT_OUT
    and kind.version in ("v1", "v2")
    and (kind.group, kind.plural) != ("events.k8s.io", "events")
    and (kind.plural, kind.version) != ("horizontalpodautoscalers", "v1")
}


def test_every_kind(kubectl: Kubectl) -> None:
    objects = []
    for kind in KINDS.values():
        obj = simple(kind.api_version, kind.plural, f"every-{kind.singular}"[:40])
        if "involvedObject" in obj:
            obj["involvedObject"]["namespace"] = kubectl.namespace
        if kind.plural == "ipaddresses":
            obj["metadata"]["name"] = "10.9.8.77"
        objects.append({**obj, "metadata": {**obj["metadata"], "labels": {"every": "kind"}}})
    # What limits the others comes after them.
    objects.sort(key=lambda obj: obj["kind"] in ("LimitRange", "ResourceQuota"))
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    made = kubectl("create", "--validate=strict", "-f", "-", given=listed).lines
    assert len(made) == len(objects)
    try:
        names = [f"{kind.plural}.{kind.group}".rstrip(".") for kind in KINDS.values()]
        wide = kubectl("get", ",".join(names), "-l", "every=kind", "-o", "wide").out
        assert wide.count("AGE") + wide.count("LAST SEEN") + wide.count("CREATED AT") >= len(names)
        described = kubectl("describe", ",".join(names), "-l", "every=kind").out
        missing = [
            obj["metadata"]["name"]
            for obj in objects
            if not re.search(rf"^Name: +{re.escape(obj['metadata']['name'])}$", described, re.M)
        ]
        assert missing == []
    finally:
        kubectl("delete", "--wait=false", "-f", "-", given=listed)
