"""What resources an API serves, as the controllers that care for all of them need it.

Asks for aggregated discovery first (two requests); a server that does not know it answers with the
older lists, which are then read group by group. A group that cannot be read does not hide the
others: it is a failure, and its resources are unknown for now (upstream: `client-go/discovery`).
An answer that is the one of before, as it nearly always is, is not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.resource import Resource
from k8slite.messages import Request, read_all
from k8slite.objects.codec import loads
from k8slite.objects.errors import ApiError, InternalError, NotFound, from_status

Json = dict[str, Any]

AGGREGATED: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
)


@frozen
class Served:
    """One resource of an API in one version."""

    resource: Resource
    verbs: frozenset[str]
    preferred: bool  # it is in its group's preferred version


@frozen
class Failure:
    """A group and version whose resources could not be read."""

    group_version: str
    message: str


@frozen
class Discovery:
    """Everything an API serves, in order of the server, and what could not be found out."""

    served: tuple[Served, ...]
    failures: tuple[Failure, ...] = ()

    def with_verbs(self, *verbs: str) -> list[Resource]:
        """The resources that support all of those verbs, each in one version.

        That is its group's preferred version, or the first one that has the resource.
        """
        wanted = frozenset(verbs)
        chosen: dict[tuple[str, str], Served] = {}
        for one in sorted(self.served, key=lambda one: not one.preferred):
            chosen.setdefault((one.resource.group, one.resource.plural), one)
        return [
            one.resource
            for one in self.served
            if wanted <= one.verbs and chosen[one.resource.group, one.resource.plural] is one
        ]


async def discover(client: Client) -> Discovery:
    """Ask an API what it serves. Raises ApiError when not even the groups can be read."""
    served: list[Served] = []
    failures: list[Failure] = []
    for root in ("/api", "/apis"):
        try:
            body = await _body(client, root, AGGREGATED)
        except NotFound:
            continue  # an API without the old group, or without any other
        aggregated = _aggregated(root, body)
        if aggregated is not None:
            served += aggregated.served
            failures += aggregated.failures
        else:
            served += await _one_by_one(client, root, _decoded(root, body), failures)
    return Discovery(tuple(served), tuple(failures))


async def read(client: Client, path: str, accept: str) -> Json:
    """GET a path with an Accept header of one's own. Raises ApiError."""
    return _decoded(path, await _body(client, path, accept))


async def _body(client: Client, path: str, accept: str) -> bytes:
    headers = {"user-agent": client.user_agent, "accept": accept}
    if client.token:
        headers["authorization"] = f"Bearer {client.token}"
    response = await client.handler(Request("GET", path, (), headers))
    body = await read_all(response)
    if response.status >= 400:
        raise from_status(_decoded(path, body), response.status)
    return body


def _decoded(path: str, body: bytes) -> Json:
    try:
        answer: Json = loads(body)
    except ValueError as error:
        raise InternalError(f"{path} was answered with what is not JSON") from error
    return answer


@lru_cache(maxsize=4)  # two paths, before and after a change
def _aggregated(path: str, body: bytes) -> Discovery | None:
    """What an aggregated document says; None for another document."""
    answer = _decoded(path, body)
    if answer.get("kind") != "APIGroupDiscoveryList":
        return None
    failures: list[Failure] = []
    return Discovery(tuple(_served(answer, failures)), tuple(failures))


def _served(answer: Json, failures: list[Failure]) -> Iterator[Served]:
    for group in answer.get("items") or ():
        name = group.get("metadata", {}).get("name", "")
        for position, version in enumerate(group.get("versions") or ()):
            group_version = _group_version(name, version["version"])
            if version.get("freshness") == "Stale":
                failures.append(Failure(group_version, f"stale GroupVersion discovery: {name}"))
                continue
            for one in version.get("resources") or ():
                kind = (one.get("responseKind") or {}).get("kind", "")
                namespaced = one.get("scope") == "Namespaced"
                resource = Resource(name, version["version"], one["resource"], kind, namespaced)
                yield Served(resource, frozenset(one.get("verbs") or ()), position == 0)


async def _one_by_one(
    client: Client, root: str, answer: Json, failures: list[Failure]
) -> list[Served]:
    served: list[Served] = []
    for group, version, preferred in _versions(answer):
        group_version = _group_version(group, version)
        try:
            found = await read(client, f"{root}/{group_version}", "application/json")
        except ApiError as error:
            failures.append(Failure(group_version, error.message))
            continue
        for one in found.get("resources") or ():
            if "/" not in one["name"]:
                resource = Resource(group, version, one["name"], one["kind"], one["namespaced"])
                served.append(Served(resource, frozenset(one.get("verbs") or ()), preferred))
    return served


def _versions(answer: Json) -> Iterable[tuple[str, str, bool]]:
    """Group, version and whether it is the preferred one, of an APIVersions or APIGroupList."""
    for version in answer.get("versions") or ():
        yield "", version, True
    for group in answer.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version", "")
        for one in group.get("versions") or ():
            yield group["name"], one["version"], one["version"] == preferred


def _group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
