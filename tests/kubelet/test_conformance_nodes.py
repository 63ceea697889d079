"""Dialogues of upstream's conformance suite with pods, as its tests are described."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import Factory, frozen

from k8slite import sim
from k8slite.client.resource import CONFIG_MAPS, PODS, SECRETS
from k8slite.messages import read_all
from tests.kubelet.test_services_within import AGNHOST, Scene

Json = dict[str, Any]
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
KITTEN = "registry.k8s.io/e2e-test-images/kitten:1.8"


@frozen
class Run:
    """A pod with one container that ends, and what is then said of it."""

    name: str
    container: Json
    prints: str = ""
    phase: str = "Succeeded"
    spec: Json = Factory(dict)


def shell(script: str, **more: Any) -> Json:
    return {"image": BUSYBOX, "command": ["sh", "-c", script], **more}


def agnhost(*arguments: str, **more: Any) -> Json:
    return {"image": AGNHOST, "args": list(arguments), **more}


def mounted(container: Json, **source: Any) -> tuple[Json, Json]:
    """A container with a volume at /v, and the spec that goes with it."""
    mounts = [{"name": "v", "mountPath": "/v"}]
    return {**container, "volumeMounts": mounts}, {"volumes": [{"name": "v", **source}]}


def looked_at(name: str, prints: str, arguments: tuple[str, ...], user: int = 0, **source: Any):
    container, spec = mounted(agnhost("mounttest", *arguments), **source)
    if user:
        spec["securityContext"] = {"runAsUser": user}
    return Run(name, container, prints, spec=spec)


def environment(**values: Any) -> Json:
    env = [{"name": name, "valueFrom": value} for name, value in values.items()]
    return shell("env | sort", env=env)


def field(path: str) -> Json:
    return {"fieldRef": {"fieldPath": path}}


MODES = {"0644": "-rw-r--r--", "0666": "-rw-rw-rw-", "0777": "-rwxrwxrwx"}
EMPTY = [
    looked_at(
        f"empty-{mode}-{medium or 'default'}-{user}".lower(),
        (
            rf'(?s)mount type of "/v": {"tmpfs" if medium else "ext2/ext3"}\n'
            rf'content of file "/v/f": mount-tester new file\n\nperms of file "/v/f": {shown}\n'
        ),
        ("--fs_type=/v", f"--new_file_{mode}=/v/f", "--file_perm=/v/f"),
        user,
        emptyDir={"medium": medium} if medium else {},
    )
    for mode, shown in MODES.items()
    for medium in ("", "Memory")
    for user in (0, 1001)
]
CONTENT = ("--file_content=/v/data", "--file_mode=/v/data")
FILES = [
    looked_at(
        name,
        rf'(?s).*mode of file "/v/data": {mode}\ncontent of file "/v/data": value\n.*',
        CONTENT,
        user,
        **source,
    )
    for name, mode, user, source in (
        ("map", "-rw-r--r--", 0, {"configMap": {"name": "m"}}),
        ("map-user", "-rw-r--r--", 1000, {"configMap": {"name": "m"}}),
        ("map-mode", "-r--------", 0, {"configMap": {"name": "m", "defaultMode": 0o400}}),
        (
            "map-item",
            "-r--------",
            0,
            {"configMap": {"name": "m", "items": [{"key": "data", "path": "data", "mode": 0o400}]}},
        ),
        ("secret", "-rw-r--r--", 0, {"secret": {"secretName": "s"}}),
        ("secret-mode", "-r--r-----", 1000, {"secret": {"secretName": "s", "defaultMode": 0o440}}),
        (
            "projected",
            "-r--------",
            0,
            {"projected": {"defaultMode": 0o400, "sources": [{"secret": {"name": "s"}}]}},
        ),
    )
]
LIMITS = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"cpu": "250m"}}
RUNS = [
    *EMPTY,
    *FILES,
    Run("user", shell("id -u", securityContext={"runAsUser": 65534}), "65534\n"),
    Run(
        "groups-of-pod",
        shell("id"),
        r"uid=1001 gid=2002.*\n",
        spec={"securityContext": {"runAsUser": 1001, "runAsGroup": 2002}},
    ),
    Run(
        "groups-of-container",
        shell("id", securityContext={"runAsUser": 1001, "runAsGroup": 2002}),
        r"uid=1001 gid=2002.*\n",
    ),
    Run(
        "unprivileged",
        shell("ip link add dummy0 type dummy || true", securityContext={"privileged": False}),
        r"ip: RTNETLINK answers: Operation not permitted\n",
    ),
    Run(
        "read-only",
        shell("echo test > /file; sleep 1", securityContext={"readOnlyRootFilesystem": True}),
        r"sh: can't create /file: Read-only file system\n",
    ),
    Run("writable", shell("touch checkfile", securityContext={"readOnlyRootFilesystem": False})),
    Run(
        "aliases",
        agnhost("etc-hosts"),
        r"(?s).*\n123.45.67.89\tfoo\tbar\n.*",
        spec={"hostAliases": [{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]},
    ),
    Run(
        "hosts-of-node",
        shell("cat /etc/hosts"),
        r"(?s)# Kubernetes-managed hosts file \(host network\)\.\n.*",
        spec={"hostNetwork": True},
    ),
    Run("defaults", {"image": AGNHOST, "args": ["entrypoint-tester"]}, r"\[/agnhost entry.*\]\n"),
    Run(
        "arguments",
        agnhost("entrypoint-tester", "override", "arguments"),
        r"\[/agnhost entrypoint-tester override arguments\]\n",
    ),
    Run(
        "command",
        {"image": AGNHOST, "command": ["/agnhost-2", "entrypoint-tester"]},
        r"\[/agnhost-2 entrypoint-tester\]\n",
    ),
    Run(
        "composed",
        shell(
            "env",
            env=[
                {"name": "FOO", "value": "foo-value"},
                {"name": "BAR", "value": "bar-value"},
                {"name": "FOOBAR", "value": "$(FOO);;$(BAR)"},
            ],
        ),
        r"(?s).*FOOBAR=foo-value;;bar-value\n.*",
    ),
    Run(
        "downward",
        environment(
            HOST_IP=field("status.hostIP"),
            HOST_IPS=field("status.hostIPs"),
            POD_IP=field("status.podIP"),
            POD_NAME=field("metadata.name"),
            POD_NAMESPACE=field("metadata.namespace"),
            POD_UID=field("metadata.uid"),
        ),
        r"(?s).*HOST_IP=(\S+)\nHOST_IPS=\1\n.*POD_IP=10\.\S+\nPOD_NAME=downward\n"
        r"POD_NAMESPACE=default\nPOD_UID=[-0-9a-f]{36}\n.*",
    ),
    Run(
        "limits",
        environment(
            CPU_LIMIT={"resourceFieldRef": {"resource": "limits.cpu"}},
            CPU_REQUEST={"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}},
            MEMORY_LIMIT={"resourceFieldRef": {"resource": "limits.memory"}},
        )
        | {"resources": LIMITS},
        r"(?s).*CPU_LIMIT=2\nCPU_REQUEST=250\n.*MEMORY_LIMIT=67108864\n.*",
    ),
    Run(
        "image-volume",
        mounted(shell("cat /v/data.json /v/etc/os-release"), image={"reference": KITTEN})[0],
        r"(?s).*kitten\.jpg.*Alpine Linux.*",
        spec=mounted({}, image={"reference": KITTEN, "pullPolicy": "Always"})[1],
    ),
    Run(
        "hosts-file-of-node",
        {**shell("cat /etc/hosts"), "volumeMounts": [{"name": "v", "mountPath": "/etc/hosts"}]},
        r"(?s)127\.0\.0\.1\tlocalhost\n.*",
        spec={"volumes": [{"name": "v", "hostPath": {"path": "/etc/hosts", "type": "File"}}]},
    ),
    Run(
        "last-words",
        shell(
            "/bin/echo -n DONE > /dev/termination-custom-log",
            terminationMessagePath="/dev/termination-custom-log",
            securityContext={"runAsUser": 1000},
        ),
    ),
    Run(
        "restarted",
        mounted(
            shell(
                "f=/v/count\ncount=$(echo 'hello' >> $f ; wc -l $f | awk {'print $1'})\n"
                "if [ $count -eq 1 ]; then\n  exit 1\nfi\n"
                "if [ $count -eq 2 ]; then\n  exit 0\nfi\nwhile true; do sleep 1; done"
            )
        )[0],
        spec={**mounted({}, emptyDir={})[1], "restartPolicy": "OnFailure"},
    ),
    Run("fails", shell("/bin/false"), phase="Failed"),
]


@asynccontextmanager
async def cluster() -> AsyncIterator[Scene]:
    async with sim.cluster(nodes=1) as found:
        data = {"metadata": {"name": "m"}, "data": {"data": "value"}}
        await found.client.create(CONFIG_MAPS, data, "default")
        secret = {"metadata": {"name": "s"}, "stringData": {"data": "value"}}
        await found.client.create(SECRETS, secret, "default")
        yield Scene(found)


async def said(here: Scene, path: str, **more: str) -> str:
    where = f"/api/v1/namespaces/default/{path}"
    response = await here.cluster.client.request("GET", where, parameters=more)
    return (await read_all(response)).decode()


async def test_pods_that_end(autojump_clock: object) -> None:
    async with cluster() as here:
        for run in RUNS:
            spec = {"restartPolicy": "Never", "containers": [{"name": "c", **run.container}]}
            found = {"metadata": {"name": run.name}, "spec": {**spec, **run.spec}}
            await here.cluster.client.create(PODS, found, "default")
        await trio.sleep(100)
        for run in RUNS:
            pod = await here.cluster.client.get(PODS, run.name, "default")
            printed = await said(here, f"pods/{run.name}/log")
            assert re.fullmatch(run.prints, printed), (run.name, printed, pod["status"])
            assert pod["status"]["phase"] == run.phase, (run.name, printed, pod["status"])
        status = (await here.cluster.client.get(PODS, "last-words", "default"))["status"]
        ended = status["containerStatuses"][0]["state"]["terminated"]
        assert ended["message"] == "DONE" and ended["reason"] == "Completed"


async def put(here: Scene, name: str, container: Json, **more: Any) -> Json:
    spec = {"containers": [{"name": "c", **container}], **more.pop("spec", {})}
    metadata = {"name": name, **more}
    found = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    await here.cluster.client.create(PODS, found, "default")
    await here.cluster.rest()
    return dict(await here.cluster.client.get(PODS, name, "default"))


@pytest.mark.parametrize("moment", ["postStart", "preStop"])
@pytest.mark.parametrize("how", ["exec", "httpGet"])
async def test_a_hook_is_seen_by_who_handles_it(
    autojump_clock: object, moment: str, how: str
) -> None:
    async with cluster() as here:
        server = await put(here, "pod-handle-http-request", agnhost("netexec"))
        ip, path = server["status"]["podIP"], f"/echo?msg={moment.lower()}"
        command = ["sh", "-c", f"curl http://{ip}:8080{path}"]
        hook = {"exec": {"command": command}, "httpGet": {"host": ip, "path": path, "port": 8080}}
        lifecycle = {moment: {how: hook[how]}}
        image = AGNHOST if how == "exec" else "registry.k8s.io/pause:3.10.1"
        await put(here, "p", {"image": image, "lifecycle": lifecycle})
        if moment == "preStop":
            assert path not in await said(here, "pods/pod-handle-http-request/log")
            await here.cluster.client.delete(PODS, "p", "default")
            await here.cluster.rest()
        assert f"GET {path}" in await said(here, "pods/pod-handle-http-request/log")


async def test_a_server_is_told_before_its_client_ends(autojump_clock: object) -> None:
    async with cluster() as here:
        server = await put(here, "server", agnhost("nettest", ports=[{"containerPort": 8080}]))
        told = 'wget -O- --post-data=\'{"Source": "prestop"}\' http://{}:8080/write'
        command = ["sh", "-c", told.replace("{}:", f"{server['status']['podIP']}:")]
        lifecycle = {"preStop": {"exec": {"command": command}}}
        await put(here, "tester", {**shell("sleep 600"), "lifecycle": lifecycle})
        await here.cluster.client.delete(PODS, "tester", "default")
        await here.cluster.rest()
        assert '"Received":{"prestop":1}' in await said(here, "pods/server/proxy/read")


async def test_proxy_through_a_service_and_a_pod(autojump_clock: object) -> None:
    env = {"80": "not accessible", "1080": "foo", "160": "bar", "162": "ber"}
    tls = {"443": "not accessible", "460": "tls baz", "462": "tls qux"}
    said_by = [
        {"name": f"SERVE_PORT_{port}", "value": f'<a href="/rewriteme">test</a>{text}'}
        for port, text in env.items()
    ]
    said_by += [{"name": f"SERVE_TLS_PORT_{port}", "value": text} for port, text in tls.items()]
    ports = [
        {"name": "portname1", "port": 80, "targetPort": "dest1"},
        {"name": "portname2", "port": 81, "targetPort": 162},
        {"name": "tlsportname1", "port": 443, "targetPort": "tlsdest1"},
        {"name": "tlsportname2", "port": 444, "targetPort": 462},
    ]
    named = [{"name": "dest1", "containerPort": 160}, {"name": "tlsdest1", "containerPort": 460}]
    async with cluster() as here:
        service = {"selector": {"app": "p"}, "ports": ports}
        metadata = {"name": "s"}
        kind = {"apiVersion": "v1", "kind": "Service"}
        await here.cluster.apply({**kind, "metadata": metadata, "spec": service})
        container = agnhost("porter", env=said_by, ports=named)
        await put(here, "p", container, labels={"app": "p"})
        for target, text in {
            "services/s:portname1": "bar",
            "services/http:s:portname1": "bar",
            "services/s:80": "bar",
            "services/s:portname2": "ber",
            "services/https:s:tlsportname1": "tls baz",
            "services/https:s:444": "tls qux",
            "pods/p:1080": "foo",
            "pods/http:p:160": "bar",
            "pods/https:p:460": "tls baz",
            "pods/p": "bar",
        }.items():
            found = await said(here, f"{target}/proxy/")
            assert found.endswith(text), (target, found)
            if not text.startswith("tls"):
                assert f'href="/api/v1/namespaces/default/{target}/proxy/rewriteme"' in found


async def test_the_guestbook_is_written_and_read(autojump_clock: object) -> None:
    async with cluster() as here:
        roles = {
            "frontend": ("guestbook", "--backend-port", "6379"),
            "agnhost-primary": ("guestbook", "--http-port", "6379"),
            "agnhost-replica": (
                "guestbook",
                "--replicaof",
                "agnhost-primary",
                "--http-port",
                "6379",
            ),
        }
        for role, arguments in roles.items():
            port = 80 if role == "frontend" else 6379
            spec = {"selector": {"app": role}, "ports": [{"port": port}]}
            kind = {"apiVersion": "v1", "kind": "Service"}
            await here.cluster.apply({**kind, "metadata": {"name": role}, "spec": spec})
            template = {
                "metadata": {"labels": {"app": role}},
                "spec": {"containers": [{"name": "c", **agnhost(*arguments)}]},
            }
            spec = {"replicas": 2, "selector": {"matchLabels": {"app": role}}, "template": template}
            spec["replicas"] = 1 if role == "agnhost-primary" else 2
            kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
            await here.cluster.apply({**kind, "metadata": {"name": role}, "spec": spec})
        await here.cluster.rest()
        guestbook = "services/frontend/proxy/guestbook"
        assert await said(here, guestbook, cmd="get") == '{"data":{}}'
        entry = {"cmd": "set", "key": "messages", "value": "TestEntry"}
        assert await said(here, guestbook, **entry) == '{"message":"Updated"}'
        for _ in range(4):
            assert await said(here, guestbook, cmd="get", key="messages") == '{"data":"TestEntry"}'


async def test_the_dns_of_a_cluster_is_asked_again_and_again(autojump_clock: object) -> None:
    names = ("kubernetes.default.svc.cluster.local", "kubernetes.default")
    ask = "".join(
        f'check="$$(dig +{how} +noall +answer +search {name} A)" && test -n "$$check" && '
        f"echo OK > /results/wheezy_{proto}@{name};"
        for name in names
        for how, proto in (("notcp", "udp"), ("tcp", "tcp"))
    )
    own = (
        'podARec=$$(hostname -i| awk -F. \'{print $$1"-"$$2"-"$$3"-"$$4".default.pod.'
        "cluster.local\"}');"
        'check="$$(dig +notcp +noall +answer +search $${podARec} A)" && test -n "$$check" && '
        "echo OK > /results/wheezy_udp@PodARecord;"
        "getent hosts dns-querier.dns-test.default.svc.cluster.local && echo OK > /results/hosts;"
    )
    script = f"for i in `seq 1 600`; do {ask}{own} sleep 1; done"
    mounts = {"volumeMounts": [{"name": "results", "mountPath": "/results"}]}
    querier = {"name": "querier", "image": AGNHOST, "command": ["sh", "-c", script], **mounts}
    spec = {
        "containers": [{"name": "webserver", **agnhost("test-webserver"), **mounts}, querier],
        "volumes": [{"name": "results", "emptyDir": {}}],
        "hostname": "dns-querier",
        "subdomain": "dns-test",
    }
    async with cluster() as here:
        pod = {"metadata": {"name": "dns-test"}, "spec": spec}
        await here.cluster.client.create(PODS, pod, "default")
        await trio.sleep(10)
        wanted = [f"wheezy_{proto}@{name}" for name in names for proto in ("udp", "tcp")]
        for name in (*wanted, "wheezy_udp@PodARecord", "hosts"):
            assert await said(here, f"pods/dns-test/proxy/results/{name}") == "OK\n", name
