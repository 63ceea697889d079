"""The audit log of a real cluster: a file of JSON lines that only its owner reads."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_requests_are_put_on_record(tmp_path: Path) -> None:
    policy, log = tmp_path / "policy.yaml", tmp_path / "audit.log"
    policy.write_text(POLICY)
    given = ("--nodes", "0", "--audit-policy-file", str(policy), "--audit-log-path", str(log))
    with running(tmp_path / "cluster", *given) as cluster:
        api = cluster.connect()
        made = {"metadata": {"name": "m"}, "data": {"a": "b"}}
        assert api.json("POST", "/api/v1/namespaces/default/configmaps", made)[0] == 201
        api.raw("GET", "/readyz")
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
