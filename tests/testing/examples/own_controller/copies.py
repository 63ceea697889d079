"""A controller with k8slite: a Secret for each ConfigMap that is labelled `copy: me`."""

import base64

from k8slite import CONFIG_MAPS, SECRETS, Controller, Name


class Copies(Controller):
    """Keeps the copies."""

    name = "copies"
    resource = CONFIG_MAPS
    owns = (SECRETS,)

    async def reconcile(self, name: Name) -> None:
        source = self.get(name)
        if source is None or (source["metadata"].get("labels") or {}).get("copy") != "me":
            return
        data = {
            key: base64.b64encode(value.encode()).decode()
            for key, value in (source.get("data") or {}).items()
        }
        copy = self.cached(SECRETS).get(name)
        if copy is None:
            metadata = {"name": name.name, "ownerReferences": [self.owner_reference(source)]}
            secret = {"metadata": metadata, "data": data}
            await self.client.create(SECRETS, secret, name.namespace)
        elif (copy.get("data") or {}) != data:
            await self.client.update(SECRETS, {**copy, "data": data})
