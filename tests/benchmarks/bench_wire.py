"""Requests a second of a trivial handler over loopback, plain and with TLS.

Run as `python -m tests.benchmarks.bench_wire [seconds] [--profile]`; prints a JSON line for each
case. The load comes from a second process that keeps a number of connections busy, one request at
a time on each, and is cheap enough not to be the bottleneck: one selector loop over plain sockets
(for TLS: over memory buffers). The server's own processor time a request is printed too, since on
a machine with few cores the two processes are in each other's way.
"""

from __future__ import annotations

import cProfile
import json
import multiprocessing
import pstats
import selectors
import socket
import ssl
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import trio

from k8slite.messages import Request, Response
from k8slite.wire import Server, TlsListener, serve
from tests.wire.authority import Authority

CONNECTIONS = 12
SECONDS = 2.0
ANSWER = Response(
    200, b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"' + b"x" * 900 + b'"}}'
)
# What client-go sends.
ASK = (
    b"GET /api/v1/namespaces/default/pods/web-1 HTTP/1.1\r\n"
    b"Host: 127.0.0.1:6443\r\n"
    b"User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/abcdef0\r\n"
    b"Accept: application/json\r\n"
    b"Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
    b"Accept-Encoding: gzip\r\n"
    b"\r\n"
)


async def answer(request: Request) -> Response:
    return ANSWER


def load(port: int, context: ssl.SSLContext | None, seconds: float, report: Connection) -> None:
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock = plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
        sock.sendall(ASK)
        selector.register(sock, selectors.EVENT_READ, [0])
    whole = 0
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for key, _ in selector.select(1):
            sock, got = key.fileobj, key.data
            assert isinstance(sock, socket.socket)
            data = sock.recv(65536)
            if not whole:
                head, _, _ = data.partition(b"\r\n\r\n")
                whole = len(head) + 4 + len(ANSWER.body)
            got[0] += len(data)
            if got[0] >= whole:
                got[0] = 0
                done += 1
                sock.sendall(ASK)
    report.send((done, time.perf_counter() - began))


async def measure(
    seconds: float, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None
) -> tuple[float, float]:
    async with trio.open_nursery() as nursery:
        plain = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = plain[0].socket.getsockname()[1]
        listeners = plain if tls is None else [TlsListener(one, tls[0]) for one in plain]
        server: Server = await nursery.start(serve, answer, listeners)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(
            target=load, args=(port, tls and tls[1], seconds, theirs)
        )
        began = time.process_time()
        process.start()
        await trio.lowlevel.wait_readable(ours.fileno())
        busy = time.process_time() - began
        done, took = ours.recv()
        process.join()
        await server.stop(1)
    return done / took, busy / done * 1e6


def main() -> None:
    profiling = "--profile" in sys.argv
    numbers = [float(word) for word in sys.argv[1:] if not word.startswith("-")]
    seconds = numbers[0] if numbers else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        contexts = (authority.server_context(), authority.client_context())
        for name, tls in (("plain", None), ("tls", contexts)):
            profile = cProfile.Profile()
            if profiling:
                profile.enable()
            rate, microseconds = trio.run(measure, seconds, tls)
            profile.disable()
            line = {
                "benchmark": f"wire_{name}",
                "connections": CONNECTIONS,
                "requests_per_second": round(rate),
                "server_cpu_microseconds": round(microseconds, 1),
            }
            print(json.dumps(line), flush=True)
            if profiling:
                pstats.Stats(profile).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
