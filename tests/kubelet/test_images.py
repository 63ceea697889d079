"""What well-known images do, as their documentation says."""

from __future__ import annotations

import json

import pytest
import trio

from k8slite.kubelet.runtimes.images import image_of
from k8slite.kubelet.runtimes.runtime import ContainerKey
from k8slite.kubelet.runtimes.session import nothing, nowhere
from k8slite.messages import Request, read_all
from tests.kubelet.fleet import container
from tests.kubelet.test_interpreting import log_of
from tests.kubelet.test_ports import ask

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def agnhost(*arguments, **more):
    return [{"name": "c", "image": AGNHOST, "args": list(arguments), **more}]


async def said(scene, pod, port, path="/", **more):
    answer = await ask(scene, pod, port, path, **more)
    return answer.status, (await read_all(answer)).decode()


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        ("/hostname", {}, 200, "p"),
        ("/hostName", {}, 200, "p"),
        ("/serverport", {}, 200, "80"),
        ("/echo", {"msg": "hi"}, 200, "hi"),
        ("/echo", {"msg": "no", "code": "418"}, 418, "no"),
        ("/echo", {"code": "x"}, 200, "argument 'code' must be an integer or empty, got \"x\"\n"),
        ("/healthz", {}, 200, ""),
        ("/header", {"key": "X-Color"}, 200, "blue"),
        ("/clientip", {}, 200, ""),
        ("/shell", {"cmd": "echo hi; echo no >&2"}, 200, '{"output":"hi\\nno\\n"}'),
        ("/shell", {"cmd": "exit 3"}, 200, '{"error":"exit status 3"}'),
        ("/exit", {"code": "x"}, 200, "argument 'code' must be an integer [0-127] or empty, "),
        ("/dial", {"host": "localhost", "port": "80"}, 400, "request parameter not specified."),
        (
            "/dial",
            {"host": "127.0.0.1", "port": "80", "request": "hostname", "tries": "2"},
            200,
            '{"responses":["p","p"]}',
        ),
        (
            "/dial",
            {"host": "127.0.0.1", "port": "8081", "request": "echo HI", "protocol": "udp"},
            200,
            '{"responses":["hi"]}',
        ),
        (
            "/dial",
            {"host": "127.0.0.1", "port": "81", "request": "hostname"},
            200,
            '{"errors":["dial tcp ',
        ),
        ("/anything", {}, 200, "NOW: "),
    ],
)
async def test_netexec(autojump_clock, scene, path, query, status, body):
    await scene.create("p", containers=agnhost("netexec", "--http-port=80"))
    found = await said(
        scene, "p", 80, path, query=tuple(query.items()), headers={"x-color": "blue"}
    )
    assert found[0] == status and found[1].startswith(body)
    assert f"{path if path != '/anything' else '/'}" in await log_of(scene, "p")


async def test_netexec_ends_as_it_is_asked(autojump_clock, scene):
    await scene.create("p", containers=agnhost("netexec"), restartPolicy="Never")
    with pytest.raises(ConnectionResetError):
        await ask(scene, "p", 8080, "/exit", query=(("code", "7"), ("wait", "5s")))
    await trio.sleep(1)
    assert scene.container("p")["state"]["terminated"]["exitCode"] == 7
    with pytest.raises(ConnectionRefusedError):
        await ask(scene, "p", 8080, "/")


async def test_a_file_is_uploaded(autojump_clock, scene):
    await scene.create("p", containers=agnhost("netexec"))
    part = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n#!x\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    asked = Request("POST", "/upload", (), headers, part)
    address = scene.status("p")["podIP"]
    answer = await scene.fleet.runtime.request(address, 8080, asked, tls=False)
    path = json.loads(await read_all(answer))["output"]
    assert answer.status == 201 and path.startswith("/uploads/upload")
    found = await said(scene, "p", 8080, "/shell", query=(("cmd", f"cat {path}"),))
    assert json.loads(found[1]) == {"output": "#!x"}


