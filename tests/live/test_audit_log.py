"""The audit log of a real cluster: a file that only its owner reads, and a webhook."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.live.process import running

POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: None, nonResourceURLs: ["/readyz"]}
- {level: RequestResponse, resources: [{group: "", resources: [configmaps]}], namespaces: [default]}
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """The address of a webhook, and what it has got: path, authorization, events."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, self.headers["authorization"], json.loads(body)["items"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/audit", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(url: str) -> str:
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": "of-the-webhook"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def test_requests_are_put_on_record(tmp_path: Path) -> None:
    policy, log, webhook = (tmp_path / name for name in ("policy.yaml", "audit.log", "webhook"))
    policy.write_text(POLICY)
    given = ("--nodes", "0", "--audit-policy-file", str(policy), "--audit-log-path", str(log))
    with receiver() as (url, got):
        webhook.write_text(kubeconfig(url))
        more = ("--audit-webhook-config-file", str(webhook), "--audit-webhook-mode", "blocking")
        with running(tmp_path / "cluster", *given, *more) as cluster:
            api = cluster.connect()
            made = {"metadata": {"name": "m"}, "data": {"a": "b"}}
            assert api.json("POST", "/api/v1/namespaces/default/configmaps", made)[0] == 201
            api.raw("GET", "/readyz")
    assert {one[:2] for one in got} == {("/audit", "Bearer of-the-webhook")}
    sent = [event for *_, events in got for event in events]
    [own] = [one for one in sent if one["user"]["username"] == "kubernetes-admin"]
    assert own["requestObject"] == made
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert (tmp_path / "cluster" / "token").read_text().strip() not in text
    events = [json.loads(line) for line in text.splitlines()]
    own = [one for one in events if one["user"]["username"] == "kubernetes-admin"]
    (event,) = own
    assert event["verb"] == "create" and event["stage"] == "ResponseComplete"
    assert event["requestObject"] == made
    assert event["responseObject"]["metadata"]["uid"]
    assert event["sourceIPs"] == ["127.0.0.1"]
