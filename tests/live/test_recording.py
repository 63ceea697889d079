"""What a cluster did is written down, and can be looked at as it was at any moment."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from k8slite.live.recorded import BadRecord, Recorded
from tests.live.process import COMMAND, WAIT_SECONDS, Api, run_command, running

Json = dict[str, Any]

MAPS = "/api/v1/namespaces/default/configmaps"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a cluster in which a ConfigMap was made, changed, watched and deleted."""
    path = tmp_path_factory.mktemp("recording")
    with running(path / "d", "--nodes", "0", "--record", str(path / "record")) as cluster:
        api = cluster.connect()
        code, made = api.json("POST", MAPS, {"metadata": {"name": "m"}, "data": {"a": "1"}})
        assert code == 201
        assert api.json("PUT", f"{MAPS}/m", {**made, "data": {"a": "2"}})[0] == 200
        since = made["metadata"]["resourceVersion"]
        watch = f"{MAPS}?watch=1&resourceVersion={since}&timeoutSeconds=1"
        assert b'"MODIFIED"' in api.raw("GET", watch)[1]
        assert api.raw("DELETE", f"{MAPS}/m")[0] == 200
        assert api.json("POST", TOKEN, {"spec": {}})[0] == 201
    return path / "record"


@contextmanager
def replaying(record: Path, *arguments: str) -> Iterator[Api]:
    process = subprocess.Popen(
        [*COMMAND, "replay", str(record), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Revision "), line
        api = Api(line.rsplit(maxsplit=1)[1], record / "replay")
        try:
            yield api
        finally:
            api.close()
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def revisions(record: Path) -> list[int]:
    """Of the ConfigMap's three commits."""
    found = Recorded.read(record).commits
    return [one["revision"] for one in found if one["key"].endswith("/default/m")]


def test_requests_replies_events_and_commits_are_there(record: Path) -> None:
    entries = Recorded.read(record).entries
    (posted,) = [
        one for one in entries if one["type"] == "request" and one["path"] == MAPS and one["body"]
    ]
    assert (posted["method"], json.loads(posted["body"])["data"]) == ("POST", {"a": "1"})
    answers = {one["id"]: one for one in entries if one["type"] == "reply"}
    assert json.loads(answers[posted["id"]]["body"])["metadata"]["name"] == "m"
    (watch,) = [one["id"] for one in entries if ["watch", "1"] in one.get("query", ())]
    events = [one["body"] for one in entries if one["type"] == "event" and one["id"] == watch]
    assert '"MODIFIED"' in "".join(events)
    assert {"type": "end", "id": watch}.items() <= entries[-1].items() or any(
        one["type"] == "end" and one["id"] == watch for one in entries
    )
    assert len(revisions(record)) == 3
    assert revisions(record) == sorted(revisions(record))


def test_no_token_is_in_it_and_nobody_else_may_read_it(record: Path) -> None:
    file = record / "record.jsonl"
    asked = [
        one
        for one in Recorded.read(record).entries
        if one["type"] == "request" and one["path"] == TOKEN
    ]
    answers = [one for one in Recorded.read(record).entries if one["type"] == "reply"]
    assert [one["body"] for one in asked] == [""]
    assert [one["body"] for one in answers if one["id"] == asked[0]["id"]] == [""]
    token = (record.parent / "d" / "token").read_text().strip()
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_any_revision_can_be_read_and_not_changed(record: Path) -> None:
    first, second, _ = revisions(record)
    with replaying(record, "--revision", str(first)) as api:
        assert api.json("GET", f"{MAPS}/m")[1]["data"] == {"a": "1"}
        code, answer = api.json("POST", MAPS, {"metadata": {"name": "n"}})
        assert code == 405
        assert answer["message"] == f"this is the past, as of revision {first}: it can only be read"
    with replaying(record, "--revision", str(second)) as api:
        assert api.json("GET", f"{MAPS}/m")[1]["data"] == {"a": "2"}
    with replaying(record) as api:
        assert api.raw("GET", f"{MAPS}/m")[0] == 404
        exact = f"{MAPS}?resourceVersion={first}&resourceVersionMatch=Exact"
        names = [one["metadata"]["name"] for one in api.json("GET", exact)[1]["items"]]
        assert "m" in names
        watch = f"{MAPS}?watch=1&resourceVersion={first}&timeoutSeconds=1"
        lines = api.raw("GET", watch)[1].splitlines()
        events = [json.loads(line) for line in lines]
        ours = [one["type"] for one in events if one["object"]["metadata"].get("name") == "m"]
        assert ours == ["MODIFIED", "DELETED"]


def test_what_happened_is_printed(record: Path) -> None:
    first, second, _ = revisions(record)
    found = run_command("replay", str(record), "--print", "--revision", str(second))
    assert found.returncode == 0
    assert f"{first}  configmaps/default/m written" in found.stdout
    assert f": POST {MAPS}" in found.stdout
    assert "configmaps/default/m deleted" not in found.stdout


def test_what_is_no_record_is_refused(record: Path, tmp_path: Path) -> None:
    found = run_command("replay", str(tmp_path))
    assert found.stderr == f"k8slite: {tmp_path} holds no record: there is no record.jsonl\n"
    (tmp_path / "record.jsonl").write_text('{"type": "else"}\n')
    assert "is no record of this version of k8slite" in run_command("replay", str(tmp_path)).stderr
    (tmp_path / "record.jsonl").write_text("nonsense\n")
    with pytest.raises(BadRecord, match="line 1"):
        Recorded.read(tmp_path)
    for arguments, why in (
        (("--revision", "0"), "the record begins later"),
        (("--time", "yesterday"), "--time yesterday is not a moment"),
        (("--time", "2001-01-01T00:00:00Z"), "the record begins later"),
    ):
        assert why in run_command("replay", str(record), *arguments).stderr
    again = run_command("up", "--data-dir", str(tmp_path / "d"), "--record", str(record))
    assert again.returncode == 1 and "holds a record already; choose another" in again.stderr


def test_a_line_that_a_crash_has_cut_is_left_out(record: Path, tmp_path: Path) -> None:
    whole = (record / "record.jsonl").read_bytes()
    (tmp_path / "record.jsonl").write_bytes(whole[:-5])
    assert len(Recorded.read(tmp_path).entries) == len(Recorded.read(record).entries) - 1
