"""What goes wrong is said in one line on stderr, the exit code is not 0, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.live.process import WAIT_SECONDS, ClusterProcess, run_command, running


def _complaint(*arguments: str, **environment: str) -> str:
    result = run_command(*arguments, **environment)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("k8slite: ") and result.stderr.count("\n") == 1
    return result.stderr


def _up(path: Path, *arguments: str) -> str:
    return _complaint("up", "--data-dir", str(path), "--port", "0", *arguments)


@pytest.mark.parametrize("how", [(), ("--detach",)], ids=["here", "detached"])
def test_a_taken_port(tmp_path: Path, how: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = _up(tmp_path / "d", "--port", port, *how)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert not (tmp_path / "d" / "store.db").exists()


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    assert "cannot listen on 192.0.2.7:0" in _up(tmp_path / "d", "--bind", "192.0.2.7")


def test_an_audit_policy_that_is_none(tmp_path: Path) -> None:
    policy, log = tmp_path / "policy.yaml", tmp_path / "log"
    policy.write_text("kind: Policy")
    given = ("--audit-policy-file", str(policy), "--audit-log-path", str(log))
    assert f"{policy} is no audit policy: it is not a Policy of audit.k8s.io/v1" in _up(
        tmp_path / "cluster", *given
    )
    assert not log.exists()


@pytest.mark.parametrize("how", [(), ("--detach",)], ids=["here", "detached"])
def test_a_file_instead_of_a_directory(tmp_path: Path, how: tuple[str, ...]) -> None:
    (tmp_path / "f").write_text("precious")
    assert "Not a directory" in _up(tmp_path / "f", *how)
    assert "Not a directory" in _up(tmp_path / "f" / "below", *how)
    assert (tmp_path / "f").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o500)
    assert "Permission denied" in _up(tmp_path / "d")


def test_a_directory_where_none_can_be_made() -> None:
    assert "/proc/none" in _up(Path("/proc/none"))


def test_a_directory_in_use(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--nodes", "0") as cluster:
        said = _up(tmp_path / "d")
        assert f"in use by process {cluster.process.pid}" in said
        assert "is running" in _complaint("reset", "--data-dir", str(tmp_path / "d"))
        assert cluster.connect().raw("GET", "/readyz")[0] == 200


@pytest.fixture(scope="module")
def cluster_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "d"
    with running(path, "--nodes", "0"):
        return path


@pytest.fixture
def made(cluster_files: Path, tmp_path: Path) -> Path:
    """The files of a cluster that has run and stopped."""
    return Path(shutil.copytree(cluster_files, tmp_path / "d"))


def test_a_corrupt_store(made: Path, tmp_path: Path) -> None:
    store = made / "store.db"
    damaged = store.read_bytes()
    damaged = damaged[:4096] + os.urandom(len(damaged) - 4096)
    store.write_bytes(damaged)
    assert "is not a readable store" in _up(tmp_path / "d")
    assert store.read_bytes() == damaged
    backup = _complaint("backup", "--data-dir", str(tmp_path / "d"), str(tmp_path / "copy"))
    assert "is not a readable store" in backup
    assert not (tmp_path / "copy").exists()
    store.write_bytes(b"nothing of the kind\n" * 20)
    assert "not an sqlite database" in _up(tmp_path / "d")


def test_a_foreign_database(made: Path) -> None:
    (made / "store.db").unlink()
    with closing(sqlite3.connect(made / "store.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = (made / "store.db").read_bytes()
    assert "belongs to another application" in _up(made)
    assert (made / "store.db").read_bytes() == before


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.crt").write_text("theirs")
    (tmp_path / "token").write_text("theirs")
    assert "is not a cluster's directory" in _up(tmp_path)
    assert "there is no cluster" in _complaint("reset", "--data-dir", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pki", "token"]


def test_reset_leaves_what_it_did_not_make(made: Path) -> None:
    (made / "notes").write_text("mine")
    assert run_command("reset", "--data-dir", str(made)).returncode == 0
    assert [one.name for one in made.iterdir()] == ["notes"]


@pytest.mark.parametrize("file_name", ["ca.crt", "ca.key", "sa.key"])
def test_an_unreadable_authority(made: Path, file_name: str) -> None:
    file = made / "pki" / file_name
    file.write_text("nonsense")
    (made / "pki" / "admin.crt").unlink()  # so that the CA has something to sign
    assert file_name in _up(made)
    assert file.read_text() == "nonsense"


def test_what_a_kill_has_left_half_done_is_made_anew(made: Path) -> None:
    authority = (made / "pki" / "ca.key").read_bytes()
    (made / "pki" / "ca.crt").unlink()
    (made / "pki" / "apiserver.key").write_bytes((made / "pki" / "admin.key").read_bytes())
    (made / "token.new").write_text("half")
    with running(made, "--nodes", "0") as cluster:
        assert cluster.connect().raw("GET", "/readyz")[0] == 200
    assert (made / "pki" / "ca.key").read_bytes() == authority


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kubernetes-version", "1.12"], "--kubernetes-version 1.12 is not one of 1.30 to 1.37"),
        (["--kubernetes-version", "new"], "--kubernetes-version new is not one of"),
        (["--nodes", "-1"], "--nodes cannot be negative"),
        (["--controllers", "*,-jab"], '"jab" is not in the list of known controllers: '),
        (["--scheduler-config", "/nowhere"], "--scheduler-config /nowhere: "),
        (["--port", "70000"], "--port 70000 is not a port"),
        (["--name", "../up"], "cannot be the name of a directory"),
    ],
)
def test_an_argument_that_makes_no_sense(tmp_path: Path, arguments: list[str], said: str) -> None:
    assert said in _complaint("up", *arguments, K8SLITE_HOME=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["fly"], [], ["up", "--store", "tape"]])
def test_what_cannot_be_parsed_is_answered_with_the_usage(arguments: list[str]) -> None:
    result = run_command(*arguments)
    assert result.returncode == 2 and result.stderr.startswith("usage: k8slite")


def test_commands_on_nothing(tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    for command in (["down"], ["status"], ["kubeconfig"], ["reset"], ["backup", "x"]):
        _complaint(*command, "--data-dir", nothing)
    _complaint("restore", "--data-dir", nothing, str(tmp_path / "no-file"))


def test_a_kubeconfig_that_cannot_be_merged_is_left_alone(made: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for content in ("- a list\n", "clusters: 5\n", "{unbalanced", "users: [5]\n"):
        mine.write_text(content)
        merge = ["kubeconfig", "--merge", "--data-dir", str(made)]
        assert str(mine) in _complaint(*merge, KUBECONFIG=str(mine))
        assert mine.read_text() == content


def test_a_merge_keeps_what_was_there(made: Path, tmp_path: Path) -> None:
    mine, link = tmp_path / "mine", tmp_path / "link"
    mine.write_text("# my own\ncontexts:\n- name: other  # keep\n  context: {cluster: c}\nusers:\n")
    link.symlink_to(mine)
    for _ in range(2):
        merge = run_command("kubeconfig", "--merge", "--data-dir", str(made), KUBECONFIG=str(link))
        assert merge.returncode == 0
    text = mine.read_text()
    assert "# my own" in text and "# keep" in text and link.is_symlink()
    assert text.count("- name: k8slite") + text.count("name: k8slite\n") >= 3
    assert text.count("certificate-authority-data") == 1


def test_the_loser_of_a_race_for_a_directory_complains(tmp_path: Path) -> None:
    both = [ClusterProcess(tmp_path / "d", "--nodes", "0") for _ in range(2)]
    said = []
    for cluster in both:
        assert cluster.process.stdout is not None
        said.append(cluster.process.stdout.readline())
    winner, loser = both if said[0] else reversed(both)
    assert sorted(map(bool, said)) == [False, True]
    assert "in use" in loser._errors()
    assert loser.process.wait(WAIT_SECONDS) == 1
    assert (loser._reap(), winner.stop()) == (1, 0)
