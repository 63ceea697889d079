"""The APIServices that name a Service, by the paths that they are for.

Upstream: `kube-aggregator/pkg/apiserver` (APIAggregator.AddAPIService).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.followed import Followed
from k8slite.apiserver.storage import Storage
from k8slite.objects.meta import has_condition

Json = dict[str, Any]
GroupVersion = tuple[str, str]

API_SERVICES: Final = "apiregistration.k8s.io.apiservices/"


@define(eq=False)
class RemoteServices:
    """Follows the APIServices."""

    storage: Storage
    _followed: Followed = field(init=False)
    _seen: int = -1
    _remote: dict[GroupVersion, Json] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._followed = Followed(self.storage.store, API_SERVICES)

    @property
    def changes(self) -> int:
        """Rises whenever `all` answers something else."""
        return self._seen

    def all(self) -> Mapping[GroupVersion, Json]:
        """The APIServices of others, by group and version."""
        found = self._followed.objects()
        if self._followed.changes != self._seen:
            self._seen = self._followed.changes
            self._remote = {
                (one["spec"].get("group", ""), one["spec"]["version"]): one
                for one in found.values()
                if one["spec"].get("service")
            }
        return self._remote

    def of_path(self, path: str) -> Json | None:
        """The APIService of another server that a path below /apis is for."""
        remote = self.all()
        if not remote:
            return None
        steps = path.split("/", 4)
        if len(steps) < 4 or steps[1] != "apis":
            return None
        return remote.get((steps[2], steps[3]))


def is_available(service: Json) -> bool:
    """Whether its server has answered when it was asked the last time."""
    return has_condition(service, "Available")
