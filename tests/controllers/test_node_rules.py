"""Heartbeats, zones and tolerations, as pure rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k8slite.controllers.nodes.node_heartbeats import Heartbeats
from k8slite.controllers.nodes.taint_eviction import FOREVER, toleration_seconds
from k8slite.controllers.nodes.zone_disruption import Rates, Turn, Zones, ZoneState
from k8slite.kinds.core.models import Taint, Toleration


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.sampled_from([5, 20]))))
def test_a_node_expires_once_when_it_has_been_silent(beats: list[tuple[str, int, int]]) -> None:
    heartbeats, now = Heartbeats(), 0.0
    last: dict[str, tuple[float, int]] = {}
    reported: set[str] = set()
    for name, pause, grace in beats:
        now += pause
        found = heartbeats.expired(now)
        overdue = {one for one, (time, seconds) in last.items() if now > time + seconds}
        assert set(found) == overdue - reported
        assert len(found) == len(set(found))
        assert all(heartbeats.overdue(one, now) == (one in overdue) for one in "abc")
        reported |= set(found)
        heartbeats.beat(name, now, grace)
        last[name] = (now, grace)
        reported.discard(name)


def test_zones_slow_down_as_they_fail() -> None:
    rates = Rates()
    assert rates.state(0, 1) is ZoneState.FULL
    assert rates.state(1, 2) is ZoneState.NORMAL
    assert rates.state(2, 3) is ZoneState.PARTIAL
    assert rates.state(3, 3) is ZoneState.NORMAL
    assert rates.of(ZoneState.NORMAL, 10) == 0.1
    assert rates.of(ZoneState.PARTIAL, 50) == 0.0
    assert rates.of(ZoneState.PARTIAL, 51) == 0.01
    assert rates.of(ZoneState.FULL, 10) == 0.1
    zones = Zones(rates)
    zones.want("new", "x", 0.0)
    zones.want("z", "a", 0.0)
    assert zones.take(0.0) == ["x", "a"]  # nothing is known of the zones yet
    assert zones.look({"z": (2, 3), "y": (2, 3)}, 5.0) is Turn.NONE
    zones.want("y", "c", 5.0)
    zones.want("z", "b", 5.0)
    assert zones.take(1000.0) == []
    assert zones.next_time(1000.0) == float("inf")
    zones.look({"z": (4, 1), "y": (2, 3)}, 1000.0)
    assert zones.next_time(1000.0) == 1005.0
    assert zones.take(1005.0) == ["b"]


def test_the_dark_comes_and_goes_once() -> None:
    zones = Zones(Rates())
    turns = [
        zones.look({"a": (0, 1), "b": (0, 1)}, 0.0),
        zones.look({"a": (0, 1), "b": (0, 1)}, 5.0),
        zones.look({"a": (0, 1), "b": (1, 0)}, 10.0),
        zones.look({"a": (0, 1), "b": (1, 0)}, 15.0),
        zones.look({}, 20.0),
    ]
    assert turns == [Turn.DARK, Turn.NONE, Turn.LIGHT, Turn.NONE, Turn.NONE]


def test_the_shortest_of_the_matching_tolerations_counts() -> None:
    taint, other = Taint("k", "v", "NoExecute"), Taint("o", "", "NoExecute")
    equal = Toleration("k", "", "v", "NoExecute", 30)
    exists = Toleration("k", "Exists", "", "", 60)
    everything = Toleration("", "Exists")
    assert toleration_seconds([], []) == FOREVER
    assert toleration_seconds([taint], []) == 0
    assert toleration_seconds([taint], [Toleration("k", "Equal", "w", "")]) == 0
    assert toleration_seconds([taint], [Toleration("k", "Exists", "", "NoSchedule")]) == 0
    assert toleration_seconds([taint], [equal, exists]) == 30
    assert toleration_seconds([taint, other], [exists]) == 0
    assert toleration_seconds([taint, other], [exists, everything]) == 60
    assert toleration_seconds([taint], [everything]) == FOREVER
    assert toleration_seconds([taint], [Toleration("", "Exists", "", "", -5)]) == 0


def test_nobody_is_overdue_before_the_first_deadline() -> None:
    heartbeats = Heartbeats()
    assert heartbeats.first_deadline == float("inf")
    heartbeats.beat("a", 0.0, 40.0)
    heartbeats.beat("b", 5.0, 40.0)
    heartbeats.beat("a", 10.0, 40.0)
    assert heartbeats.first_deadline == 40.0  # as it was when last looked at
    assert heartbeats.expired(40.5) == []
    assert heartbeats.first_deadline == 45.0
    assert heartbeats.expired(46.0) == ["b"]
    assert heartbeats.first_deadline == 50.0
