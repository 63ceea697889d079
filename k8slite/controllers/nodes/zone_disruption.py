"""How fast pods are driven off nodes that have failed: the more of a zone fails, the less likely
it is the nodes' fault.

Pure. Upstream: `pkg/controller/nodelifecycle` (handleDisruption, RateLimitedTimedQueue). A healthy
zone loses a node to the NoExecute taint every ten seconds; one that is disrupted in part loses
them slower, or not at all if it is small; and when all zones are dark, the fault is more likely
here than there: then nothing is evicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from attrs import define, field, frozen

from k8slite.objects.measures import Counter, Family, Reading

REGION_LABEL: Final = "topology.kubernetes.io/region"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"


class ZoneState(Enum):
    INITIAL = "Initial"
    NORMAL = "Normal"
    PARTIAL = "PartialDisruption"
    FULL = "FullDisruption"


class Turn(Enum):
    """What a look at all zones has changed for every node."""

    NONE = "nothing"
    DARK = "no node anywhere is ready: evictions stop"
    LIGHT = "some node is ready again: evictions may go on"


@frozen
class Rates:
    """Upstream's flags, with its defaults; rates are nodes a second."""

    normal: float = 0.1  # --node-eviction-rate
    reduced: float = 0.01  # --secondary-node-eviction-rate
    large_zone_nodes: int = 50  # --large-cluster-size-threshold
    unhealthy_share: float = 0.55  # --unhealthy-zone-threshold

    def of(self, state: ZoneState, nodes: int) -> float:
        """The rate for a zone of so many nodes."""
        if state is ZoneState.PARTIAL:
            return self.reduced if nodes > self.large_zone_nodes else 0.0
        return self.normal

    def state(self, ready: int, unready: int) -> ZoneState:
        """The state of a zone (`ComputeZoneState`)."""
        if ready == 0 and unready > 0:
            return ZoneState.FULL
        if unready > 2 and unready / (ready + unready) >= self.unhealthy_share:
            return ZoneState.PARTIAL
        return ZoneState.NORMAL


@define
class ZoneQueue:
    """The nodes of a zone that wait for their taint; a token bucket with room for one."""

    rate: float
    tokens: float = 1.0
    filled_time: float = 0.0
    waiting: dict[str, None] = field(factory=dict)

    def set_rate(self, rate: float, now: float) -> None:
        self._fill(now)
        self.rate = rate

    def take(self, now: float) -> list[str]:
        """The nodes whose turn it is."""
        self._fill(now)
        taken = []
        while self.waiting and self.rate > 0 and self.tokens >= 1.0:
            self.tokens -= 1.0
            name = next(iter(self.waiting))
            del self.waiting[name]
            taken.append(name)
        return taken

    def next_time(self, now: float) -> float:
        """When it will be somebody's turn."""
        if not self.waiting or self.rate <= 0:
            return float("inf")
        self._fill(now)
        return now + max(0.0, 1.0 - self.tokens) / self.rate

    def _fill(self, now: float) -> None:
        gained = (now - self.filled_time) * self.rate
        # A token that lacks the last rounding error is a whole one.
        self.tokens = min(1.0, round(self.tokens + gained, 9))
        self.filled_time = now


def _evictions_counter() -> Counter:
    return Counter(
        "node_collector_evictions_total",
        "[STABLE] Number of Node evictions that happened since current instance of NodeController "
        "started.",
        ("zone",),
    )


@define
class Zones:
    """All zones, their states and queues."""

    rates: Rates
    dark: bool = False
    _states: dict[str, ZoneState] = field(factory=dict)
    _sizes: dict[str, int] = field(factory=dict)  # in nodes
    _unready: dict[str, int] = field(factory=dict)
    _evictions: Counter = field(factory=_evictions_counter)
    _queues: dict[str, ZoneQueue] = field(factory=dict)

    def state(self, zone: str) -> ZoneState:
        return self._states.get(zone, ZoneState.INITIAL)

    def want(self, zone: str, node: str, now: float) -> bool:
        """Put a node into its zone's queue; False if it is there already."""
        queue = self._queues.get(zone)
        if queue is None:
            rate = 0.0 if self.dark else self._rate(zone)
            queue = self._queues[zone] = ZoneQueue(rate, filled_time=now)
        if node in queue.waiting:
            return False
        queue.waiting[node] = None
        return True

    def drop(self, zone: str, node: str) -> None:
        """A node needs no taint any more."""
        if zone in self._queues:
            self._queues[zone].waiting.pop(node, None)

    def take(self, now: float) -> list[str]:
        """The nodes whose turn it is, in all zones."""
        taken = []
        for zone, queue in self._queues.items():
            names = queue.take(now)
            if names:
                self._evictions.add(zone, by=len(names))
            taken += names
        return taken

    def families(self) -> Iterable[Family]:
        """What /metrics tells: the zones at the last look, and whose turn it has been."""
        yield self._evictions
        yield Reading(
            "node_collector_zone_size",
            "[ALPHA] Gauge measuring number of registered Nodes per zones.",
            lambda: [((zone,), float(size)) for zone, size in sorted(self._sizes.items())],
            ("zone",),
        )
        yield Reading(
            "node_collector_unhealthy_nodes_in_zone",
            "[ALPHA] Gauge measuring number of not Ready Nodes per zones.",
            lambda: [((zone,), float(count)) for zone, count in sorted(self._unready.items())],
            ("zone",),
        )
        yield Reading(
            "node_collector_zone_health",
            "[ALPHA] Gauge measuring percentage of healthy nodes per zone.",
            lambda: [
                ((zone,), 100.0 * (size - self._unready[zone]) / size)
                for zone, size in sorted(self._sizes.items())
                if size
            ],
            ("zone",),
        )

    def next_time(self, now: float) -> float:
        return min((queue.next_time(now) for queue in self._queues.values()), default=float("inf"))

    def look(self, counts: Mapping[str, tuple[int, int]], now: float) -> Turn:
        """Take in how many nodes of each zone are ready and not; adapt the rates."""
        states = {zone: self.rates.state(*count) for zone, count in counts.items()}
        self._states = states
        self._sizes = {zone: sum(count) for zone, count in counts.items()}
        self._unready = {zone: unready for zone, (_, unready) in counts.items()}
        was_dark = self.dark
        self.dark = bool(states) and all(state is ZoneState.FULL for state in states.values())
        if self.dark:
            for queue in self._queues.values():
                queue.set_rate(0.0, now)
            return Turn.NONE if was_dark else Turn.DARK
        for zone, queue in self._queues.items():
            queue.set_rate(self._rate(zone), now)
        return Turn.LIGHT if was_dark else Turn.NONE

    def _rate(self, zone: str) -> float:
        return self.rates.of(self.state(zone), self._sizes.get(zone, 0))


def zone_of(labels: Mapping[str, str]) -> str:
    """Which nodes fail together, by their labels (`GetZoneKey`)."""
    region, zone = labels.get(REGION_LABEL, ""), labels.get(ZONE_LABEL, "")
    return f"{region}:\x00:{zone}" if region or zone else ""
