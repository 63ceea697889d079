"""No kill loses an acknowledged write, turns the resourceVersion back, or misleads a watch.

A cluster is written to through its real API by several clients at once and killed at moments that
a seed chooses; whatever it had acknowledged must be there after the next start. The default run
kills KILLS times; `make test-crash` sets K8SLITE_CRASH_KILLS to do it for longer.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live.process import Api, ClusterProcess

KILLS = int(os.environ.get("K8SLITE_CRASH_KILLS", "10"))
SEEDS = (1, 2)  # as many workers share the kills
WRITERS = 4
LIFE_MOST_SECONDS = 0.4  # from ready to the kill: the start is what takes the time
MAPS = "/api/v1/namespaces/default/configmaps"


class Writer:
    """One client: creates, changes and deletes config maps, and remembers what it was told."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.chance = random.Random(f"{seed}/{number}")
        self.known: dict[str, str | None] = {}  # acknowledged: name to text, None when deleted
        self.unsure: dict[str, str | None] = {}  # asked for, but the answer never came
        self.newest = 0  # the highest resourceVersion seen
        self.acknowledged = 0
        self._made = 0

    def run(self, api: Api) -> None:
        """Write until the connection breaks."""
        try:
            while True:
                self._write(api)
        except (OSError, http.client.HTTPException):
            return  # killed: what was under way is in `unsure`
        finally:
            api.close()

    def _write(self, api: Api) -> None:
        alive = [name for name, text in self.known.items() if text is not None]
        way = self.chance.random()
        if not alive or way < 0.5:
            self._made += 1
            name = f"w{self.number}-{self._made}"
            self._ask(api, "POST", MAPS, name, self._text())
        elif way < 0.8:
            name = self.chance.choice(alive)
            self._ask(api, "PUT", f"{MAPS}/{name}", name, self._text())
        else:
            name = self.chance.choice(alive)
            self._ask(api, "DELETE", f"{MAPS}/{name}", name, None)

    def _text(self) -> str:
        return f"{self.chance.getrandbits(64):x}" * self.chance.choice((1, 10, 300))

    def _ask(self, api: Api, method: str, path: str, name: str, text: str | None) -> None:
        obj = None if text is None else {"metadata": {"name": name}, "data": {"text": text}}
        self.unsure[name] = text
        code, answer = api.json(method, path, obj)
        assert code in (200, 201), answer
        del self.unsure[name]
        self.known[name] = text
        self.acknowledged += 1
        version = answer["metadata"].get("resourceVersion")
        if version:
            self.newest = max(self.newest, int(version))

    def check(self, found: dict[str, str]) -> None:
        """After a restart: everything acknowledged is there, and nothing that was never asked."""
        mine = {n: t for n, t in found.items() if n.startswith(f"w{self.number}-")}
        for name in sorted({*mine, *self.known, *self.unsure}):
            possible = {self.known.get(name)}
            if name in self.unsure:
                possible.add(self.unsure[name])
            assert mine.get(name) in possible, f"{name} is not what was acknowledged"
            self.known[name] = mine.get(name)
        self.unsure.clear()


class Watcher:
    """Follows the config maps, over kills, from where it was."""

    def __init__(self) -> None:
        self.version = 0  # of the newest event that has arrived
        self.mirror: dict[str, str] = {}

    def list(self, api: Api) -> int:
        """Take everything anew; returns the list's resourceVersion."""
        code, found = api.json("GET", MAPS)
        assert code == 200
        self.mirror = {one["metadata"]["name"]: _text(one) for one in found["items"]}
        self.version = int(found["metadata"]["resourceVersion"])
        return self.version

    def run(self, api: Api) -> None:
        """Follow until the connection breaks."""
        try:
            self.follow(api, until=None)
        except (OSError, http.client.HTTPException):
            return
        finally:
            api.close()

    def follow(self, api: Api, until: int | None) -> bool:
        """Follow, up to a resourceVersion; False when the history does not reach back so far."""
        query = f"?watch=true&allowWatchBookmarks=true&resourceVersion={self.version}"
        api.connection.request("GET", MAPS + query, headers=api.headers)
        answer = api.connection.getresponse()
        if answer.status == 410:
            return False
        assert answer.status == 200
        while until is None or self.version < until:
            line = answer.readline()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            event = json.loads(line)
            if event["type"] == "ERROR":
                assert event["object"]["code"] == 410, event
                return False
            self._take(event)
        return True

    def _take(self, event: dict[str, Any]) -> None:
        obj = event["object"]
        version = int(obj["metadata"]["resourceVersion"])
        assert version >= self.version, "an event came out of order, or twice"
        self.version = version
        if event["type"] == "DELETED":
            self.mirror.pop(obj["metadata"]["name"], None)
        elif event["type"] != "BOOKMARK":
            self.mirror[obj["metadata"]["name"]] = _text(obj)


def _text(obj: dict[str, Any]) -> str:
    found: str = (obj.get("data") or {}).get("text", "")
    return found


def _live_and_die(
    cluster: ClusterProcess, writers: list[Writer], watcher: Watcher, life_seconds: float
) -> None:
    """Write and watch at full speed, until the kill."""
    tasks = [threading.Thread(target=one.run, args=(cluster.connect(),)) for one in writers]
    tasks.append(threading.Thread(target=watcher.run, args=(cluster.connect(),)))
    for task in tasks:
        task.start()
    # Which moment it is, is the point: the seed chooses it, the load makes it random.
    time.sleep(life_seconds)
    cluster.process.kill()
    for task in tasks:
        task.join()
    cluster.kill()


def _check(cluster: ClusterProcess, writers: list[Writer], watcher: Watcher) -> None:
    api = cluster.connect()
    truth = Watcher()
    version = truth.list(api)
    newest = max(watcher.version, *(writer.newest for writer in writers))
    assert version >= newest, "the resourceVersion went back"
    for writer in writers:
        writer.check(truth.mirror)
    # A write of our own gives the watch an end that it will reach.
    code, end = api.json("POST", MAPS, {"metadata": {"generateName": "end-"}})
    assert code == 201
    until = int(end["metadata"]["resourceVersion"])
    assert until > newest, "a resourceVersion was given out twice"
    truth.mirror[end["metadata"]["name"]] = ""
    following = cluster.connect()
    if watcher.follow(following, until):
        assert watcher.mirror == truth.mirror, "the watch went on, but missed something"
    else:
        watcher.list(api)


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    writers = [Writer(number, seed) for number in range(WRITERS)]
    watcher = Watcher()
    cluster = ClusterProcess(tmp_path / "d", "--nodes", "0").wait_ready()
    try:
        watcher.list(cluster.connect())
        for _ in range(KILLS // len(SEEDS)):
            _live_and_die(cluster, writers, watcher, chance.uniform(0, LIFE_MOST_SECONDS))
            cluster = ClusterProcess(tmp_path / "d", "--nodes", "0")
            if chance.random() < 0.2:  # some are killed while they start
                time.sleep(chance.uniform(0, LIFE_MOST_SECONDS))
                cluster.kill()
                cluster = ClusterProcess(tmp_path / "d", "--nodes", "0")
            _check(cluster.wait_ready(), writers, watcher)
    finally:
        cluster.kill()
    acknowledged = sum(writer.acknowledged for writer in writers)
    assert acknowledged > KILLS, "the kills came before the load"
    print(f"{acknowledged} acknowledged writes outlived {KILLS // len(SEEDS)} kills")
