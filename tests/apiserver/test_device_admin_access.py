"""Admin access to devices is for namespaces that are marked for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.oracle_server import running

Json = dict[str, Any]

ROOT = "/apis/resource.k8s.io/v1/namespaces"
MERGE = "application/merge-patch+json"


@pytest.mark.parametrize("plural", ["resourceclaims", "resourceclaimtemplates"])
async def test_who_may_ask_for_it(plural: str, autojump_clock: object) -> None:
    request = {"name": "one", "exactly": {"deviceClassName": "gpu", "adminAccess": True}}
    spec: Json = {"devices": {"requests": [request]}}
    obj = {
        "metadata": {"name": "c"},
        "spec": spec if plural == "resourceclaims" else {"spec": spec},
    }
    path = f"{ROOT}/default/{plural}"
    async with running(controllers=False) as server:
        answer = await server.ask("POST", path, obj)
        assert answer.status == 422
        assert answer.json["message"].endswith(
            "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the "
            "`resource.kubernetes.io/admin-access: true` label on the containing namespace"
        )
        marked = {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}}
        await server.ask("PATCH", "/api/v1/namespaces/default", marked, MERGE)
        assert (await server.ask("POST", path, obj)).status == 201
