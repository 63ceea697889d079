"""A real extension API server over TLS, behind a real `k8slite up`."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from k8slite.live.certificates import Authority
from tests.clients.cluster import Kubectl
from tests.live.process import WAIT_SECONDS, Api, ClusterProcess, running

Json = dict[str, Any]
ROOT = "/apis/metrics.example.com/v1"
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"


class Extension(BaseHTTPRequestHandler):
    """Serves one resource, to whom the front proxy's authority has signed a certificate."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, Any, Any]] = []  # noqa: RUF012  # a class for each test
    gone = False

    def do_GET(self) -> None:
        if self.gone:
            self.close_connection = True
            return
        peer = self.connection.getpeercert()  # type: ignore[attr-defined]
        if not peer:
            self.answer({"kind": "Status", "code": 401}, 401)
            return
        subject = dict(pair[0] for pair in peer["subject"])
        groups = self.headers.get_all("X-Remote-Group")
        self.seen.append((subject["commonName"], self.headers["X-Remote-User"], groups))
        path = self.path.partition("?")[0]
        if "watch=" in self.path:
            self.watch()
        elif path == ROOT:
            one = {
                "name": "points",
                "singularName": "point",
                "namespaced": False,
                "kind": "Point",
                "verbs": ["get", "list", "watch"],
            }
            self.answer({"kind": "APIResourceList", "groupVersion": ROOT[6:], "resources": [one]})
        elif path == f"{ROOT}/points":
            point = {
                "kind": "Point",
                "apiVersion": ROOT[6:],
                "metadata": {"name": "here", "uid": "u", "resourceVersion": "1"},
            }
            listed = {"kind": "PointList", "apiVersion": ROOT[6:], "items": [point]}
            self.answer({**listed, "metadata": {"resourceVersion": "1"}})
        else:
            self.answer({"kind": "Status", "code": 404}, 404)

    def watch(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            line = b'{"type":"ADDED","object":{"number":%d}}\n' % number
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, obj: Json, status: int = 200) -> None:
        body = json.dumps(obj).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def extension(folder: Path, trusted: str) -> Iterator[tuple[int, str, type[Extension]]]:
    """Its port, the authority of its own certificate, and what it has seen."""

    class Handler(Extension):
        seen: list[tuple[str, Any, Any]] = []  # noqa: RUF012

    folder.mkdir()
    authority = Authority(folder)
    authority.prepare(["127.0.0.1"], ["points.default.svc"])
    context = authority.server_context()
    context.load_verify_locations(cadata=trusted)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], authority.bundle, Handler
    finally:
        Handler.gone = True
        server.shutdown()
        thread.join()
        server.server_close()


def available(api: Api, name: str) -> tuple[str, str]:
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"
    conditions = api.json("GET", path)[1]["status"].get("conditions") or [{}]
    return conditions[0].get("status", ""), conditions[0].get("reason", "")


def wait_until(api: Api, name: str, status: str) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while available(api, name)[0] != status:
        assert time.monotonic() < until, available(api, name)
        time.sleep(0.05)


def asked_by_proxy(cluster: ClusterProcess, **headers: str) -> tuple[str, list[str]]:
    """For whom the cluster takes a front proxy that shows its certificate."""
    api, pki = cluster.connect(), cluster.path / "pki"
    api.context.load_cert_chain(pki / "front-proxy-client.crt", pki / "front-proxy-client.key")
    del api.headers["authorization"]
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert api.raw("POST", path, b"{}")[0] == 401, "who names nobody is nobody"
    body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    code, found = api.raw("POST", path, body, **headers)
    assert code == 201, found
    info = json.loads(found)["status"]["userInfo"]
    return info["username"], info["groups"]


def test_an_extension_api_server(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--nodes", "0") as cluster:
        api = cluster.connect()
        code, trust = api.json("GET", CONFIG_MAP)
        assert code == 200
        data = trust["data"]
        assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
        assert data["client-ca-file"] == (tmp_path / "data" / "pki" / "ca.crt").read_text()
        played = asked_by_proxy(cluster, x_remote_user="jane", x_remote_group="a,system:masters")
        assert played == ("jane", ["a,system:masters", "system:authenticated"])
        front = data["requestheader-client-ca-file"]
        assert front != data["client-ca-file"]
        with extension(tmp_path / "pki", front) as (port, bundle, handler):
            service = {
                "metadata": {"name": "points"},
                "spec": {"type": "ExternalName", "externalName": "localhost"},
            }
            assert api.json("POST", "/api/v1/namespaces/default/services", service)[0] == 201
            spec = {
                "group": "metrics.example.com",
                "version": "v1",
                "service": {"namespace": "default", "name": "points", "port": port},
                "caBundle": base64.b64encode(bundle.encode()).decode(),
                "groupPriorityMinimum": 100,
                "versionPriority": 10,
            }
            name = "v1.metrics.example.com"
            path = "/apis/apiregistration.k8s.io/v1/apiservices"
            assert api.json("POST", path, {"metadata": {"name": name}, "spec": spec})[0] == 201
            wait_until(api, name, "True")
            assert available(api, name) == ("True", "Passed")
            code, listed = api.json("GET", f"{ROOT}/points")
            assert (code, listed["items"][0]["metadata"]["name"]) == (200, "here")
            asked = [one for one in handler.seen if one[1] == "kubernetes-admin"]
            assert asked[-1] == (
                "front-proxy-client",
                "kubernetes-admin",
                ["system:masters", "system:authenticated"],
            )
            code, lines = api.raw("GET", f"{ROOT}/points?watch=1")
            assert code == 200 and len(lines.splitlines()) == 3
            kubectl = Kubectl(tmp_path / "data" / "kubeconfig", tmp_path / "cache", "default")
            assert kubectl("get", "points", "-o", "name").lines == [
                "point.metrics.example.com/here"
            ]
            assert "metrics.example.com/v1" in kubectl("api-resources").out
        # An address that nobody listens at any more.
        code, body = api.raw("GET", f"{ROOT}/points")
        assert code == 503 and body.startswith(b"error trying to reach service: ")
        patch = json.dumps({"metadata": {"annotations": {"look": "again"}}}).encode()
        api.raw("PATCH", f"{path}/{name}", patch, content_type="application/merge-patch+json")
        wait_until(api, name, "False")
        assert available(api, name) == ("False", "FailedDiscoveryCheck")
        assert api.raw("GET", f"{ROOT}/points") == (503, b"service unavailable\n")
        told = kubectl.refused("get", "points")
        assert "the server is currently unable to handle the request" in told
