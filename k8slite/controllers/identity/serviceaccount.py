"""Every namespace has a ServiceAccount `default`, which pods use that name no other.

It is made again when it is deleted. Upstream: `pkg/controller/serviceaccount`
(serviceaccounts_controller.go).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.client.resource import NAMESPACES, SERVICE_ACCOUNTS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.pod_control import namespace_is_ending
from k8slite.kinds.core.models import Namespace, ServiceAccount
from k8slite.objects.errors import AlreadyExists, ApiError, NotFound
from k8slite.objects.meta import Name

DEFAULT: Final = "default"


class ServiceAccountController(Controller):
    """Creates the default ServiceAccount of each active namespace."""

    name: ClassVar[str] = "service-account-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._namespaces = self.mirrors.of(NAMESPACES, Namespace)
        self._accounts = self.mirrors.of(SERVICE_ACCOUNTS, ServiceAccount)
        self.watch(self._namespaces, namespace_key)
        self.watch(self._accounts, _removed)

    async def reconcile(self, name: Name) -> None:
        """See to it that a namespace has its account."""
        namespace = self._namespaces.get(name)
        if namespace is None or not active(namespace):
            return
        if self._accounts.get(Name(name.name, DEFAULT)) is not None:
            return
        try:
            await self.client.create(SERVICE_ACCOUNTS, account(name.name), name.name)
        except AlreadyExists:
            return  # somebody was quicker
        except ApiError as error:
            if not gone_or_terminating(error):
                raise


def account(namespace: str) -> dict[str, Any]:
    """The account that every namespace has, of one."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": DEFAULT, "namespace": namespace},
    }


def active(namespace: Namespace) -> bool:
    """Whether things may still be made in a namespace (upstream asks for the phase)."""
    return namespace.status.phase in ("", "Active") and not namespace.metadata.deletion_timestamp


def namespace_key(old: Namespace | None, new: Namespace | None) -> Iterable[Name]:
    """The key of a namespace that there is."""
    return () if new is None else (new.metadata.full_name,)


def gone_or_terminating(error: ApiError) -> bool:
    """Whether a creation failed since its namespace is on its way out, or no more."""
    return isinstance(error, NotFound) or namespace_is_ending(error)


def _removed(old: ServiceAccount | None, new: ServiceAccount | None) -> Iterable[Name]:
    if old is not None and new is None and old.metadata.name == DEFAULT:
        return (Name("", old.metadata.namespace),)
    return ()
