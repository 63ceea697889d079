"""Real webhooks over TLS, asked by a real `k8slite up`."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from k8slite.live.certificates import Authority
from tests.live.process import Api, running

MAPS = "/api/v1/namespaces/default/configmaps"
PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class Refuser(BaseHTTPRequestHandler):
    """Refuses what is called `bad`."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        review["response"] = {
            "uid": asked["uid"],
            "allowed": asked["name"] != "bad",
            "status": {"message": "bad names are not taken", "code": 403},
        }
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


class Converter(BaseHTTPRequestHandler):
    """Says in which version an object was when it came."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        wanted = asked["desiredAPIVersion"]
        converted = [
            {**one, "apiVersion": wanted, "was": one["apiVersion"]} for one in asked["objects"]
        ]
        review["response"] = {
            "uid": asked["uid"],
            "result": {"status": "Success"},
            "convertedObjects": converted,
        }
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def webhook(
    folder: Path, handler: type[BaseHTTPRequestHandler] = Refuser, *names: str
) -> Iterator[tuple[str, str]]:
    """The URL of a webhook, and the authority of its certificate."""
    folder.mkdir()
    authority = Authority(folder)
    authority.prepare(["127.0.0.1"], names)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket = authority.server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/review", authority.bundle
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running(tmp_path / "data", "--nodes", "0") as cluster:
        yield cluster.connect()


def test_a_webhook_refuses(api: Api, tmp_path: Path) -> None:
    rule = {
        "operations": ["CREATE"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["configmaps"],
    }
    with webhook(tmp_path / "pki") as (url, bundle):
        hook = {
            "name": "a.e.com",
            "clientConfig": {
                "url": url,
                "caBundle": base64.b64encode(bundle.encode()).decode(),
            },
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        code, _ = api.json("POST", PATH, {"metadata": {"name": "c"}, "webhooks": [hook]})
        assert code == 201
        code, refused = api.json("POST", MAPS, {"metadata": {"name": "bad"}})
        assert refused["message"] == (
            'admission webhook "a.e.com" denied the request: bad names are not taken'
        )
        assert code == refused["code"] == 403
        for name in ("good", "better"):
            assert api.json("POST", MAPS, {"metadata": {"name": name}})[0] == 201
    code, gone = api.json("POST", MAPS, {"metadata": {"name": "late"}})
    assert code == 500
    assert gone["message"].startswith(
        'Internal error occurred: failed calling webhook "a.e.com": failed to call webhook: Post'
    )


def test_a_converter_behind_a_service(api: Api, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"was": {"type": "string"}}}
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == "v1",
            "schema": {"openAPIV3Schema": schema},
        }
        for name in ("v1", "v2")
    ]
    name = "converter.default.svc"
    with webhook(tmp_path / "pki", Converter, name) as (url, bundle):
        port = int(url.rpartition(":")[2].partition("/")[0])
        service = {
            "metadata": {"name": "converter"},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        assert api.json("POST", "/api/v1/namespaces/default/services", service)[0] == 201
        client = {
            "service": {"namespace": "default", "name": "converter", "port": port, "path": "/c"},
            "caBundle": base64.b64encode(bundle.encode()).decode(),
        }
        definition = {
            "metadata": {"name": "things.e.com"},
            "spec": {
                "group": "e.com",
                "scope": "Cluster",
                "names": {"kind": "Thing", "plural": "things"},
                "versions": versions,
                "conversion": {
                    "strategy": "Webhook",
                    "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
                },
            },
        }
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        assert api.json("POST", path, definition)[0] == 201
        for _ in range(200):  # until it is established
            code, made = api.json("POST", "/apis/e.com/v1/things", {"metadata": {"name": "a"}})
            if code != 404:
                break
        assert code == 201 and "was" not in made
        code, seen = api.json("GET", "/apis/e.com/v2/things/a")
        assert (code, seen["was"], seen["apiVersion"]) == (200, "e.com/v1", "e.com/v2")
    code, gone = api.json("GET", "/apis/e.com/v2/things/a")
    assert code == 500
    assert gone["message"].startswith(
        f'conversion webhook for e.com/v1, Kind=Thing failed: Post "https://{name}:{port}/c'
        '?timeout=30s": '
    )
