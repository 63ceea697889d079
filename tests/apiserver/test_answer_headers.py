"""What every answer says in its headers, whatever was asked."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve

from k8slite.messages import IN_PROCESS, Peer, User
from tests.apiserver.oracle_server import ADMIN, Answer, Server, request, running

MAPS = "/api/v1/namespaces/default/configmaps"
FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
SCHEMA = "X-Kubernetes-Pf-Flowschema-Uid"
LEVEL = "X-Kubernetes-Pf-Prioritylevel-Uid"


async def headers(server: Server, path: str, peer: Peer = ADMIN, **sent: str) -> dict[str, str]:
    asked = evolve(request("GET", path), peer=peer)
    named = {name.replace("_", "-"): value for name, value in sent.items()}
    response = await server.cluster.handler(evolve(asked, headers={**asked.headers, **named}))
    found = dict(Answer(response).headers)
    assert len(found) == len(response.headers)
    return found


async def test_every_answer_is_dated_numbered_and_kept_by_nobody(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        numbers = []
        for path in (MAPS, f"{MAPS}/none", "/version", "/nothing", "/healthz", "/metrics"):
            found = await headers(server, path)
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", found["Date"])
            assert found["Cache-Control"] == "no-cache, private"
            numbers.append(found["Audit-Id"])
        assert len({*numbers}) == len(numbers)
        assert (await headers(server, MAPS, audit_id="mine"))["Audit-Id"] == "mine"


async def test_nobody_in_the_process_would_read_them(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        found = await headers(server, MAPS, Peer(IN_PROCESS, ADMIN.user))
        assert list(found) == ["Content-Type"]


async def named(server: Server, found: dict[str, str]) -> tuple[str, str]:
    """The names of the flow schema and the level in an answer's headers."""
    names: dict[str, str] = {}
    for resource in ("flowschemas", "prioritylevelconfigurations"):
        for one in (await server.ask("GET", f"{FLOW}/{resource}")).json["items"]:
            names[one["metadata"]["uid"]] = one["metadata"]["name"]
    return names[found[SCHEMA]], names[found[LEVEL]]


def peer(name: str, *groups: str) -> Peer:
    return Peer(user=User(name, groups))


async def test_what_flow_control_makes_of_a_request(autojump_clock: object) -> None:
    async with running(controllers=False) as server:

        async def of(path: str, who: Peer) -> tuple[str, str]:
            return await named(server, await headers(server, path, who))

        joe = peer("joe", "system:authenticated")
        account = "system:serviceaccount:kube-system:a"
        controller = peer(account, "system:serviceaccounts:kube-system", "system:authenticated")
        node = peer("system:node:a", "system:nodes", "system:authenticated")
        assert await of(MAPS, ADMIN) == ("exempt", "exempt")
        assert await of(MAPS, joe) == ("global-default", "global-default")
        assert await of("/healthz", joe) == ("probes", "exempt")
        assert await of(MAPS, controller) == ("kube-system-service-accounts", "workload-high")
        assert await of("/api/v1/nodes/a", node) == ("system-node-high", "node-high")
        assert await of(MAPS, node) == ("system-nodes", "system")


async def test_a_flow_schema_of_ones_own(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        joe = peer("joe", "system:authenticated")
        level = {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}},
        }
        rule: dict[str, Any] = {
            "subjects": [{"kind": "User", "user": {"name": "joe"}}],
            "resourceRules": [
                {
                    "verbs": ["list"],
                    "apiGroups": [""],
                    "resources": ["configmaps"],
                    "namespaces": ["default"],
                }
            ],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/version/*"]}],
        }
        spec = {
            "matchingPrecedence": 500,
            "priorityLevelConfiguration": {"name": "own"},
            "rules": [rule],
        }
        await server.create(f"{FLOW}/flowschemas", {"metadata": {"name": "own"}, "spec": spec})
        first = await named(server, await headers(server, MAPS, joe))
        assert first[0] == "global-default"  # there is no such level yet
        made = {"metadata": {"name": "own"}, "spec": level}
        await server.create(f"{FLOW}/prioritylevelconfigurations", made)
        assert await named(server, await headers(server, MAPS, joe)) == ("own", "own")
        for path, wanted in (
            (f"{MAPS}/a", "global-default"),
            ("/api/v1/configmaps", "global-default"),
            ("/version", "global-default"),
            ("/version/a", "own"),
        ):
            assert (await named(server, await headers(server, path, joe)))[0] == wanted
