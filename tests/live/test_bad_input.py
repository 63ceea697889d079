"""Whatever comes in over real sockets is refused as upstream does, and the server goes on."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.process import Api, ClusterProcess, running

MAPS = "/api/v1/namespaces/default/configmaps"
ROOT_CA = f"{MAPS}/kube-root-ca.crt"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MIB = 1 << 20
IDLE_CONNECTIONS = 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One server for all of this: nothing may harm it."""
    with running(tmp_path_factory.mktemp("cluster") / "d", "--nodes", "0") as cluster:
        _wait_for_root_ca(cluster)
        yield cluster
        assert cluster.process.poll() is None


def _wait_for_root_ca(cluster: ClusterProcess) -> None:
    api = cluster.connect()
    lines = "?watch=true&fieldSelector=metadata.name%3Dkube-root-ca.crt"
    api.connection.request("GET", MAPS + lines, headers=api.headers)
    assert b"ADDED" in api.connection.getresponse().readline()


@pytest.fixture
def good(server: ClusterProcess) -> Iterator[None]:
    """After the test a usual request of somebody else is answered as ever."""
    yield
    api = server.connect()
    assert api.raw("GET", "/readyz") == (200, b"ok")
    name = {"metadata": {"generateName": "good-"}}
    code, made = api.json("POST", MAPS, name)
    assert code == 201
    assert api.raw("DELETE", f"{MAPS}/{made['metadata']['name']}")[0] == 200
    api.close()


def _reason(api: Api, method: str, path: str, body: bytes, media_type: str) -> tuple[int, str]:
    code, answer = api.raw(method, path, body, content_type=media_type)
    status = json.loads(answer)
    assert status["kind"] == "Status" and status["code"] == code and status["message"]
    return code, status["reason"]


JSON, YAML = "application/json", "application/yaml"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
BAD_REQUEST, INVALID = (400, "BadRequest"), (422, "Invalid")
UNSUPPORTED = (415, "UnsupportedMediaType")

