"""Which resource an object that an autoscaler names is of, custom ones included."""

from __future__ import annotations

from k8slite.client.client import Client
from k8slite.client.resource import BUILT_IN, Resource
from k8slite.controllers.machinery.discovery import discover


class Targets:
    """Finds resources by group and kind (upstream: a RESTMapper over discovery)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: dict[tuple[str, str], Resource] = {}

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind, in its group's preferred version where it is not built in.

        Raises LookupError for a kind that nobody serves, and what asking raises.
        """
        built_in = BUILT_IN.get((api_version, kind))
        if built_in is not None:
            return built_in
        group = api_version.rpartition("/")[0]
        if (group, kind) not in self._found:
            served = (await discover(self._client)).with_verbs("get")
            for one in served:
                self._found.setdefault((one.group, one.kind), one)
        if (group, kind) not in self._found:
            where = f' in group "{group}"' if group else ' in version "v1"'
            raise LookupError(f'no matches for kind "{kind}"{where}')
        return self._found[group, kind]
