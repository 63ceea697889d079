"""O8, cert-manager/cert-manager#6837: two requests for one revision of a certificate.

A second reconcile comes before the cache shows the request that the first has made. Violated: one
request for each revision.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import AlreadyExists
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyRequests(Controller):
    """One request (a Secret) for each revision of a certificate (a ConfigMap)."""

    name = "requests"
    resource = CONFIG_MAPS
    owns = (SECRETS,)
    reads_own_writes = False

    async def reconcile(self, name: Name) -> None:
        certificate = self.get(name)
        if certificate is None or "revision" not in (certificate.get("data") or {}):
            return
        revision = certificate["data"]["revision"]
        known = self.cached(SECRETS).owned_by(certificate)
        if any(one["metadata"]["labels"]["revision"] == revision for one in known):
            return
        request = {
            "metadata": {
                **self.named(name.name, revision),
                "labels": {"revision": revision},
                "ownerReferences": [self.owner_reference(certificate)],
            }
        }
        try:
            await self.client.create(SECRETS, request, name.namespace)
        except AlreadyExists:
            return

    def named(self, certificate: str, revision: str) -> Json:
        return {"generateName": f"{certificate}-"}  # the bug


class FixedRequests(BuggyRequests):
    def named(self, certificate: str, revision: str) -> Json:
        return {"name": f"{certificate}-{revision}"}


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyRequests,)

    async def act(self, sim: Simulation) -> None:
        certificate = {"metadata": {"name": "cert"}, "data": {"revision": "1"}}
        await sim.client.create(CONFIG_MAPS, certificate, "default")
        await sim.until(lambda: bool(sim.objects(SECRETS, "default")), 10.0)
        for patch in ({"data": {"dns": "example.org"}}, {"data": {"revision": "2"}}):
            await sim.client.patch(CONFIG_MAPS, "cert", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = Counter(
            one["metadata"]["labels"]["revision"] for one in sim.objects(SECRETS, "default")
        )
        return [f"revision {one} has {count} requests" for one, count in found.items() if count > 1]


class Fixed(Buggy):
    controllers = (FixedRequests,)