@pytest.mark.parametrize(
    ("arguments", "more", "port", "path", "tls", "expected"),
    [
        (("serve-hostname",), {}, 9376, "/", False, (200, "p")),
        (("serve-hostname", "--port=80"), {}, 80, "/x", False, (200, "p")),
        (("test-webserver",), {}, 80, "/etc/hostname", False, (200, "p\n")),
        (("test-webserver",), {}, 80, "/no", False, (404, "404 page not found\n")),
        (("fake-gitserver",), {}, 8000, "/", False, (200, "I am a fake git server")),
        (("liveness",), {}, 8080, "/healthz", False, (200, "ok")),
        (("porter",), {}, 80, "/any", False, (200, "foo")),
        (("porter",), {}, 443, "/any", True, (200, "tls bar")),
        (("porter",), {}, 443, "/any", False, (400, "Client sent an HTTP request to an HTTPS")),
        (("porter", "--json-response"), {}, 80, "/", False, (200, '{"Body":"foo","Method":"GET"}')),
        (("netexec", "--tls-cert-file=/c"), {}, 8080, "/hostname", True, (200, "p")),
        (("netexec", "--http-override=/echo?msg=x"), {}, 8080, "/hostname", False, (200, "x")),
    ],
)
async def test_servers(autojump_clock, scene, arguments, more, port, path, tls, expected):
    env = [{"name": "SERVE_PORT_80", "value": "foo"}, {"name": "SERVE_TLS_PORT_443"}]
    env[1]["value"] = "tls bar"
    await scene.create("p", containers=agnhost(*arguments, env=env, **more))
    status, body = await said(scene, "p", port, path, tls=tls)
    assert status == expected[0] and body.startswith(expected[1])


@pytest.mark.parametrize(
    ("image", "path", "status", "text"),
    [
        ("nginx", "/", 200, "Welcome to nginx!"),
        ("nginx:1.29", "/no", 404, "404 Not Found"),
        ("docker.io/library/httpd:2.4", "/", 200, "It works!"),
        ("registry.k8s.io/e2e-test-images/httpd:2.4.38-4", "/index.html", 200, "It works!"),
        ("registry.k8s.io/e2e-test-images/nautilus:1.7", "/data.json", 200, "nautilus.jpg"),
        ("registry.k8s.io/e2e-test-images/kitten:1.7", "/data.json", 200, "kitten.jpg"),
    ],
)
async def test_images_that_serve(autojump_clock, scene, image, path, status, text):
    await scene.create("p", containers=[container("c", image=image) | {"image": image}])
    assert scene.ready("p")
    found = await said(scene, "p", 80, path)
    assert found[0] == status and text in found[1]
    if "ht" in image or "nginx" in image:
        assert f'"GET {path} HTTP/1.1" {status}' in await log_of(scene, "p")


async def test_the_image_pause_listens_nowhere_and_ends_well(autojump_clock, scene):
    image = {"image": "registry.k8s.io/pause:3.10", "ports": [{"containerPort": 80}]}
    await scene.create("p", containers=[container("c") | image], metadata={"finalizers": ["a/b"]})
    with pytest.raises(ConnectionRefusedError):
        await ask(scene, "p", 80)
    await scene.delete("p")
    assert scene.container("p")["state"]["terminated"]["exitCode"] == 0


def test_others_put_other_things_under_such_names():
    assert image_of("nginx@sha256:00").quiet and image_of("library/httpd").quiet
    assert not image_of("example.com/nginx").quiet and not image_of("bitnami/nginx:1").quiet


async def test_what_is_mounted_over_a_configuration_is_not_known(autojump_clock, scene):
    mount = {"name": "v", "mountPath": "/etc/nginx/conf.d"}
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    ports = [{"containerPort": 8080}]
    more = {"volumeMounts": [mount], "readinessProbe": probe, "ports": ports}
    volumes = [{"name": "v", "emptyDir": {}}]
    await scene.create("p", containers=[container("c", image="nginx", **more)], volumes=volumes)
    await trio.sleep(5)
    assert scene.ready("p")
    assert (await said(scene, "p", 8080))[1].startswith("k8slite: pod default/p")


