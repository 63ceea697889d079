"""The worked examples that the README names, each run as a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.conftest import Project

EXAMPLES = Path(__file__).parent / "examples"
# What other packages warn of is not ours to end the test for.
CONFIGURATION = "[pytest]\nfilterwarnings =\n    ignore\n"


@pytest.mark.parametrize(
    ("name", "passed", "needs"),
    [
        ("kopf_operator", 1, "kopf"),
        ("client_script", 2, "kubernetes"),
        ("own_controller", 2, "trio"),
    ],
)
def test_an_example(project: Project, name: str, passed: int, needs: str) -> None:
    pytest.importorskip(needs)
    files = {one.name: one.read_text() for one in (EXAMPLES / name).iterdir() if one.is_file()}
    outcome = project({**files, "pytest.ini": CONFIGURATION})
    assert outcome.counts == {"passed": passed}, outcome.text
