"""`k8slite run`: a user's controller against a cluster in another process."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from k8slite.live.access import Access, NoAccess, access
from k8slite.live.credentials import Credential, Fixed, NoCredential
from k8slite.live.remote import Remote
from k8slite.messages import Request
from tests.live.process import (
    COMMAND,
    WAIT_SECONDS,
    Api,
    ClusterProcess,
    run_command,
    running,
)

Json = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
COPIES = "tests.live.websites:Copies"
PING = Request("GET", "/api/v1/nodes")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster") / "d", "--nodes", "0") as cluster:
        yield cluster


@pytest.fixture
def config(cluster: ClusterProcess) -> Json:
    """The cluster's kubeconfig, to be changed."""
    found: Json = json.loads((cluster.path / "kubeconfig").read_text())
    return found


@contextmanager
def run_controller(kubeconfig: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "run", COPIES, "--kubeconfig", str(kubeconfig)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def marked(name: str, **data: str) -> Json:
    return {"metadata": {"name": name, "labels": {"copy": "me"}}, "data": data}


def there(api: Api, path: str) -> bool:
    return api.raw("GET", path)[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_controller_works_until_it_is_asked_to_end(
    cluster: ClusterProcess, number: signal.Signals
) -> None:
    api, name = cluster.connect(), f"by-{number.name.lower()}"
    with run_controller(cluster.path / "kubeconfig") as process:
        said = process.stdout.readline()
        assert said.startswith("copies: running against Kubernetes v1.37")
        assert cluster.url in said
        assert api.json("POST", MAPS, marked(name, a="b"))[0] == 201
        until(lambda: there(api, f"{SECRETS}/{name}"))
        secret = api.json("GET", f"{SECRETS}/{name}")[1]
        assert secret["data"] == {"a": base64.b64encode(b"b").decode()}
        assert secret["metadata"]["ownerReferences"][0]["kind"] == "ConfigMap"
        events = "/api/v1/namespaces/default/events?fieldSelector=reason=Copied"
        until(
            lambda: any(
                one["involvedObject"]["name"] == name and one["source"]["component"] == "copies"
                for one in api.json("GET", events)[1]["items"]
            )
        )
        assert api.raw("DELETE", f"{SECRETS}/{name}")[0] == 200
        until(lambda: there(api, f"{SECRETS}/{name}"))  # it heals
        process.send_signal(number)
        assert process.wait(WAIT_SECONDS) == 0
    api.raw("DELETE", f"{MAPS}/{name}")


def test_a_controller_outlives_its_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    path = tmp_path / "d"
    first = ClusterProcess(path, "--nodes", "0", "--port", port).wait_ready()
    with run_controller(path / "kubeconfig") as process:
        assert process.stdout.readline()
        first.kill()
        with running(path, "--nodes", "0", "--port", port) as second:
            api = second.connect()
            assert api.json("POST", MAPS, marked("later"))[0] == 201
            until(lambda: there(api, f"{SECRETS}/later"))
        assert process.poll() is None
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


# What is refused


def complaint(*arguments: str, **environment: str) -> str:
    result = run_command("run", *arguments, **environment)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("k8slite: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("websites", "not of the form MODULE:NAME"),
        ("no_such_module:X", "there is no module no_such_module"),
        ("tests.live.websites:Typo", "module tests.live.websites has no Typo"),
        ("tests.live.websites:NOTHING", "is no class of controllers"),
        ("tests.live.websites:Nameless", "needs a name"),
    ],
)
def test_what_is_no_controller(name: str, text: str) -> None:
    assert text in complaint(name)


def test_a_controller_given_twice() -> None:
    assert "two controllers are named copies" in complaint(COPIES, COPIES)


def test_a_server_that_is_not_there(tmp_path: Path, config: Json) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "config").write_text(json.dumps(config))
    said = complaint(COPIES, "--kubeconfig", str(tmp_path / "config"))
    assert "cannot reach the cluster: https://127.0.0.1:" in said


def test_a_server_of_another_authority(tmp_path: Path, config: Json) -> None:
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "config").write_text(json.dumps(config))
    said = complaint(COPIES, "--kubeconfig", str(tmp_path / "config"))
    assert "cannot reach the cluster" in said and "certificate verify failed" in said


