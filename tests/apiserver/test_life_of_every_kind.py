"""Every built-in resource through its life: created, read in every form, watched, changed in every
way, its status written, deleted alone and with others. Upstream's conformance suite does the same
with about thirty of them, one test each ("... API operations").
"""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from k8slite.kinds.table import Kinds
from tests.apiserver.oracle_server import Server, Watching, running
from tests.apiserver.simple_objects import simple

Json = dict[str, Any]

NAMESPACE = "life"
_KINDS = sorted(
    (kind for kind in Kinds.of(36).all() if {"create", "list", "watch"} <= set(kind.verbs)),
    key=lambda kind: (kind.group, kind.version, kind.plural),
)


@pytest.mark.parametrize(
    "kind", _KINDS, ids=lambda kind: f"{kind.group}-{kind.version}-{kind.plural}"
)
async def test_a_life(kind: Any, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        await server.create(account, {"metadata": {"name": "default"}})
        await _Life(server, kind).run()


class _Life:
    def __init__(self, server: Server, kind: Any) -> None:
        self.server, self.kind = server, kind
        version = f"{kind.group}/{kind.version}" if kind.group else kind.version
        self.api_version = version
        root = f"/apis/{version}" if kind.group else f"/api/{version}"
        inside = f"/namespaces/{NAMESPACE}" if kind.namespaced else ""
        self.all = f"{root}/{kind.plural}"
        self.path = f"{root}{inside}/{kind.plural}"
        self.object = simple(version, kind.plural, "one")
        self.name = self.object["metadata"]["name"]
        self.one = f"{self.path}/{self.name}"

    async def run(self) -> None:
        await self.imagined()
        watching = await self.server.watch(f"{self.path}?labelSelector=test%3Done")
        await self.created()
        await self.read()
        await self.changed(watching)
        if "status" in self.kind.subresources:
            await self.status()
        await self.deleted(watching)
        watching.close()
        if "deletecollection" in self.kind.verbs:
            await self.collection_deleted()

    async def imagined(self) -> None:
        """A dry run tells of what would be, and leaves nothing."""
        await self.server.create(f"{self.path}?dryRun=All&fieldValidation=Strict", self.object)
        assert (await self.server.ask("GET", self.one)).status == 404

    async def created(self) -> None:
        made = await self.server.create(f"{self.path}?fieldValidation=Strict", self.object)
        metadata = made["metadata"]
        assert metadata["uid"] and metadata["creationTimestamp"] and metadata["resourceVersion"]
        assert (made["apiVersion"], made["kind"]) == (self.api_version, self.kind.kind)
        again = await self.server.ask("POST", self.path, self.object)
        # Events of both groups are kept by the storage of the core group's.
        group = f".{self.kind.group}" if self.kind.group and self.kind.kind != "Event" else ""
        assert again.status == 409
        assert again.json["reason"] == "AlreadyExists"
        assert again.json["message"] == (f'{self.kind.plural}{group} "{self.name}" already exists')

    async def read(self) -> None:
        server = self.server
        found = await server.get(self.one)
        for path in (self.path, self.all):
            listed = await server.get(f"{path}?labelSelector=test%3Done")
            assert listed["kind"] == f"{self.kind.kind}List"
            assert [one["metadata"]["uid"] for one in listed["items"]] == [found["metadata"]["uid"]]
        accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
        table = (await server.ask("GET", self.one, accept=accept)).json
        assert table["kind"] == "Table" and len(table["rows"]) == 1
        # Upstream gives an IPAddress a cell more than it has columns.
        surplus = int(self.kind.plural == "ipaddresses")
        assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"]) + surplus
        accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        partial = (await server.ask("GET", self.one, accept=accept)).json
        assert partial["kind"] == "PartialObjectMetadata"
        assert partial["metadata"]["uid"] == found["metadata"]["uid"]
        if self.kind.group != "apiextensions.k8s.io":
            accept = "application/vnd.kubernetes.protobuf"
            encoded = await server.ask("GET", self.one, accept=accept)
            assert encoded.status == 200 and encoded.body.startswith(b"k8s\0")

    async def changed(self, watching: Watching) -> None:
        server = self.server
        event = await watching.next()
        assert event is not None and event["type"] == "ADDED"
        patch = {"metadata": {"annotations": {"patched": "yes"}}}
        answer = await server.ask("PATCH", self.one, patch, "application/merge-patch+json")
        assert answer.status == 200, answer.body
        assert answer.json["metadata"]["annotations"]["patched"] == "yes"
        event = await watching.next()
        assert event is not None and event["type"] == "MODIFIED"
        await wait_all_tasks_blocked()  # the server itself writes the status of a definition
        found = await server.get(self.one)
        found["metadata"]["annotations"]["updated"] = "yes"
        answer = await server.ask("PUT", self.one, found)
        assert answer.status == 200, answer.body
        stale = await server.ask("PUT", self.one, found | {"metadata": found["metadata"]})
        assert stale.status == 409, stale.body
        while event is not None and "updated" not in _annotations(event["object"]):
            event = await watching.next()  # a definition's status is written meanwhile
        assert event is not None and event["type"] == "MODIFIED"
        applied = {
            "apiVersion": self.api_version,
            "kind": self.kind.kind,
            "metadata": {"name": self.name, "annotations": {"applied": "yes"}},
        }
        answer = await server.ask(
            "PATCH", f"{self.one}?fieldManager=test", applied, "application/apply-patch+yaml"
        )
        assert answer.status == 200, answer.body
        wanted = {"patched": "yes", "updated": "yes", "applied": "yes"}
        annotations = answer.json["metadata"]["annotations"]
        assert {key: annotations.get(key) for key in wanted} == wanted

    async def status(self) -> None:
        """What is written to /status changes nothing but the status and the metadata."""
        server = self.server
        path = f"{self.one}/status"
        before = await server.get(path)
        patch = {"metadata": {"annotations": {"status": "patched"}}, "spec": None}
        answer = await server.ask("PATCH", path, patch, "application/merge-patch+json")
        assert answer.status == 200, answer.body
        after = answer.json
        assert after.get("spec") == before.get("spec")
        assert after["metadata"]["annotations"]["status"] == "patched"
        conditions = after.get("status", {}).get("conditions")
        after.setdefault("status", {})["conditions"] = [
            *(conditions or []),
            {
                "type": "Tried",
                "status": "True",
                "reason": "E2E",
                "message": "set from the test",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
            },
        ]
        answer = await server.ask("PUT", path, after)
        assert answer.status == 200, answer.body
        if self.kind.plural not in _WITHOUT_CONDITIONS:
            found = await server.get(self.one)
            types = [one["type"] for one in found["status"]["conditions"]]
            assert "Tried" in types

    async def deleted(self, watching: Watching) -> None:
        server = self.server
        answer = await server.ask("DELETE", self.one)
        assert answer.status in (200, 202), answer.body
        if self.kind.plural in _FINALIZED:
            found = await server.get(self.one)
            assert found["metadata"]["deletionTimestamp"]
            return
        while (event := await watching.next()) is not None and event["type"] != "DELETED":
            assert event["type"] == "MODIFIED"
        assert event is not None
        assert (await server.ask("GET", self.one)).status == 404
        again = await server.ask("DELETE", self.one)
        assert again.status == 404 and again.json["reason"] == "NotFound"

    async def collection_deleted(self) -> None:
        server = self.server
        if self.kind.plural in ("ipaddresses",):
            return
        for name in ("two", "three"):
            obj = simple(self.api_version, self.kind.plural, name)
            obj["metadata"]["labels"] = {"several": "yes"}
            await server.create(self.path, obj)
        selected = f"{self.path}?labelSelector=several%3Dyes"
        assert len((await server.get(selected))["items"]) == 2
        answer = await server.ask("DELETE", selected)
        assert answer.status == 200, answer.body
        if self.kind.plural == "customresourcedefinitions":
            await trio.sleep(5)  # their objects, of which there are none, are deleted first
        left = (await server.get(selected))["items"]
        if self.kind.plural in _FINALIZED:
            assert all(one["metadata"]["deletionTimestamp"] for one in left)
        else:
            assert left == []


def _annotations(obj: Json) -> Json:
    found: Json = obj["metadata"].get("annotations", {})
    return found


# Whose status has no list of conditions.
_WITHOUT_CONDITIONS = {"cronjobs", "horizontalpodautoscalers"}

# What waits for a controller that takes its finalizer away: in both of the last the dependants are
# orphaned unless the request says otherwise.
_FINALIZED = {
    "namespaces",
    "persistentvolumes",
    "persistentvolumeclaims",
    "jobs",
    "replicationcontrollers",
}
