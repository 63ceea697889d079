"""A real webhook over TLS, asked by a real `k8slite up`."""

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


@contextmanager
def webhook(folder: Path) -> Iterator[tuple[str, str]]:
    """The URL of a webhook, and the authority of its certificate."""
    folder.mkdir()
    authority = Authority(folder)
    authority.prepare(["127.0.0.1"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuser)
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
