"""A run is told so that a person can follow it, and drawn so that nothing in it can harm."""

import json
import re

import pytest

from k8slite.faults.plan import LoseReply, Plan
from k8slite.sim.difference import difference
from k8slite.sim.outcome import Broke, Committed, Order, Outcome, Record, Violation
from k8slite.sim.scenario import play_once
from k8slite.sim.story import story
from k8slite.sim.timeline import timeline
from tests.simulation.scenarios import Web


@pytest.fixture(scope="module")
def told() -> tuple[Record, Outcome]:
    order = Order(Plan((LoseReply("kube-scheduler", 1),)))
    record = Record(order, "Web")
    return record, play_once(Web(), order, record)


def test_a_story_says_who_did_what_and_which_fault_struck(told: tuple[Record, Outcome]) -> None:
    text = story(*told)
    assert "scenario Web, seed 0" in text
    assert "lose-reply: process kube-scheduler, write 1" in text
    assert "user creates apps.deployments/default/web" in text
    assert re.search(r"kube-controller-manager creates pods/default/web-\w+-\w+, owned by", text)
    assert re.search(r">>> FAULT lose-reply: write 1 of kube-scheduler, POST \S+/binding", text)
    assert "spec.nodeName: nothing -> node-" in text
    assert text.endswith("virtual seconds")
    assert "kube-node-lease" not in text


def test_a_story_in_full_has_heartbeats_too(told: tuple[Record, Outcome]) -> None:
    assert "kube-node-lease" in story(*told, verbose=True)


def test_a_page_holds_the_run_and_no_name_can_break_out_of_it() -> None:
    hostile = "</script><script>alert(1)</script><!--"
    record = Record(Order(), hostile)
    record.entries.append(Committed(1.0, 1, 7, hostile, "me", "POST /x", None, b'{"metadata":{}}'))
    record.entries.append(Broke(2.0, Violation("x", hostile)))
    page = timeline(record, Outcome((Violation("x", hostile),)))
    assert page.count("</script>") == 1
    assert "<!--" not in page
    found = re.search(r"const run = (.*);\n", page)
    assert found is not None
    run = json.loads(found[1])
    assert run["entries"][0]["text"] == f"creates {hostile} (revision 7)"
    assert run["broken"] is True
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_difference_names_fields_and_items() -> None:
    before = {"spec": {"replicas": 3}, "status": {"conditions": [{"type": "A", "status": "x"}]}}
    now = {
        "metadata": {"resourceVersion": "5"},
        "spec": {"replicas": 2},
        "status": {"conditions": [{"type": "B"}, {"type": "A", "status": "y"}]},
    }
    assert difference(before, now) == [
        "spec.replicas: 3 -> 2",
        "status.conditions[A].status: x -> y",
        "status.conditions[B]: nothing -> {'type': 'B'}",
        "metadata: nothing -> {'resourceVersion': '5'}",
    ]
