"""In which version of AdmissionReview webhooks are asked, and what they may answer in it."""

from __future__ import annotations

import json

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler, Request, Response
from tests.apiserver.oracle_server import running
from tests.apiserver.test_webhooks import MAPS, MUTATING, hook, patch, register


async def test_a_webhook_is_asked_in_the_first_version_that_we_know(
    autojump_clock: object,
) -> None:
    """Upstream: `CreateAdmissionObjects` and `VerifyAdmissionResponse`."""
    spoken: list[str] = []

    def connect(endpoint: Endpoint) -> Handler:
        async def handle(request: Request) -> Response:
            review = json.loads(request.body)
            spoken.append(review["apiVersion"])
            grown = patch({"op": "add", "path": "/data/grown", "value": "yes"})
            del grown["patchType"]
            response = {"allowed": True, **grown}  # neither uid nor type, as it used to be
            return Response(200, json.dumps({"response": response}).encode())

        return handle

    async with running(controllers=False, webhooks=connect) as server:
        await register(server, MUTATING, hook(admissionReviewVersions=["v2", "v1beta1", "v1"]))
        made = await server.create(MAPS, {"metadata": {"name": "m"}, "data": {"k": "v"}})
        assert made["data"] == {"k": "v", "grown": "yes"}
        await server.ask("DELETE", f"{MUTATING}/c")
        await register(server, MUTATING, hook())
        refused = await server.ask("POST", MAPS, {"metadata": {"name": "n"}})
        assert refused.status == 500
        assert 'failed to call webhook: expected response.uid="' in refused.json["message"]
    assert spoken == ["admission.k8s.io/v1beta1", "admission.k8s.io/v1"]