async def test_a_probe_finds_what_a_server_shows(autojump_clock, scene):
    """As upstream's tests of StatefulSets break and mend their pods."""
    probe = {"httpGet": {"path": "/index.html", "port": 80}, "periodSeconds": 1}
    probe["failureThreshold"] = 1
    page = "/usr/local/apache2/htdocs/index.html"
    containers = [container("c", readinessProbe=probe) | {"image": "httpd"}]
    await scene.create("p", containers=containers)
    await trio.sleep(2)
    assert scene.ready("p")
    key = ContainerKey(scene.pod("p")["metadata"]["uid"], "c")

    async def run(*command):
        return await scene.fleet.runtime.exec(key, command, nothing(nowhere))

    assert await run("/bin/sh", "-x", "-c", f"mv -v {page} /tmp/ || true") == 0
    await trio.sleep(2)
    assert not scene.ready("p")
    told = [one for one in scene.events("p") if one.startswith("Unhealthy")]
    assert told[-1] == "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404"
    move = "mv -v /tmp/index.html /usr/local/apache2/htdocs/ || true"
    assert await run("/bin/sh", "-x", "-c", move) == 0
    await trio.sleep(2)
    assert scene.ready("p")


async def test_liveness_ends_after_ten_seconds(autojump_clock, scene):
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 15}
    probe |= {"failureThreshold": 1, "periodSeconds": 5}
    await scene.create("p", containers=agnhost("liveness", livenessProbe=probe))
    await trio.sleep(14)
    assert scene.container("p")["restartCount"] == 0
    await trio.sleep(5)
    assert scene.container("p")["restartCount"] == 1


@pytest.mark.parametrize(("location", "restarts"), [("/healthz", 1), ("http://0.0.0.0/", 0)])
async def test_a_probe_follows_redirects_to_the_same_host(
    autojump_clock, scene, location, restarts
):
    path = f"/redirect?loc={location}"
    probe = {"httpGet": {"path": path, "port": 8080}, "initialDelaySeconds": 15}
    probe |= {"failureThreshold": 1}
    await scene.create("p", containers=agnhost("liveness", livenessProbe=probe))
    await trio.sleep(20)
    assert scene.container("p")["restartCount"] == restarts


@pytest.mark.parametrize(
    ("options", "restarts"),
    [((), 0), (("--delay-unhealthy-sec=5",), 1), (("--port=333",), 1), (("--service=a",), 0)],
)
async def test_grpc_health(autojump_clock, scene, options, restarts):
    probe = {"grpc": {"port": 5000}, "initialDelaySeconds": 10, "failureThreshold": 1}
    arguments = ("grpc-health-checking", *options)
    await scene.create("p", containers=agnhost(*arguments, livenessProbe=probe))
    await trio.sleep(15)
    assert scene.container("p")["restartCount"] == restarts


async def test_logs_come_by_and_by(autojump_clock, scene):
    arguments = ("logs-generator", "--log-lines-total", "100", "--run-duration", "20s")
    await scene.create("p", containers=agnhost(*arguments), restartPolicy="Never")
    await trio.sleep(10)
    assert 49 <= len((await log_of(scene, "p")).splitlines()) <= 51
    await trio.sleep(11)
    lines = (await log_of(scene, "p")).splitlines()
    assert len(lines) == 100 and scene.phase("p") == "Succeeded"
    assert lines[99].partition("] ")[2].startswith("99 ")


async def test_privileges_of_a_program_that_is_roots(autojump_clock, scene):
    for name, security, user in (
        ("none", {"runAsUser": 1000}, 0),
        ("yes", {"runAsUser": 1000, "allowPrivilegeEscalation": True}, 0),
        ("no", {"runAsUser": 1000, "allowPrivilegeEscalation": False}, 1000),
    ):
        image = {"image": "registry.k8s.io/e2e-test-images/nonewprivs:1.3"}
        containers = [container("c", securityContext=security) | image]
        await scene.create(name, containers=containers, restartPolicy="Never")
        assert await log_of(scene, name) == f"Effective uid: {user}\n"
