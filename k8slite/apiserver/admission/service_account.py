"""Every pod runs as a service account and gets that account's token as a volume.

Mirrors upstream's plugin ServiceAccount (the projected volume `kube-api-access-`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import trio
from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.references import MIRROR, projected_tokens, secret_names
from k8slite.objects.codec import loads
from k8slite.objects.errors import Forbidden
from k8slite.objects.meta import random_suffix
from k8slite.store.store import Stored
from k8slite.world import World

Json = dict[str, Any]

_MOUNT_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS: Final = 3607  # upstream: an hour and seven seconds, so that its use can be counted

# How often the default account is looked up, and how long after another, times 1 to 2.
_ATTEMPTS: Final = 10
_AGAIN_SECONDS: Final = 0.1


@frozen
class ServiceAccount:
    """Upstream's plugin of that name."""

    storage: Storage
    world: World
    resources: Sequence[str] = ("pods",)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        pod, asked = attributes.new, attributes.asked
        assert pod is not None
        spec = pod["spec"]
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            return
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        stored = await self._look_up(asked.namespace, name)
        if stored is None:
            pod_name = pod["metadata"].get("name", "")
            raise Forbidden(
                f'pods "{pod_name}" is forbidden: error looking up service account '
                f'{asked.namespace}/{name}: serviceaccount "{name}" not found',
                details={"name": pod_name, "kind": "pods"},
            )
        account = loads(stored.value)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account["imagePullSecrets"]
        wanted = spec.get("automountServiceAccountToken")
        if wanted is None:
            wanted = account.get("automountServiceAccountToken", True)
        if wanted:
            self._mount_token(spec)

    async def validate(self, attributes: Attributes) -> None:
        """A mirror pod, which stands for one that its node runs by itself, claims nothing."""
        pod = attributes.new
        assert pod is not None
        if MIRROR not in (pod["metadata"].get("annotations") or {}):
            return
        if pod["spec"].get("serviceAccountName"):
            raise forbidden(attributes, "a mirror pod may not reference service accounts")
        if any(secret_names(pod["spec"])):
            raise forbidden(attributes, "a mirror pod may not reference secrets")
        if any(projected_tokens(pod["spec"])):
            what = "a mirror pod may not use ServiceAccountToken volume projections"
            raise forbidden(attributes, what)

    async def _look_up(self, namespace: str, name: str) -> Stored | None:
        """The account; the default one of a new namespace may take its controller a moment."""
        key = f"serviceaccounts/{namespace}/{name}"
        stored = self.storage.store.get(key)
        if stored is None and name == "default":
            pause_seconds = _AGAIN_SECONDS * (1 + self.world.chance.random())
            for _ in range(_ATTEMPTS - 1):
                await trio.sleep(pause_seconds)
                stored = self.storage.store.get(key)
                if stored is not None:
                    break
        return stored

    def _mount_token(self, spec: Json) -> None:
        containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
        missing = [
            container
            for container in containers
            if not any(m.get("mountPath") == _MOUNT_PATH for m in container.get("volumeMounts", ()))
        ]
        if not missing:
            return
        volumes = spec.setdefault("volumes", [])
        name = next((v["name"] for v in volumes if v["name"].startswith("kube-api-access-")), "")
        if not name:
            name = f"kube-api-access-{random_suffix(self.world.chance)}"
            volumes.append(_token_volume(name))
        for container in missing:
            container.setdefault("volumeMounts", []).append(
                {"name": name, "readOnly": True, "mountPath": _MOUNT_PATH}
            )


def _token_volume(name: str) -> Json:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
                {
                    "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    }
                },
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
            ],
            "defaultMode": 420,
        },
    }
