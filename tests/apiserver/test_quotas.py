"""Quotas and ranges of limits: what is refused, what is filled in, what is counted."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.apiserver.oracle_server import Server, running

Json = dict[str, Any]
SPACE = "/api/v1/namespaces/default"
QUOTAS, PODS, MAPS = f"{SPACE}/resourcequotas", f"{SPACE}/pods", f"{SPACE}/configmaps"


def pod(name: str, **resources: Json) -> Json:
    container = {"name": "c", "image": "x", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


async def quota(server: Server, scopes: list[str] | None = None, **hard: str) -> None:
    names = {name.replace("__", "/").replace("_", "."): value for name, value in hard.items()}
    spec: Json = {"hard": names, **({"scopes": scopes} if scopes else {})}
    await server.create(QUOTAS, {"metadata": {"name": "q"}, "spec": spec})
    await trio.sleep(1)


async def used(server: Server) -> Json:
    found: Json = (await server.get(f"{QUOTAS}/q"))["status"]["used"]
    return found


async def refusal(server: Server, path: str, obj: Json) -> str:
    answer = await server.ask("POST", path, obj)
    assert answer.status == 403, answer.body
    return str(answer.json["message"])


async def test_what_is_made_is_charged_and_what_goes_is_given_back(
    autojump_clock: object,
) -> None:
    async with running() as server:
        await quota(server, pods="2", requests_cpu="1", count__configmaps="3")
        assert await used(server) == {"count/configmaps": "1", "pods": "0", "requests.cpu": "0"}
        await server.create(PODS, pod("a", requests={"cpu": "600m"}))
        assert await used(server) == {
            "count/configmaps": "1",
            "pods": "1",
            "requests.cpu": "600m",
        }
        assert await refusal(server, PODS, pod("b", requests={"cpu": "500m"})) == (
            'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, '
            "used: requests.cpu=600m, limited: requests.cpu=1"
        )
        assert await refusal(server, PODS, pod("b")) == (
            'pods "b" is forbidden: failed quota: q: must specify requests.cpu for: c'
        )
        await server.create(PODS, pod("b", requests={"cpu": "100m"}))
        assert "pods=1, used: pods=2, limited: pods=2" in await refusal(
            server, PODS, pod("c", requests={"cpu": "1m"})
        )
        await server.ask("DELETE", f"{PODS}/a?gracePeriodSeconds=0")
        await trio.sleep(5)
        assert (await used(server))["requests.cpu"] == "100m"
        await server.create(PODS, pod("c", requests={"cpu": "1m"}))


async def test_a_dry_run_is_checked_but_not_charged(autojump_clock: object) -> None:
    async with running() as server:
        await quota(server, configmaps="2")
        for _ in range(3):
            answer = await server.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "x"}})
            assert answer.status == 201
        assert (await used(server))["configmaps"] == "1"
        await server.create(MAPS, {"metadata": {"name": "x"}})
        answer = await server.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "y"}})
        assert answer.status == 403


async def test_writers_that_race_get_no_more_than_there_is(autojump_clock: object) -> None:
    async with running() as server:
        await quota(server, configmaps="6")
        made: list[int] = []

        async def make(number: int) -> None:
            answer = await server.ask("POST", MAPS, {"metadata": {"name": f"m{number}"}})
            made.append(answer.status)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(make, number)
        assert made.count(201) == 5
        assert (await used(server))["configmaps"] == "6"


async def test_a_charge_for_nothing_is_taken_back(autojump_clock: object) -> None:
    async with running() as server:
        await quota(server, configmaps="3")
        await server.create(MAPS, {"metadata": {"name": "x"}})
        taken = await server.ask("POST", MAPS, {"metadata": {"name": "x"}})
        assert taken.status == 409
        assert (await used(server))["configmaps"] == "3"  # as upstream: charged before
        await trio.sleep(400)
        assert (await used(server))["configmaps"] == "2"


async def test_changes_of_services_are_charged(autojump_clock: object) -> None:
    services = f"{SPACE}/services"
    async with running() as server:
        await quota(server, services="5", services_nodeports="1")
        ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
        made = await server.create(services, {"metadata": {"name": "s"}, "spec": {"ports": ports}})
        made["spec"]["type"] = "NodePort"
        answer = await server.ask("PUT", f"{services}/s", made)
        assert "requested: services.nodeports=2" in answer.json["message"]
        made["spec"]["ports"] = ports[:1]
        assert (await server.ask("PUT", f"{services}/s", made)).status == 200
        assert (await used(server))["services.nodeports"] == "1"


async def test_scopes(autojump_clock: object) -> None:
    async with running() as server:
        await quota(server, ["NotBestEffort"], pods="1")
        await server.create(PODS, pod("idle"))
        await server.create(PODS, pod("a", requests={"cpu": "1m"}))
        assert (await used(server))["pods"] == "1"
        assert "exceeded quota" in await refusal(server, PODS, pod("b", requests={"cpu": "1m"}))
        await server.create(PODS, pod("idle-too"))


async def test_a_quota_that_nobody_has_counted_yet(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
        await server.ask(
            "PATCH",
            f"{QUOTAS}/q/status",
            {"status": {"hard": {"configmaps": "1"}}},
            "application/merge-patch+json",
        )
        assert await refusal(server, MAPS, {"metadata": {"name": "m"}}) == (
            'configmaps "m" is forbidden: status unknown for quota: q, resources: configmaps'
        )


# Ranges of limits


async def limit(server: Server, kind: str = "Container", **parts: Json) -> None:
    item = {"type": kind, **parts}
    obj = {"metadata": {"name": "l"}, "spec": {"limits": [item]}}
    await server.create(f"{SPACE}/limitranges", obj)


async def test_containers_get_defaults(autojump_clock: object) -> None:
    async with running() as server:
        await trio.sleep(1)
        await limit(
            server, default={"cpu": "500m"}, defaultRequest={"cpu": "100m", "memory": "1Gi"}
        )
        made = await server.create(PODS, pod("p", limits={"memory": "2Gi"}))
        assert made["spec"]["containers"][0]["resources"] == {
            "limits": {"cpu": "500m", "memory": "2Gi"},
            "requests": {"cpu": "100m", "memory": "2Gi"},
        }
        assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
        )


@pytest.mark.parametrize(
    ("parts", "resources", "complaint"),
    [
        (
            {"min": {"cpu": "100m"}},
            {"requests": {"cpu": "50m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "2Gi"}},
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {},
            "cpu max limit to request ratio per Container is 2, but no request is specified or "
            "request is 0",
        ),
    ],
)
async def test_containers_keep_to_a_range(
    parts: Json, resources: Json, complaint: str, autojump_clock: object
) -> None:
    async with running() as server:
        await trio.sleep(1)
        await limit(server, **parts)
        found = await refusal(server, PODS, pod("p", **resources))
        assert found == f'pods "p" is forbidden: {complaint}'


async def test_pods_and_claims_keep_to_a_range(autojump_clock: object) -> None:
    claims = f"{SPACE}/persistentvolumeclaims"
    async with running() as server:
        await trio.sleep(1)
        await limit(server, "Pod", max={"cpu": "1"})
        found = await refusal(server, PODS, pod("p", limits={"cpu": "2"}))
        assert "[" in found or "maximum cpu usage per Pod is 1, but limit is 2" in found
        await server.ask("DELETE", f"{SPACE}/limitranges/l")
        await limit(server, "PersistentVolumeClaim", min={"storage": "1Gi"}, max={"storage": "2Gi"})
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}
        found = await refusal(server, claims, {"metadata": {"name": "c"}, "spec": spec})
        assert found.endswith(
            "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
        )
