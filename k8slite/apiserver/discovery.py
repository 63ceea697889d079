"""What the API serves, as the API itself says it.

    /version
    /api, /apis                     versions and groups; or, if asked for, all resources at once
    /apis/GROUP                     one group's versions
    /api/v1, /apis/GROUP/VERSION    resources

The documents are made when they are first asked for and kept until the kinds change. Mirrors
upstream's `endpoints/discovery` and, for the aggregated form, `endpoints/discovery/aggregated`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from k8slite.apiserver.accepting import JSON, Wanted, not_acceptable, read_accept
from k8slite.apiserver.aggregation.merging import RemoteVersion, merged_groups
from k8slite.kinds.kind import Json, Kind, Subresource
from k8slite.kinds.table import Kinds, is_built_in
from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps

Groups = Mapping[str, Sequence[str]]

_AGGREGATED_GROUP: Final = "apidiscovery.k8s.io"
_AGGREGATED_KIND: Final = "APIGroupDiscoveryList"
# What upstream offers at /api and /apis, in this order.
_AGGREGATED_VERSIONS: Final = ("v2", "v2beta1")

# Clients outside these networks would be told another address; there is one network only.
_EVERYWHERE: Final = "0.0.0.0/0"

BUILD_DATE: Final = "2026-01-01T00:00:00Z"
# What is built here is not the upstream commit; a digest of our name tells so, in its form.
GIT_COMMIT: Final = hashlib.sha1(b"k8slite").hexdigest()


class Discovery:
    """Answers the paths that describe the API."""

    def __init__(self, kinds: Kinds, minor: int, server_address: str = "127.0.0.1:6443") -> None:
        self.minor = minor
        self._kinds = kinds
        self._remote: Sequence[RemoteVersion] = ()
        self._server_address = server_address
        self._made: dict[tuple[str, str], Response] = {}

    def update(self, kinds: Kinds) -> None:
        """The kinds are these from now on: custom resources came or went."""
        self._kinds = kinds
        self._made.clear()

    def update_remote(self, remote: Sequence[RemoteVersion]) -> None:
        """What other servers serve is this from now on."""
        self._remote = remote
        self._made.clear()

    def answer(self, request: Request) -> Response | None:
        """The document at a path, or None where there is none.

        Raises NotAcceptable for a client that does not take JSON.
        """
        path = request.path.rstrip("/")
        version = _aggregated_version(request, path)
        found = self._made.get((path, version)) or self._make(path, version)
        if found is None:
            return None
        etag = _header(found, "ETag")
        if etag and request.headers.get("if-none-match") == etag:
            return Response(304, b"", found.headers)
        return found

    def _make(self, path: str, version: str) -> Response | None:
        if version:
            core = path == "/api"
            document: Json | None = aggregated(
                self._kinds, core=core, version=version, remote=self._remote
            )
        else:
            document = self._document(path)
        if document is None:
            return None
        body = dumps(document)
        headers = [("Content-Type", _content_type(version))]
        if path in ("/api", "/apis"):
            headers.append(("Vary", "Accept"))
        if version:
            headers.append(("ETag", f'"{hashlib.sha512(body).hexdigest().upper()}"'))
        response = Response(200, body, tuple(headers))
        # Only paths that exist are remembered, so that nobody can fill the memory.
        self._made[path, version] = response
        return response

    def _document(self, path: str) -> Json | None:
        groups = merged_groups(self._kinds, self._remote)
        match path.split("/")[1:]:
            case [] | [""]:
                return root_paths(groups)
            case ["version"]:
                return version_info(self.minor)
            case ["api"]:
                return api_versions(self._server_address)
            case ["apis"]:
                return group_list(groups)
            case ["apis", group] if group in groups:
                return {"kind": "APIGroup", "apiVersion": "v1", **api_group(groups, group)}
            case ["api", "v1"]:
                return resource_list(self._kinds, "", "v1")
            case ["apis", group, version] if group and self._kinds.served(group, version):
                return resource_list(self._kinds, group, version)
        return None


def version_info(minor: int) -> Json:
    """`GET /version`: what clients compare themselves with (upstream: `version.Info`)."""
    return {
        "major": "1",
        "minor": str(minor),
        "emulationMajor": "1",
        "emulationMinor": str(minor),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": str(minor - 1),
        "gitVersion": f"v1.{minor}.0",
        "gitCommit": GIT_COMMIT,
        "gitTreeState": "",
        "buildDate": BUILD_DATE,
        "goVersion": "go1.26.6",  # of the upstream release that is stood in for
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def root_paths(groups: Groups) -> Json:
    """`GET /`: every path that there is something to read at (upstream: the index handler)."""
    paths = ["/api", "/api/v1", "/apis"]
    for group, versions in groups.items():
        if group:
            paths += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
    paths += ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    return {"paths": sorted(paths)}


def api_versions(server_address: str) -> Json:
    """`GET /api`."""
    where = {"clientCIDR": _EVERYWHERE, "serverAddress": server_address}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [where]}


def group_list(groups: Groups) -> Json:
    """`GET /apis`: all groups but the core one, the preferred version of each first."""
    listed = [api_group(groups, group) for group in groups if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def api_group(groups: Groups, group: str) -> Json:
    """One group, as it stands in the list of all."""
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version} for version in groups[group]
    ]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def resource_list(kinds: Kinds, group: str, version: str) -> Json:
    """`GET /api/v1` or `/apis/GROUP/VERSION`."""
    resources: list[Json] = []
    for kind in kinds.served(group, version):
        resources.append(_resource(kind))
        resources += [_subresource(kind, part) for part in kind.subresources]
    found: Json = {"kind": "APIResourceList"}
    if group:
        found["apiVersion"] = "v1"  # upstream leaves it out for the core group only
    group_version = f"{group}/{version}" if group else version
    return {**found, "groupVersion": group_version, "resources": resources}


def aggregated(
    kinds: Kinds, *, core: bool, version: str = "v2", remote: Sequence[RemoteVersion] = ()
) -> Json:
    """Everything below `/api` (core) or `/apis` at once, as `apidiscovery.k8s.io/VERSION`."""
    items: list[Json] = []
    others = {(one.group, one.version): one for one in remote}
    for group, versions in merged_groups(kinds, remote).items():
        if core == (not group):
            metadata = {"name": group} if group else {}
            listed = [
                others[group, one].aggregated()
                if (group, one) in others
                else {
                    "version": one,
                    "resources": [_aggregated(kind) for kind in kinds.served(group, one)],
                    "freshness": "Current",
                }
                for one in versions
            ]
            items.append({"metadata": metadata, "versions": listed})
    return {
        "kind": _AGGREGATED_KIND,
        "apiVersion": f"{_AGGREGATED_GROUP}/{version}",
        "metadata": {},
        "items": items,
    }


def _resource(kind: Kind) -> Json:
    found: Json = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        **_names(kind),
    }
    if kind.storage_version_hash:
        found["storageVersionHash"] = kind.storage_version_hash
    return found


def _subresource(kind: Kind, part: Subresource) -> Json:
    found: Json = {
        "name": f"{kind.plural}/{part.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
    }
    if part.version:
        found.update(group=part.group, version=part.version)
    return {**found, "kind": part.kind, "verbs": list(part.verbs)}


def _aggregated(kind: Kind) -> Json:
    found: Json = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind, "", "", kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        **_names(kind),
    }
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": part.name,
                "responseKind": _response_kind(kind, part.group, part.version, part.kind),
                "verbs": list(part.verbs),
            }
            for part in kind.subresources
        ]
    return found


def _response_kind(kind: Kind, group: str, version: str, named: str) -> Json:
    # Upstream says group and version of custom resources, and of built-in ones only where they
    # are others than the resource's own.
    if not version and not is_built_in(kind):
        group, version = kind.group, kind.version
    return {"group": group, "version": version, "kind": named}


def _names(kind: Kind) -> Json:
    found: Json = {}
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    return found


def _aggregated_version(request: Request, path: str) -> str:
    """The version of aggregated discovery that the client prefers, "" for the old documents."""
    aggregates = path in ("/api", "/apis")
    for wanted in read_accept(request.headers.get("accept", "")):
        if not wanted.takes(JSON):
            continue
        transform, version, group = wanted.transform
        if not transform:
            return ""
        if aggregates and _is_aggregated(wanted):
            return version
        if not aggregates and group == _AGGREGATED_GROUP:
            return ""
    raise not_acceptable((JSON,))


def _is_aggregated(wanted: Wanted) -> bool:
    transform, version, group = wanted.transform
    return (
        transform == _AGGREGATED_KIND
        and version in _AGGREGATED_VERSIONS
        and group == _AGGREGATED_GROUP
    )


def _content_type(version: str) -> str:
    if not version:
        return JSON
    return f"{JSON};g={_AGGREGATED_GROUP};v={version};as={_AGGREGATED_KIND}"


def _header(response: Response, name: str) -> str:
    return next((value for key, value in response.headers if key == name), "")
