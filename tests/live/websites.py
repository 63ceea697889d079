"""Controllers of a user, as `k8slite run` is given them."""

from __future__ import annotations

from typing import Any

from k8slite import CONFIG_MAPS, SECRETS, Controller, Name

Json = dict[str, Any]


class Copies(Controller):
    """A Secret for each ConfigMap that is labelled `copy: me`, with the same data."""

    name = "copies"
    resource = CONFIG_MAPS
    owns = (SECRETS,)

    async def reconcile(self, name: Name) -> None:
        source = self.get(name)
        if source is None or source["metadata"].get("labels", {}).get("copy") != "me":
            return
        wanted = source.get("data") or {}
        copy = self.cached(SECRETS).get(name)
        if copy is None:
            metadata = {"name": name.name, "ownerReferences": [self.owner_reference(source)]}
            secret = {"metadata": metadata, "stringData": wanted}
            await self.client.create(SECRETS, secret, name.namespace)
            self.event(source, "Normal", "Copied", f"Created secret {name.name}")
        elif (copy["metadata"].get("annotations") or {}).get("seen") != str(len(wanted)):
            patch = {"metadata": {"annotations": {"seen": str(len(wanted))}}, "stringData": wanted}
            await self.client.patch(SECRETS, name.name, patch, name.namespace)


class Nameless(Controller):
    """Not to be run."""


NOTHING = 1
