"""A whole cluster in this process, asked as the recorded one was, and both made comparable.

UIDs, times, resource versions and what else differs from one cluster to the next are masked on both
sides; managedFields are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
import trio
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.cluster import Cluster, Settings
from k8slite.messages import Peer, Request, Response, User
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore
from tests.apiserver.paces import Pace, Paced

Json = dict[str, Any]

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"
ADMIN = Peer(user=User("admin", ("system:masters", "system:authenticated")))


def recorded(name: str) -> Any:
    """The recorded cases of one file; none where the recordings are not at hand."""
    path = ORACLE / name
    return json.loads(path.read_bytes()) if path.exists() else []


def need_oracle() -> None:
    """Skip the test where the recordings are not at hand."""
    if not ORACLE.exists():
        pytest.skip("the folder shared/oracle is not beside this checkout")


class Answer:
    """A response, read to its end."""

    def __init__(self, response: Response) -> None:
        assert isinstance(response.body, bytes)
        self.status = response.status
        self.body = response.body
        self.headers = response.headers
        self.warnings = [value for name, value in response.headers if name == "Warning"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A cluster's API, asked with plain words."""

    def __init__(self, cluster: Cluster, store: MemoryStore, paced: Paced) -> None:
        self.cluster = cluster
        self.store = store
        self.paced = paced

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        accept: str = "",
        token: str = "",
        user: str = "",
    ) -> Answer:
        """One request and its whole answer; `body` is bytes, or made JSON; `user` is played."""
        asked = request(method, path, body, content_type, accept=accept, token=token)
        if user:
            asked = evolve(asked, headers={**asked.headers, "impersonate-user": user})
        response = await self.cluster.handler(asked)
        return Answer(response)

    async def get(self, path: str) -> Any:
        """The decoded answer to a GET that must succeed."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    async def create(self, path: str, obj: Json) -> Any:
        """The decoded answer to a POST that must succeed."""
        answer = await self.ask("POST", path, obj)
        assert answer.status == 201, answer.body
        return answer.json

    async def watch(self, path: str) -> Watching:
        """Open a watch; `path` has everything but `watch=1`."""
        join = "&" if "?" in path else "?"
        response = await self.cluster.handler(request("GET", f"{path}{join}watch=1"))
        assert response.status == 200, response.body
        assert not isinstance(response.body, bytes)
        return Watching(response.body)


class Watching:
    """The events of one watch, one by one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._events: list[Json] = []

    async def next(self, seconds: float = 5.0) -> Json | None:
        """The next event; None at the end, or when nothing comes within `seconds`."""
        while not self._events:
            with trio.move_on_after(seconds) as scope:
                piece = await self._stream.receive()
                if not piece:
                    return None
                self._events = [json.loads(line) for line in piece.splitlines() if line]
            if scope.cancelled_caught:
                return None
        return self._events.pop(0)

    async def all(self, seconds: float = 5.0) -> list[Json]:
        """What comes until nothing comes for `seconds`."""
        found = []
        while (event := await self.next(seconds)) is not None:
            found.append(event)
        return found

    def close(self) -> None:
        self._stream.close()


def request(
    method: str,
    path: str,
    body: Any = None,
    content_type: str | None = "application/json",
    *,
    accept: str = "",
    token: str = "",
) -> Request:
    """A request as the wire would hand it over; with a token it comes from nobody known."""
    where, _, query = path.partition("?")
    headers = {"user-agent": "Python-urllib/3.11"}
    if accept:
        headers["accept"] = accept
    if token:
        headers["authorization"] = f"Bearer {token}"
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers["content-type"] = content_type or ""
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return Request(method, unquote(where), pairs, headers, content, Peer() if token else ADMIN)


@asynccontextmanager
async def running(
    *,
    controllers: bool | tuple[str, ...] = True,
    paces: Sequence[Pace] = (),
    **settings: Any,
) -> AsyncIterator[Server]:
    """A cluster without nodes; controllers: all, none, or as --controllers says it."""
    chosen: Json = {"minor": 36, "nodes": 0, "scheduler": False, **settings}
    if isinstance(controllers, bool):
        controllers = ("*",) if controllers else ()
    chosen["controllers"] = controllers
    store = MemoryStore()
    key = ec.generate_private_key(ec.SECP256R1())
    world = SimulatedWorld(1)
    paced = Paced(world, paces)
    cluster = Cluster(store, world, Settings(token_key=key, **chosen), surroundings=paced)
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        yield Server(cluster, store, paced)
        nursery.cancel_scope.cancel()


_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ACCESS = re.compile(r"kube-api-access-[a-z0-9]{5}")


def masked(value: Any, key: str = "") -> Any:
    """A document with what differs between clusters replaced by words."""
    if isinstance(value, dict):
        return {_UID.sub("UID", k): masked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(one, key) for one in value]
    if key == "resourceVersion" and value:
        return "RV"
    if key == "continue" and value:
        return "TOKEN"
    if isinstance(value, str):
        value = _TIME.sub("TIME", _UID.sub("UID", value))
        return _ACCESS.sub("kube-api-access-NAME", value)
    return value


def differences(found: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two documents differ, one line a place."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        lines = []
        for key in sorted({*found, *wanted}):
            where = f"{path}.{key}" if path else key
            if key not in found:
                lines.append(f"{where}: missing, wanted {_short(wanted[key])}")
            elif key not in wanted:
                lines.append(f"{where}: {_short(found[key])} is too much")
            else:
                lines += differences(found[key], wanted[key], where)
        return lines
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        lines = []
        for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
            lines += differences(one, other, f"{path}[{number}]")
        return lines
    if found == wanted:
        return []
    return [f"{path}: {_short(found)}, wanted {_short(wanted)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) < 400 else text[:400] + "..."
