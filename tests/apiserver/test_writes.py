"""Writes: names, versions, generations, dry runs, fields that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
import trio.testing

from tests.apiserver.oracle_server import Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


async def make(server: Server, name: str = "a", **data: str) -> Json:
    made: Json = await server.create(MAPS, {"metadata": {"name": name}, "data": data})
    return made


def deployment(**spec: Any) -> Json:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


async def test_names_are_made_up_from_a_beginning(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = [await server.create(MAPS, {"metadata": {"generateName": "x-"}}) for _ in range(20)]
        names = {one["metadata"]["name"] for one in made}
        assert len(names) == 20
        assert all(name.startswith("x-") and len(name) == 7 for name in names)
        neither = await server.ask("POST", MAPS, {"metadata": {}})
        assert neither.status == 422
        assert "name or generateName is required" in neither.json["message"]


async def test_a_made_up_name_that_is_taken_is_made_up_again(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        chance = server.cluster.world.chance
        state = chance.getstate()
        first = await server.create(MAPS, {"metadata": {"generateName": "x-"}})
        chance.setstate(state)  # the same choices come again
        second = await server.create(MAPS, {"metadata": {"generateName": "x-"}})
        assert first["metadata"]["name"] != second["metadata"]["name"]


async def test_a_dry_run_writes_nothing(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, k="v")
        before = server.store.revision
        created = await server.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "b"}})
        assert (created.status, created.json["metadata"]["name"]) == (201, "b")
        assert "resourceVersion" not in created.json["metadata"]
        changed = await server.ask("PATCH", f"{MAPS}/a?dryRun=All", {"data": {"k": "w"}}, MERGE)
        assert changed.json["data"] == {"k": "w"}
        assert (await server.ask("DELETE", f"{MAPS}/a?dryRun=All")).status == 200
        assert server.store.revision == before
        refused = await server.ask("POST", f"{MAPS}?dryRun=Some", {"metadata": {"name": "b"}})
        assert refused.status == 422
        assert refused.json["details"]["kind"] == "CreateOptions"


async def test_an_update_that_changes_nothing_writes_nothing(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await make(server, k="v")
        before = server.store.revision
        for answer in (
            await server.ask("PUT", f"{MAPS}/a", made),
            await server.ask("PATCH", f"{MAPS}/a", {"data": {"k": "v"}}, MERGE),
        ):
            assert answer.json["metadata"] == made["metadata"]
        assert server.store.revision == before


async def test_versions(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await make(server, k="v")
        version = made["metadata"]["resourceVersion"]
        newer = await server.ask("PUT", f"{MAPS}/a", {**made, "data": {"k": "w"}})
        assert newer.status == 200
        stale = await server.ask("PUT", f"{MAPS}/a", {**made, "data": {"k": "x"}})
        assert (stale.status, stale.json["reason"]) == (409, "Conflict")
        patch = {"metadata": {"resourceVersion": version}, "data": {"k": "y"}}
        assert (await server.ask("PATCH", f"{MAPS}/a", patch, MERGE)).status == 409
        wrong = {**made, "metadata": {**made["metadata"], "resourceVersion": "", "uid": "other"}}
        assert (await server.ask("PUT", f"{MAPS}/a", wrong)).status == 409
        lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        await server.create(lease, {"metadata": {"name": "l"}})
        # Few kinds ask for a version in a PUT.
        blind = await server.ask("PUT", f"{lease}/l", {"metadata": {"name": "l"}})
        assert blind.status == 422
        set_on_create = {"metadata": {"name": "z", "resourceVersion": "5"}}
        answer = await server.ask("POST", MAPS, set_on_create)
        assert answer.status == 500
        assert "reason" not in answer.json


async def test_generations_count_what_was_asked_for(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await server.create(DEPLOYMENTS, deployment())
        path = f"{DEPLOYMENTS}/d"
        assert made["metadata"]["generation"] == 1

        async def generation(patch: Json, where: str = path) -> Any:
            answer = await server.ask("PATCH", where, patch, MERGE)
            assert answer.status == 200, answer.body
            return answer.json["metadata"]["generation"]

        assert await generation({"metadata": {"labels": {"x": "y"}}}) == 1
        assert await generation({"spec": {"replicas": 2}}) == 2
        assert await generation({"status": {"replicas": 9}}, f"{path}/status") == 2
        assert await generation({"status": {"replicas": 3}, "metadata": {"generation": 9}}) == 2
        found = await server.get(path)
        assert found["status"]["replicas"] == 9
        deleted = await server.ask("DELETE", f"{path}?propagationPolicy=Foreground")
        assert deleted.json["metadata"]["generation"] == 3


async def test_a_status_write_changes_the_status_only(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(DEPLOYMENTS, deployment(replicas=1))
        wanted = deployment(replicas=7)
        wanted["metadata"]["labels"] = {"x": "y"}
        wanted["status"] = {"replicas": 1}
        answer = await server.ask("PUT", f"{DEPLOYMENTS}/d/status", wanted)
        assert answer.json["spec"]["replicas"] == 1
        assert answer.json["status"]["replicas"] == 1
        assert "labels" not in answer.json["metadata"]


@pytest.mark.parametrize(
    ("mode", "status", "warned"),
    [("", 201, True), ("Warn", 201, True), ("Ignore", 201, False), ("Strict", 400, False)],
)
async def test_unknown_and_repeated_fields(
    mode: str, status: int, warned: bool, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        body = b'{"metadata":{"name":"b","what":1},"data":{"k":"v"},"data":{"k":"w"}}'
        answer = await server.ask("POST", f"{MAPS}?fieldValidation={mode}", body)
        assert answer.status == status
        wanted = (
            ['299 - "unknown field \\"metadata.what\\""', '299 - "duplicate field \\"data\\""']
            if warned
            else []
        )
        assert answer.warnings == wanted
        if status == 201:
            assert "what" not in answer.json["metadata"]
        else:
            assert "strict decoding error" in answer.json["message"]


async def test_a_mode_of_validation_that_nobody_knows(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for method, path, kind in (
            ("POST", MAPS, "CreateOptions"),
            ("PUT", f"{MAPS}/a", "UpdateOptions"),
        ):
            answer = await server.ask(
                method, f"{path}?fieldValidation=x", {"metadata": {"name": "a"}}
            )
            assert (answer.status, answer.json["details"]["kind"]) == (422, kind)


async def test_what_the_server_owns_is_not_taken(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        metadata = {
            "name": "a",
            "uid": "mine",
            "creationTimestamp": "2000-01-01T00:00:00Z",
            "deletionTimestamp": "2000-01-01T00:00:00Z",
            "generation": 9,
        }
        made = (await server.create(MAPS, {"metadata": metadata}))["metadata"]
        assert made["uid"] != "mine"
        assert made["creationTimestamp"] > "2020"
        assert "deletionTimestamp" not in made
        answer = await server.ask(
            "PATCH", f"{MAPS}/a", {"metadata": {"creationTimestamp": None}}, MERGE
        )
        assert answer.json["metadata"]["creationTimestamp"] == made["creationTimestamp"]


async def test_a_put_makes_only_kinds_that_may_be_made_so(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
        assert (await server.ask("PUT", lease, {"metadata": {"name": "l"}})).status == 201
        answer = await server.ask("PUT", f"{MAPS}/new", {"metadata": {"name": "new"}})
        assert answer.status == 404


async def test_immutable_data_stays(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(MAPS, {"metadata": {"name": "a"}, "immutable": True})
        answer = await server.ask("PATCH", f"{MAPS}/a", {"data": {"k": "v"}}, MERGE)
        assert answer.status == 422


async def test_conditions_have_a_type_whoever_writes_them(autojump_clock: object) -> None:
    async with running() as server:
        await server.create(DEPLOYMENTS, deployment())
        await trio.testing.wait_all_tasks_blocked()
        odd = {"status": {"conditions": [{"message": "odd"}]}}
        patched = await server.ask("PATCH", f"{DEPLOYMENTS}/d/status", odd, MERGE)
        said = {"message": "odd", "type": "", "status": ""}
        assert patched.json["status"]["conditions"][0].items() >= said.items()
        await trio.testing.wait_all_tasks_blocked()
        # The controller goes on beside it.
        conditions = (await server.get(f"{DEPLOYMENTS}/d"))["status"]["conditions"]
        assert {"", "Progressing"} <= {one["type"] for one in conditions}