CASES: list[tuple[str, str, bytes, str, tuple[int, str]]] = [
    # Not JSON, or not an object.
    *(
        ("POST", MAPS, body, JSON, BAD_REQUEST)
        for body in (
            b"",
            b"{",
            b"[]",
            b"5",
            b'"x"',
            b"\xff\xfe{}",
            b'{"metadata":{"name":"\\ud800"}}',
            b'{"metadata":{"name":"a\x00"}}',
            b'{"data":{"a":NaN}}',
            b'{"data":{"a":1e999}}',
            b'{"data":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
            b"[" * 100_000,
        )
    ),
    # Not YAML, or more than YAML should be.
    ("POST", MAPS, b"a: [", YAML, BAD_REQUEST),
    ("POST", MAPS, b"\t- x: y\n z", YAML, BAD_REQUEST),
    ("POST", MAPS, b"a: !!python/object:os.system x", YAML, BAD_REQUEST),
    # Of some other form.
    ("POST", MAPS, b"x", "text/csv", UNSUPPORTED),
    ("POST", MAPS, b"k8s\x00\x01\x02", "application/vnd.kubernetes.protobuf", BAD_REQUEST),
    # Of the wrong type.
    ("POST", MAPS, b'{"metadata":{"name":5}}', JSON, BAD_REQUEST),
    ("POST", MAPS, b'{"metadata":[]}', JSON, BAD_REQUEST),
    ("POST", MAPS, b'{"metadata":{"name":"x"},"data":{"a":{}}}', JSON, BAD_REQUEST),
    ("POST", DEPLOYMENTS, b'{"spec":{"replicas":"three"}}', JSON, BAD_REQUEST),
    ("POST", DEPLOYMENTS, b'{"spec":{"replicas":99999999999}}', JSON, BAD_REQUEST),
    # Of an unknown or another kind.
    ("POST", MAPS, b'{"kind":"Pod","apiVersion":"v1"}', JSON, BAD_REQUEST),
    ("POST", MAPS, b'{"kind":"Foo","apiVersion":"no/v9/v1"}', JSON, BAD_REQUEST),
    ("POST", MAPS, b'{"kind":5,"apiVersion":"v1"}', JSON, BAD_REQUEST),
    ("POST", "/api/v1/namespaces/default/bogus", b"{}", JSON, (404, "NotFound")),
    # With an unknown field, where that is not to be overlooked.
    ("POST", f"{MAPS}?fieldValidation=Strict", b'{"foo":1}', JSON, BAD_REQUEST),
    # With a bad name.
    ("POST", MAPS, b'{"metadata":{"name":"Bad_Name"}}', JSON, INVALID),
    ("POST", MAPS, b'{"metadata":{"name":"../../x"}}', JSON, INVALID),
    ("POST", MAPS, b'{"metadata":{"name":"' + b"x" * 300 + b'"}}', JSON, INVALID),
    ("POST", MAPS, b'{"metadata":{"name":"x","namespace":"y"}}', JSON, BAD_REQUEST),
    ("PUT", ROOT_CA, b'{"metadata":{"name":"other"}}', JSON, BAD_REQUEST),
    # Too large: for the server, and for a config map.
    ("POST", MAPS, b" " * (3 * MIB + 1), JSON, (413, "RequestEntityTooLarge")),
    (
        *("POST", MAPS),
        b'{"metadata":{"name":"x"},"data":{"a":"' + b"x" * 2 * MIB + b'"}}',
        *(JSON, INVALID),
    ),
    # Patches.
    ("PATCH", ROOT_CA, b"{", MERGE, BAD_REQUEST),
    ("PATCH", ROOT_CA, b"[]", MERGE, BAD_REQUEST),
    ("PATCH", ROOT_CA, b"{}", JSON_PATCH, BAD_REQUEST),
    ("PATCH", ROOT_CA, b'[{"op":"fly"}]', JSON_PATCH, INVALID),
    ("PATCH", ROOT_CA, b'[{"op":"remove","path":"/none"}]', JSON_PATCH, INVALID),
    ("PATCH", ROOT_CA, b"5", STRATEGIC, BAD_REQUEST),
    ("PATCH", ROOT_CA, b"{}", JSON, UNSUPPORTED),
    # Parameters and methods.
    ("GET", f"{MAPS}?limit=abc", b"", JSON, BAD_REQUEST),
    ("GET", f"{MAPS}?labelSelector=!!", b"", JSON, BAD_REQUEST),
    ("GET", f"{MAPS}?fieldSelector=spec.foo%3D1", b"", JSON, BAD_REQUEST),
    ("GET", f"{MAPS}?resourceVersion=abc", b"", JSON, BAD_REQUEST),
    ("GET", f"{MAPS}?resourceVersion={'9' * 18}", b"", JSON, (504, "Timeout")),
    ("GET", f"{MAPS}?continue=garbage", b"", JSON, BAD_REQUEST),
    ("GET", f"{MAPS}/%00", b"", JSON, (404, "NotFound")),
    ("GET", f"{MAPS}/%ff", b"", JSON, (404, "NotFound")),
    ("GET", "/" + "x" * 100_000, b"", JSON, (404, "NotFound")),
    ("DELETE", ROOT_CA, b'{"propagationPolicy":"Odd"}', JSON, INVALID),
    ("PUT", MAPS, b"{}", JSON, (405, "MethodNotAllowed")),
]


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(("method", "path", "body", "media_type", "refusal"), CASES)
def test_a_bad_request_gets_upstreams_answer(
    server: ClusterProcess,
    method: str,
    path: str,
    body: bytes,
    media_type: str,
    refusal: tuple[int, str],
) -> None:
    assert _reason(server.connect(), method, path, body, media_type) == refusal


def _plain(server: ClusterProcess) -> socket.socket:
    host, port = server.connect().address
    return socket.create_connection((host, port), timeout=60)


