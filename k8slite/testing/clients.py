"""Ready-made clients of other packages, for the cluster's administrator.

Each package is imported when its client is asked for; k8slite itself needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from k8slite.live.embedded import Embedded


class Clients:
    """Makes them. Blocking ones that were made here are closed together with the cluster."""

    def __init__(self, embedded: Embedded) -> None:
        self._config = embedded.config
        self._close: list[Callable[[], object]] = []

    def kubernetes(self) -> Any:
        """A `kubernetes.client.ApiClient`: `CoreV1Api(cluster.clients.kubernetes())`."""
        config = _package("kubernetes.config", "kubernetes")
        made = config.new_client_from_config_dict(self._config, persist_config=False)
        self._close.append(made.close)
        return made

    async def kubernetes_asyncio(self) -> Any:
        """A `kubernetes_asyncio.client.ApiClient`, to be used as `async with`."""
        client = _package("kubernetes_asyncio.client", "kubernetes_asyncio")
        config = _package("kubernetes_asyncio.config", "kubernetes_asyncio")
        configuration = client.Configuration()
        await config.load_kube_config_from_dict(self._config, client_configuration=configuration)
        return client.ApiClient(configuration)

    def lightkube(self, namespace: str = "default") -> Any:
        """A `lightkube.Client`."""
        config = _lightkube_config(self._config)
        made = _package("lightkube", "lightkube").Client(config, namespace=namespace)
        self._close.append(made.close)
        return made

    def lightkube_async(self, namespace: str = "default") -> Any:
        """A `lightkube.AsyncClient`."""
        config = _lightkube_config(self._config)
        return _package("lightkube", "lightkube").AsyncClient(config, namespace=namespace)

    def kr8s(self, namespace: str = "default") -> Any:
        """A blocking `kr8s.Api`."""
        return _package("kr8s", "kr8s").api(kubeconfig=self._config, namespace=namespace)

    async def kr8s_async(self, namespace: str = "default") -> Any:
        """A `kr8s.asyncio.Api`."""
        api = _package("kr8s.asyncio", "kr8s").api
        return await api(kubeconfig=self._config, namespace=namespace)

    def close(self) -> None:
        """Close what can be closed from blocking code."""
        for close in self._close:
            close()
        self._close.clear()


class NotInstalled(ImportError):
    """A client was asked for whose package is not there."""


def _package(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise NotInstalled(
            f"a client of {package} needs the package {package}: pip install {package}"
        ) from None


def _lightkube_config(config: dict[str, Any]) -> Any:
    return _package("lightkube.config.kubeconfig", "lightkube").KubeConfig.from_dict(config)
