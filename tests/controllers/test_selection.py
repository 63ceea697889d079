"""Controllers are called as upstream calls them, now and before."""

from __future__ import annotations

import pytest

from k8slite.controllers import CONTROLLERS, chosen_controllers
from k8slite.controllers.selection import chosen


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("*", "*"),
        ("job", "job-controller"),
        ("-job", "-job-controller"),
        ("-job-controller", "-job-controller"),
        ("endpoints-controller", "endpoint-controller"),
        ("endpoint", "endpoint-controller"),
        ("-node-lifecycle-controller", "-node-controller"),
        ("replicationcontroller-controller", "replication-controller"),
        ("garbage-collector-controller", "generic-garbage-collector"),
        ("root-ca-certificate-publisher-controller", "root-ca-cert-publisher"),
        ("podgc", "pod-garbage-collector"),
    ],
)
def test_spellings(spelled: str, name: str) -> None:
    assert chosen_controllers([spelled]) == (name,)


def test_each_is_known_by_the_name_that_signs_its_events() -> None:
    assert chosen_controllers(CONTROLLERS) == tuple(CONTROLLERS)


def test_unknown_ones_are_refused_in_upstreams_words() -> None:
    for wrong in ("nonsense", "-nonsense", "-*", ""):
        with pytest.raises(ValueError, match="is not in the list of known controllers: a, b-con"):
            chosen([wrong], ["a", "b-controller"])
