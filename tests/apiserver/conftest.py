"""The scores against the recorded server, shown at the end of a test run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_SCORES = pytest.StashKey[dict[str, str]]()


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Callable[[str, int, int], None]:
    """Say how many of a file's recorded answers were given."""
    scores = request.config.stash.setdefault(_SCORES, {})

    def say(name: str, same: int, of: int) -> None:
        scores[name] = f"{name}: {same} of {of}"

    return say


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    scores = config.stash.get(_SCORES, {})
    if scores:
        terminalreporter.section("as the recorded server answers")
        for name in sorted(scores):
            terminalreporter.write_line(scores[name])
