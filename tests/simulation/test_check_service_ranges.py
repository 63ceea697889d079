"""Ranges of Services' addresses, broken and held."""

from typing import Any

from k8slite.kinds.networking.service_ranges import FINALIZER
from k8slite.sim.checks.service_ranges import ADDRESSES, CONTROLLER, RANGES, ServiceRanges
from tests.simulation.test_checks import EVERYTHING, Story, thing

Json = dict[str, Any]

USER = f"system:controller:{CONTROLLER}"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
HELD = {"finalizers": [FINALIZER]}


def reserved(ip: str, name: str) -> Json:
    """An address as the API server reserves it."""
    labels = {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    parent = {"resource": "services", "namespace": "default", "name": name}
    return {"metadata": {"name": ip, "labels": labels}, "spec": {"parentRef": parent}}


def story(*, running: frozenset[str] = EVERYTHING | {CONTROLLER}) -> Story:
    return Story(ServiceRanges, running)


def a_range(name: str, cidr: str, metadata: Json = HELD, status: Json = READY) -> Json:
    return thing(name, namespace="", metadata=metadata, spec={"cidrs": [cidr]}, status=status)


def going(name: str, cidr: str) -> Json:
    return a_range(name, cidr, {**HELD, "deletionTimestamp": "x"})


def test_they_are_held_and_ready() -> None:
    found = story()
    found.write(RANGES, a_range("r", "10.0.0.0/24"))
    found.ends_with()
    found.write(RANGES, a_range("r", "10.0.0.0/24", {}, {}))
    found.ends_with("without the finalizer", "is not ready")
    without = story(running=EVERYTHING)
    without.write(RANGES, a_range("r", "10.0.0.0/24", {}, {}))
    without.ends_with()


def test_what_nothing_needs_goes() -> None:
    found = story()
    found.write(RANGES, going("r", "10.0.0.0/24"))
    found.ends_with("servicecidrs/r has to go, and nothing needs it")
    found.write(ADDRESSES, reserved("10.0.0.7", "a"))
    found.ends_with()
    found.write(RANGES, a_range("large", "10.0.0.0/16"))
    found.ends_with("servicecidrs/r has to go, and nothing needs it")


def test_what_is_needed_stays() -> None:
    def let_go(later_seconds: float, user: str = USER, *others: str) -> Story:
        found = story()
        for number, cidr in enumerate(others):
            found.write(RANGES, a_range(f"other-{number}", cidr))
        found.write(RANGES, going("r", "10.0.0.0/24"))
        found.write(ADDRESSES, reserved("10.0.0.7", "a"))
        found.now_seconds += later_seconds
        found.write(RANGES, None, name="r", user=user)
        return found

    let_go(100).ends_with("10.0.0.7 is in no range any more")
    let_go(100, USER, "10.0.0.0/28").ends_with()
    let_go(10).ends_with()  # it had only just been reserved
    let_go(100, "admin").ends_with()
