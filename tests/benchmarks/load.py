"""Many requests at once over kept connections, from a process cheap enough not to be measured.

`wrk` where it is installed; else a generator of our own: one process, one selector over TLS
sockets, request bytes made by a plain function, answers read by their Content-Length only. Either
keeps a number of connections busy, one request at a time on each.
"""

from __future__ import annotations

import json
import multiprocessing
import selectors
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.benchmarks.cluster_process import ClusterProcess
from tests.benchmarks.figure import percentile

CONNECTIONS: Final = 16
MOST_SECONDS: Final = 60.0  # of a load that is bounded by its count


@frozen
class Outcome:
    """What a load brought."""

    generator: str
    requests: int
    errors: int  # answers of 400 and above, and broken connections
    seconds: float
    p50_milliseconds: float
    p99_milliseconds: float
    server_cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def details(self) -> dict[str, object]:
        """What a figure tells beside the rate."""
        return {
            "generator": self.generator,
            "connections": CONNECTIONS,
            "requests": self.requests,
            "errors": self.errors,
            "p50_milliseconds": self.p50_milliseconds,
            "p99_milliseconds": self.p99_milliseconds,
            "server_cpu_microseconds": self.server_cpu_seconds / max(1, self.requests) * 1e6,
        }


def creates(cluster: ClusterProcess, path: str, body: str, seconds: float) -> Outcome:
    """POST `body`, whose %d is a number that is never the same twice, for some seconds."""
    head = f"{_headers(cluster)}Content-Type: application/json\r\n"

    def requests() -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            data = (body % number).encode()
            yield (
                f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(data)}\r\n\r\n"
            ).encode() + data

    # wrk makes one request that it never sends, to see what a script returns: that is number 0.
    script = f"""
        local number, body = -1, {_lua(body)}
        wrk.headers["Content-Type"] = "application/json"
        request = function()
          number = number + 1
          return wrk.format("POST", nil, nil, string.format(body, number))
        end
    """
    return _run(cluster, path, script, requests, seconds)


def gets(cluster: ClusterProcess, path: str, count: int, seconds: float) -> Outcome:
    """GET `path`, whose %d is a number from 1 to `count`, for some seconds."""
    head = _headers(cluster)

    def requests() -> Iterator[bytes]:
        known = [f"GET {path % n} HTTP/1.1\r\n{head}\r\n".encode() for n in range(1, count + 1)]
        while True:
            yield from known

    script = f"""
        local number, path = 0, {_lua(path)}
        request = function()
          number = number % {count} + 1
          return wrk.format("GET", string.format(path, number))
        end
    """
    return _run(cluster, path % 1, script, requests, seconds)


def many(cluster: ClusterProcess, requests: Callable[[], Iterator[bytes]]) -> Outcome:
    """Send every request of an iterator that ends, by our own generator."""
    return _own(cluster, requests, MOST_SECONDS)


def head(cluster: ClusterProcess) -> str:
    """The header lines of every request, for those who make their own."""
    return _headers(cluster)


def _headers(cluster: ClusterProcess) -> str:
    return (
        f"Host: 127.0.0.1:{cluster.port}\r\nAccept: application/json\r\n"
        f"User-Agent: bench\r\nAuthorization: Bearer {cluster.token}\r\n"
    )


def _run(
    cluster: ClusterProcess,
    path: str,
    script: str,
    requests: Callable[[], Iterator[bytes]],
    seconds: float,
) -> Outcome:
    wrk = shutil.which("wrk")
    if wrk is None:
        return _own(cluster, requests, seconds)
    busy = cluster.cpu_seconds()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(f"""
            wrk.headers["Authorization"] = "Bearer {cluster.token}"
            wrk.headers["Accept"] = "application/json"
            wrk.headers["User-Agent"] = "bench"
            {script}
            done = function(summary, latency, requests)
              local e = summary.errors
              io.write(string.format(
                '\\nOUTCOME {{"requests":%d,"errors":%d,"us":%d,"p50":%d,"p99":%d}}\\n',
                summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
                summary.duration, latency:percentile(50), latency:percentile(99)))
            end
        """)
        file.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", file.name]
        said = subprocess.run(
            [*command, cluster.url + path], capture_output=True, text=True, timeout=seconds + 30
        )
    line = next((one for one in said.stdout.splitlines() if one.startswith("OUTCOME ")), None)
    if line is None:
        raise RuntimeError(f"wrk: {said.stdout}{said.stderr}")
    found = json.loads(line.removeprefix("OUTCOME "))
    return Outcome(
        "wrk",
        found["requests"],
        found["errors"],
        found["us"] / 1e6,
        found["p50"] / 1e3,
        found["p99"] / 1e3,
        cluster.cpu_seconds() - busy,
    )


def _lua(text: str) -> str:
    """A text as Lua writes it."""
    return f"[==[{text}]==]"


def _own(
    cluster: ClusterProcess, requests: Callable[[], Iterator[bytes]], seconds: float
) -> Outcome:
    busy = cluster.cpu_seconds()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_generate,
        args=(cluster.port, cluster.directory / "pki" / "ca.crt", requests, seconds, theirs),
    )
    process.start()
    try:
        if not ours.poll(seconds + 30):
            raise TimeoutError("the load does not end")
        count, errors, took, waits = ours.recv()
        process.join()
    finally:
        process.kill()
    return Outcome(
        "own",
        count,
        errors,
        took,
        percentile(waits, 50) * 1e3,
        percentile(waits, 99) * 1e3,
        cluster.cpu_seconds() - busy,
    )


class _Exchange:
    """One connection, and how far its present answer has come."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.data = b""
        self.missing = -1  # bytes of the answer; -1 until its head has come
        self.sent = 0.0
        self.good = False

    def send(self, request: bytes) -> None:
        self.data, self.missing, self.sent = b"", -1, time.monotonic()
        self.sock.sendall(request)

    def complete(self) -> bool:
        """Read what is there; whether the answer has come to its end."""
        data = self.sock.recv(262144)
        if not data:
            raise ConnectionError("the server has closed the connection")
        if self.missing >= 0:
            self.missing -= len(data)
            return self.missing == 0
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        lower = self.data[:end].lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at : lower.find(b"\r", at) if b"\r" in lower[at:] else None])
        self.good = self.data[9:10] == b"2"
        self.missing = end + 4 + length - len(self.data)
        return self.missing == 0


def _generate(
    port: int,
    authority: Path,
    requests: Callable[[], Iterator[bytes]],
    seconds: float,
    report: Connection,
) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    selector = selectors.DefaultSelector()
    supply = requests()
    exchanges = [_Exchange(port, context) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    busy = 0
    for exchange in exchanges:
        request = next(supply, None)
        if request is not None:
            exchange.send(request)
            selector.register(exchange.sock, selectors.EVENT_READ, exchange)
            busy += 1
    errors, waits = 0, []
    while busy and time.monotonic() - began < seconds:
        for key, _ in selector.select(1):
            exchange = key.data
            complete = exchange.complete()
            while not complete and exchange.sock.pending():
                complete = exchange.complete()
            if not complete:
                continue
            waits.append(time.monotonic() - exchange.sent)
            errors += not exchange.good
            request = next(supply, None)
            if request is None:
                selector.unregister(exchange.sock)
                busy -= 1
            else:
                exchange.send(request)
    report.send((len(waits), errors, time.monotonic() - began, waits))