def _encrypted(server: ClusterProcess) -> ssl.SSLSocket:
    api = server.connect()
    return api.context.wrap_socket(_plain(server), server_hostname=api.address[0])


def _rest(connection: socket.socket) -> bytes:
    """Everything up to the end, however it comes."""
    pieces = []
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.usefixtures("good")
def test_garbage_instead_of_tls_ends_the_connection(server: ClusterProcess) -> None:
    for garbage in (b"\x00" * 100, os.urandom(4096), b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000):
        with _plain(server) as connection:
            with contextlib.suppress(OSError):  # it may be closed before all is sent
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
            _rest(connection)


@pytest.mark.usefixtures("good")
def test_plain_http_on_the_tls_port_is_told_so(server: ClusterProcess) -> None:
    with _plain(server) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = _rest(connection)
    assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert b"Client sent an HTTP request to an HTTPS server." in answer


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n",
    ],
)
def test_garbage_instead_of_http_is_refused_and_closed(
    server: ClusterProcess, garbage: bytes
) -> None:
    with _encrypted(server) as connection:
        connection.sendall(garbage)
        answer = _rest(connection)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer


@pytest.mark.usefixtures("good")
def test_an_endless_header_is_refused(server: ClusterProcess) -> None:
    with _encrypted(server) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for _ in range(32):
                connection.sendall(b"X-Filler: " + b"x" * 65_000 + b"\r\n")
        assert _rest(connection)[:12] in (b"HTTP/1.1 431", b"")


@pytest.mark.usefixtures("good")
def test_a_body_that_never_ends_is_refused_before_it_does(server: ClusterProcess) -> None:
    api = server.connect()
    token = api.headers["authorization"]
    head = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
    with _encrypted(server) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            for _ in range(8):
                connection.sendall(b"100000\r\n" + b"x" * MIB + b"\r\n")
        assert _rest(connection)[:12] in (b"HTTP/1.1 413", b"")


@pytest.mark.usefixtures("good")
def test_half_open_and_slow_clients_are_nobodys_trouble(server: ClusterProcess) -> None:
    hello, header, body = _plain(server), _encrypted(server), _encrypted(server)
    reader = _encrypted(server)
    with hello, header, body, reader:
        hello.sendall(b"\x16\x03\x01")  # the first bytes of a handshake, then nothing
        header.sendall(b"GET /readyz HT")
        body.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this")
        # Asks for much, and reads nothing of it.
        reader.sendall(b"GET /openapi/v2 HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        api = server.connect()
        for _ in range(5):
            assert api.raw("GET", "/readyz") == (200, b"ok")
        # Byte by byte is slow, but not wrong.
        for one in b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            header.send(bytes([one]))
        assert _rest(header).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.usefixtures("good")
def test_clients_that_vanish_in_the_middle_are_forgotten(server: ClusterProcess) -> None:
    api = server.connect()
    watch = f"GET {MAPS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: "
    for begun in (b"", b"GET / HT", f"{watch}{api.headers['authorization']}\r\n\r\n".encode()):
        connection = _encrypted(server)
        connection.sendall(begun)
        # Closed with a reset instead of a goodbye.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.usefixtures("good")
def test_many_idle_connections_do_not_keep_others_out(server: ClusterProcess) -> None:
    with contextlib.ExitStack() as idle:
        for _ in range(IDLE_CONNECTIONS):
            idle.enter_context(_plain(server))
        api = server.connect()
        assert api.raw("GET", "/readyz") == (200, b"ok")


def test_none_of_it_was_a_fault_of_ours(tmp_path: Path) -> None:
    """What clients do wrong is not logged as an error of the server."""
    with running(tmp_path / "d", "--nodes", "0") as cluster:
        _wait_for_root_ca(cluster)
        for method, path, body, media_type, _ in CASES:
            api = cluster.connect()
            api.raw(method, path, body, content_type=media_type)
            api.close()
        process = cluster.process
        process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == ""
