"""Too many requests at once: some are told to come again, administrators never."""

from __future__ import annotations

import pytest

from k8slite.apiserver.in_flight import InFlight
from k8slite.messages import User
from k8slite.objects.errors import TooManyRequests
from tests.apiserver.oracle_server import running

SOMEBODY = User("a", ("system:authenticated",))
MASTER = User("b", ("system:masters",))


def test_reading_and_writing_are_counted_apart() -> None:
    counts = InFlight(reading_most=1, writing_most=1)
    with (
        counts.counted(SOMEBODY, "get", takes_long=False),
        counts.counted(SOMEBODY, "patch", takes_long=False),
        counts.counted(SOMEBODY, "list", takes_long=True),
        counts.counted(MASTER, "create", takes_long=False),
    ):
        assert (counts.reading, counts.writing) == (1, 1)
        for verb in ("list", "delete"):
            with (
                pytest.raises(TooManyRequests) as error,
                counts.counted(SOMEBODY, verb, takes_long=False),
            ):
                pass
            assert error.value.retry_after_seconds == 1
    assert (counts.reading, counts.writing) == (0, 0)


async def test_an_overloaded_server(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        server.cluster.api.in_flight.reading_most = 0
        path = "/api/v1/namespaces"
        answer = await server.ask("GET", path, user="nobody")
        assert answer.status == 429
        assert answer.json["message"] == "Too many requests, please try again later."
        assert (await server.ask("GET", path)).status == 200