def test_a_wrong_token(tmp_path: Path, config: Json) -> None:
    config["users"][0]["user"] = {"token": "nobody"}
    (tmp_path / "config").write_text(json.dumps(config))
    assert "refuses: Unauthorized" in complaint(COPIES, "--kubeconfig", str(tmp_path / "config"))


def test_no_kubeconfig_at_all(tmp_path: Path) -> None:
    said = complaint(COPIES, HOME=str(tmp_path), KUBECONFIG="")
    assert f"no kubeconfig at {tmp_path}/.kube/config; name one with --kubeconfig" in said
    assert "No such file" in complaint(COPIES, "--kubeconfig", str(tmp_path / "none"))


# Kubeconfigs


def config_of(**parts: Json) -> Json:
    return {
        "clusters": [{"name": "c", "cluster": {"server": "https://c", **parts.get("cluster", {})}}],
        "users": [{"name": "u", "user": parts.get("user", {})}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **parts.get("top", {}),
    }


def loaded(path: Path, config: Json | str, context: str = "") -> Access:
    path.mkdir(exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (path / "config").write_text(text)
    return access(path / "config", context)


@pytest.mark.parametrize(
    ("config", "context", "text"),
    [
        ("a: [", "", "is not a kubeconfig"),
        ("[]", "", "is not a kubeconfig"),
        ("users: 1", "", "users is not a list"),
        ("users: [1]", "", "an entry of users is not valid"),
        ("", "", "has no current context"),
        (config_of(), "y", "has no context 'y'; it has: x"),
        (config_of(top={"clusters": []}), "", "has no cluster 'c'; it has: none"),
        (config_of(top={"users": []}), "", "has no user 'u'"),
        (config_of(cluster={"server": ""}), "", "has no server"),
        (config_of(cluster={"proxy-url": "http://p"}), "", "behind a proxy"),
        (config_of(cluster={"certificate-authority-data": "%"}), "", "not base64"),
        (config_of(cluster={"certificate-authority": "none.crt"}), "", "No such file"),
        (config_of(user={"client-certificate-data": "YQ=="}), "", "without its key"),
        (config_of(user={"auth-provider": {"name": "gcp"}}), "", "use exec"),
        (config_of(user={"exec": {"apiVersion": "v0"}}), "", "a user's exec is of v0"),
        (config_of(user={"as": "a", "as-groups": ["b", "c"]}), "", "several as-groups"),
    ],
)
def test_a_kubeconfig_that_does_not_say_how(
    tmp_path: Path, config: Json | str, context: str, text: str
) -> None:
    with pytest.raises(NoAccess, match=text):
        loaded(tmp_path, config, context)


async def shown(found: Access) -> Credential:
    return await found.credentials.current()


async def test_the_first_kubeconfig_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = config_of(user={"token": "first"}), config_of(user={"token": "second"})
    first["contexts"] = []
    second["current-context"] = "other"
    for name, config in (("a", first), ("b", second)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(json.dumps(config))
    paths = [tmp_path / "none", tmp_path / "a" / "config", tmp_path / "b" / "config"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    # The context is only in the second, the user's first entry is in the first.
    assert (await shown(access())).authorization == "Bearer first"


async def test_paths_are_meant_from_the_kubeconfig(tmp_path: Path) -> None:
    user = {"tokenFile": "token", "client-certificate": "c.pem", "client-key": "k.pem"}
    for name, text in (("token", "t\n"), ("c.pem", "C"), ("k.pem", "K"), ("ca.pem", "CA")):
        (tmp_path / name).write_text(text)
    found = loaded(tmp_path, config_of(user=user, cluster={"certificate-authority": "ca.pem"}))
    assert found.authorities == "CA"
    assert await shown(found) == Credential("Bearer t", "C", "K")


async def test_a_token_file_is_read_again(tmp_path: Path, autojump_clock: object) -> None:
    (tmp_path / "token").write_text("old")
    found = loaded(tmp_path, config_of(user={"tokenFile": "token"}))
    assert (await shown(found)).authorization == "Bearer old"
    (tmp_path / "token").write_text("new")
    assert (await shown(found)).authorization == "Bearer old"
    await trio.sleep(61)
    assert (await shown(found)).authorization == "Bearer new"
    (tmp_path / "token").unlink()
    await trio.sleep(61)
    assert (await shown(found)).authorization == "Bearer new"


async def test_a_name_and_a_password(tmp_path: Path) -> None:
    found = loaded(tmp_path, config_of(user={"username": "u", "password": "p"}))
    assert (await shown(found)).authorization == "Basic dTpw"


async def test_impersonation(tmp_path: Path) -> None:
    found = loaded(tmp_path, config_of(user={"as": "jane", "as-groups": ["g"]}))
    assert found.headers == {"impersonate-user": "jane", "impersonate-group": "g"}


async def test_a_pod_finds_its_own_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("pod")
    (tmp_path / "ca.crt").write_text("CA")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = access(mount=tmp_path)
    assert (found.server, found.authorities) == ("https://[fd00::1]:443", "CA")
    assert (await shown(found)).authorization == "Bearer pod"


# Credentials that a program tells


HELPER = """
import json, os, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = sys.argv[2] if number >= int(os.environ["GOOD_FROM"]) else "expired"
json.dump({**info, "status": {"token": token}}, sys.stdout)
"""


def helper(tmp_path: Path, token: str, good_from: int = 1, version: str = "v1") -> Json:
    (tmp_path / "helper.py").write_text(HELPER)
    return {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": sys.executable,
        "args": [str(tmp_path / "helper.py"), str(tmp_path / "count"), token],
        "env": [{"name": "GOOD_FROM", "value": str(good_from)}],
    }


async def test_a_program_tells_the_token_and_is_asked_again_when_it_is_refused(
    tmp_path: Path, cluster: ClusterProcess, config: Json
) -> None:
    token = (cluster.path / "token").read_text().strip()
    config["users"][0]["user"] = {"exec": helper(tmp_path, token, good_from=2)}
    with Remote(loaded(tmp_path, config)) as way:
        assert (await way(PING)).status == 200
        assert (await way(PING)).status == 200
    assert (tmp_path / "count").read_text() == "2"


async def test_a_program_whose_token_is_never_taken_is_asked_once_more_only(
    tmp_path: Path, config: Json
) -> None:
    config["users"][0]["user"] = {"exec": helper(tmp_path, "wrong")}
    with Remote(loaded(tmp_path, config)) as way:
        assert (await way(PING)).status == 401
    assert (tmp_path / "count").read_text() == "2"


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("import sys; sys.exit('no login')", "ended with 1: no login"),
        ("print('hello')", "printed no credential"),
        ("print('{}')", "printed no credential"),
    ],
)
async def test_a_program_that_tells_nothing(tmp_path: Path, program: str, text: str) -> None:
    told = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", program],
    }
    found = loaded(tmp_path, config_of(user={"exec": told}))
    with pytest.raises(NoCredential, match=text):
        await shown(found)


async def test_the_servers_name_can_be_another(config: Json, tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default"
    with Remote(loaded(tmp_path, config)) as way:
        assert (await way(PING)).status == 200
    config["clusters"][0]["cluster"]["tls-server-name"] = "example.com"
    with Remote(loaded(tmp_path, config)) as way, pytest.raises(ConnectionError, match="example"):
        await way(PING)


async def test_a_server_may_be_trusted_unseen(config: Json, tmp_path: Path) -> None:
    entry = config["clusters"][0]["cluster"]
    del entry["certificate-authority-data"]
    entry["insecure-skip-tls-verify"] = True
    with Remote(loaded(tmp_path, config)) as way:
        assert (await way(PING)).status == 200


async def test_certificates_that_are_none() -> None:
    for found in (
        Access("https://127.0.0.1:1", Fixed(Credential()), authorities="nonsense"),
        Access("https://127.0.0.1:1", Fixed(Credential("", "nonsense", "nonsense"))),
    ):
        with Remote(found) as way, pytest.raises(NoAccess):
            await way(PING)
