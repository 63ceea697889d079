"""A migration writes every object of its resource again, and tells how it ended."""

from __future__ import annotations

import trio

from k8slite.client.resource import CONFIG_MAPS, STORAGE_VERSION_MIGRATIONS
from k8slite.controllers.machinery.storage_version_migrator import StorageVersionMigrator
from k8slite.objects.errors import Forbidden
from tests.controllers.whole_api import RESOURCES, WholeApi, add, running


async def migrated(whole, resource):
    spec = {"resource": resource}
    add(whole, STORAGE_VERSION_MIGRATIONS, "m", spec=spec)
    async with running(whole, StorageVersionMigrator):
        await trio.sleep(5)
    status = whole.client().get(STORAGE_VERSION_MIGRATIONS, "m")
    found = (await status)["status"]
    return found, {one["type"]: (one["status"], one["reason"]) for one in found["conditions"]}


def world():
    whole = WholeApi((*RESOURCES, STORAGE_VERSION_MIGRATIONS))
    for name in ("a", "b", "c"):
        add(whole, CONFIG_MAPS, name, "ns")
    return whole


def patched(whole):
    return [
        request.path.rpartition("/")[2]
        for request in whole.api.requests
        if request.method == "PATCH" and "configmaps" in request.path
    ]


async def test_every_object_is_written_again(autojump_clock):
    whole = world()
    status, conditions = await migrated(whole, {"resource": "configmaps"})
    assert patched(whole) == ["a", "b", "c"]
    assert conditions == {
        "Running": ("False", "StorageVersionMigrationInProgress"),
        "Succeeded": ("True", "StorageVersionMigrationSucceeded"),
    }
    assert int(status["resourceVersion"]) >= 4


async def test_what_is_not_served_cannot_be_migrated(autojump_clock):
    _, conditions = await migrated(world(), {"group": "e.com", "resource": "widgets"})
    assert conditions == {"Failed": ("True", "StorageVersionMigrationFailed")}


async def test_what_others_have_written_is_left_alone(autojump_clock):
    whole = world()
    before = whole.api.before

    async def meanwhile(request):
        if request.method == "PATCH" and request.path.endswith("/configmaps/b"):
            path = "/api/v1/namespaces/ns/configmaps/b"
            if "data" not in whole.api.get(path):
                whole.api.change(path, lambda one: one.update(data={"k": "v"}))
        return await before(request)

    whole.api.before = meanwhile
    _, conditions = await migrated(whole, {"resource": "configmaps"})
    assert conditions["Succeeded"][0] == "True"
    assert whole.api.get("/api/v1/namespaces/ns/configmaps/b")["data"] == {"k": "v"}


async def test_a_refusal_ends_it(autojump_clock):
    whole = world()
    before = whole.api.before

    async def refuse(request):
        if request.method == "PATCH" and request.path.endswith("/configmaps/b"):
            raise Forbidden("not this one")
        return await before(request)

    whole.api.before = refuse
    status, conditions = await migrated(whole, {"resource": "configmaps"})
    assert conditions["Failed"] == ("True", "StorageVersionMigrationFailed")
    assert status["conditions"][-1]["message"] == "not this one"
