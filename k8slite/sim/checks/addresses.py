"""What must be nobody else's: cluster IPs, node ports, pod IPs, pod CIDRs, volumes.

Mirrors the allocators of the API server and the nodes, and the binding of claims to volumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import NODES, PODS, SERVICES, terminal

Json = dict[str, Any]

CLAIMS = "persistentvolumeclaims/"
VOLUMES = "persistentvolumes/"


class Addresses:
    """Each thing of which there is one has one holder."""

    name: ClassVar[str] = "addresses"
    prefixes: ClassVar[tuple[str, ...]] = (SERVICES, PODS, NODES, CLAIMS, VOLUMES)

    def __init__(self, setting: Setting) -> None:
        self._holders: dict[tuple[str, str], str] = {}  # keys by what they hold
        self._held: dict[str, list[tuple[str, str]]] = {}

    def commit(self, change: Change) -> Iterable[str]:
        key = change.key
        held = _HELD[change.resource](change.new) if change.new is not None else []
        before = self._held.get(key, [])
        if held == before:
            return
        for one in before:
            if self._holders.get(one) == key:
                del self._holders[one]
        self._held[key] = held
        for one in held:
            holder = self._holders.setdefault(one, key)
            if holder != key:
                yield f"{one[0]} {one[1]} is both {holder}'s and {key}'s"

    def rest(self) -> Iterable[str]:
        return ()


def _of_service(service: Json) -> list[tuple[str, str]]:
    spec = service["spec"]
    found = [("cluster IP", ip) for ip in spec.get("clusterIPs") or () if ip and ip != "None"]
    for port in spec.get("ports") or ():
        if port.get("nodePort"):
            found.append(("node port", f"{port.get('protocol', 'TCP')} {port['nodePort']}"))
    return list(dict.fromkeys(found))


def _of_pod(pod: Json) -> list[tuple[str, str]]:
    if pod["spec"].get("hostNetwork") or terminal(pod):
        return []
    return [("pod IP", one["ip"]) for one in (pod.get("status") or {}).get("podIPs") or ()]


def _of_node(node: Json) -> list[tuple[str, str]]:
    return [("pod CIDR", one) for one in node["spec"].get("podCIDRs") or ()]


def _of_claim(claim: Json) -> list[tuple[str, str]]:
    bound = (claim.get("status") or {}).get("phase") == "Bound"
    return [("volume", claim["spec"]["volumeName"])] if bound else []


def _of_volume(volume: Json) -> list[tuple[str, str]]:
    reference = volume["spec"].get("claimRef") or {}
    bound = (volume.get("status") or {}).get("phase") == "Bound"
    return [("claim", reference["uid"])] if bound and reference.get("uid") else []


_HELD: Final[Mapping[str, Callable[[Json], list[tuple[str, str]]]]] = {
    SERVICES: _of_service,
    PODS: _of_pod,
    NODES: _of_node,
    CLAIMS: _of_claim,
    VOLUMES: _of_volume,
}
