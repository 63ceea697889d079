"""A real HTTP server behind a Service, reached through a real `k8slite up` and a real kubectl."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cluster import KUBECTL
from tests.live.process import WAIT_SECONDS, Api, running

DEFAULT = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


class Echo(BaseHTTPRequestHandler):
    """Says what it was asked, whatever the method."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        if self.path == "/pieces":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one", b"two"):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        told = json.dumps({"method": self.command, "path": self.path, "body": body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None: ...


def own_address() -> str:
    """This computer's address to the outside, which endpoints may have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent by this
        except OSError:
            pytest.skip("this computer has no address but its own loopback")
        address: str = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this computer has no address but its own loopback")
    return address


@contextmanager
def echo(address: str) -> Iterator[int]:
    server = ThreadingHTTPServer((address, 0), Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running(tmp_path / "data", "--nodes", "0") as cluster:
        yield cluster.connect()


@contextmanager
def kubectl_proxy(kubeconfig: Path, *arguments: str) -> Iterator[str]:
    """A `kubectl proxy` for as long as the block lasts, and where it says that it serves."""
    command = [str(KUBECTL), "--kubeconfig", str(kubeconfig), "proxy", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Starting to serve on "), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


def publish(api: Api, address: str, port: int) -> None:
    ports = [{"name": "web", "port": 80}]
    service = {"metadata": {"name": "s"}, "spec": {"ports": ports}}
    assert api.json("POST", f"{DEFAULT}/services", service)[0] == 201
    found = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": port}],
        "endpoints": [{"addresses": [address]}],
    }
    assert api.json("POST", SLICES, found)[0] == 201


def test_a_service_with_a_real_server(api: Api) -> None:
    address = own_address()
    path = f"{DEFAULT}/services/s:web/proxy"
    with echo(address) as port:
        publish(api, address, port)
        for method in ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"):
            body = b"x" * 100_000 if method in ("POST", "PUT") else None
            code, text = api.raw(method, f"{path}/some/p%C3%A4th/?a=b%20c", body)
            assert code == 200, text
            told = json.loads(text)
            assert (told["method"], told["path"]) == (method, "/some/p%C3%A4th/?a=b%20c")
            assert told["body"] == (body or b"").decode()
        assert api.raw("HEAD", f"{path}/") == (200, b"")
        assert api.raw("GET", path)[0] == 301
        assert api.raw("GET", f"{path}/pieces") == (200, b"onetwo")
        assert api.raw("GET", f"{path}/after")[0] == 200, "the connection can be used again"


@contextmanager
def shouting(address: str) -> Iterator[int]:
    """A server that leaves HTTP for one client, to say what it hears louder."""
    listener = socket.create_server((address, 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += connection.recv(4096)
            assert b"upgrade: shout" in asked.lower() and b"authorization" not in asked.lower()
            agreed = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            connection.sendall(agreed + b"Upgrade: shout\r\n\r\nhello ")
            while data := connection.recv(4096):
                connection.sendall(data.upper())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(WAIT_SECONDS)
        listener.close()


def test_an_upgraded_connection(api: Api) -> None:
    address = own_address()
    with shouting(address) as port:
        publish(api, address, port)
        head = {"host": "x", "connection": "Upgrade", "upgrade": "shout", **api.headers}
        lines = [f"GET {DEFAULT}/services/s:web/proxy/talk HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        plain = socket.create_connection(api.address, WAIT_SECONDS)
        with api.context.wrap_socket(plain, server_hostname=api.address[0]) as talking:
            talking.sendall("\r\n".join([*lines, "\r\n"]).encode() + b"early ")
            heard = b""
            while b"EARLY " not in heard:
                heard += talking.recv(4096)
            assert heard.startswith(b"HTTP/1.1 101 ") and heard.endswith(b"\r\n\r\nhello EARLY ")
            talking.sendall(b"more")
            assert talking.recv(4096) == b"MORE"


def test_kubectl_proxy(api: Api, tmp_path: Path) -> None:
    address, kubeconfig = own_address(), tmp_path / "data" / "kubeconfig"
    with echo(address) as port, kubectl_proxy(kubeconfig, "--port=0") as where:
        publish(api, address, port)
        host, _, local = where.rpartition(":")
        connection = http.client.HTTPConnection(host, int(local), timeout=WAIT_SECONDS)
        connection.request("GET", "/api")
        assert json.loads(connection.getresponse().read())["versions"] == ["v1"]
        connection.request("POST", f"{DEFAULT}/services/s:web/proxy/x", b"body")
        told = json.loads(connection.getresponse().read())
        assert told == {"method": "POST", "path": "/x", "body": "body"}
        connection.close()


def test_kubectl_proxy_on_a_socket(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with kubectl_proxy(tmp_path / "data" / "kubeconfig", f"--unix-socket={path}"):
        connection = http.client.HTTPConnection("localhost", timeout=WAIT_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.connect(str(path))
        connection.request("GET", "/api/")
        assert json.loads(connection.getresponse().read())["versions"] == ["v1"]
        connection.close()
    assert api.raw("GET", "/healthz")[0] == 200
