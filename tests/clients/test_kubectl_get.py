"""kubectl get, describe, events, logs: what a user sees of objects."""

from __future__ import annotations

import json
import re

from tests.clients.cluster import Kubectl, config_map, deployment, eventually, pod


def test_a_table_of_pods(kubectl: Kubectl) -> None:
    assert kubectl("get", "pods").err == f"No resources found in {kubectl.namespace} namespace.\n"
    kubectl.apply(pod("one", nodeName="node-0"))
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
    heading, row = kubectl("get", "pods").rows
    assert heading == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row[:4] == ["one", "1/1", "Running", "0"] and re.fullmatch(r"\d+s", row[4])
    heading, row = kubectl("get", "pods", "-o", "wide").rows
    assert heading[5:] == ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]
    assert row[6:] == ["node-0", "<none>", "<none>"]
    assert kubectl("get", "pods", "--no-headers", "--show-labels").rows[0][5] == "app=one"
    assert kubectl("get", "pods", "-L", "app").rows[0][5] == "APP"


def test_forms_of_output(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", colour="red"))
    get = ("get", "configmap", "settings", "-o")
    assert kubectl(*get, "name").lines == ["configmap/settings"]
    assert kubectl(*get, "jsonpath={.data.colour}").out == "red"
    assert kubectl(*get, "go-template={{.kind}} {{.data.colour}}").out == "ConfigMap red"
    assert kubectl(*get, "custom-columns=N:.metadata.name,C:.data.colour").rows == [
        ["N", "C"],
        ["settings", "red"],
    ]
    whole = kubectl(*get, "json").json
    assert list(whole) == ["apiVersion", "data", "kind", "metadata"]
    assert "managedFields" not in whole["metadata"]
    written = kubectl(*get, "yaml").lines
    assert written[:4] == ["apiVersion: v1", "data:", "  colour: red", "kind: ConfigMap"]
    every = kubectl("get", "configmaps", "-o", "json").json
    assert (every["apiVersion"], every["kind"]) == ("v1", "List")
    assert [one["metadata"]["name"] for one in every["items"]] == ["kube-root-ca.crt", "settings"]


def test_selectors_and_order(kubectl: Kubectl) -> None:
    kubectl.apply(pod("b", nodeName="node-0"), pod("a", nodeName="node-1"), config_map("c"))

    def names(*arguments: str) -> list[str]:
        return kubectl("get", "pods", "-o", "name", *arguments).lines

    assert names("-l", "app=a") == ["pod/a"]
    assert names("-l", "app in (a, b),app!=a") == ["pod/b"]
    assert names("-l", "!app") == []
    assert names("--field-selector", "spec.nodeName=node-0") == ["pod/b"]
    assert names("--field-selector", "metadata.name!=b,spec.nodeName=node-1") == ["pod/a"]
    assert names("--sort-by=.spec.nodeName") == ["pod/b", "pod/a"]
    assert names("--chunk-size=1") == ["pod/a", "pod/b"]
    assert kubectl("get", "pod/a", "configmap/c", "-o", "name").lines == ["pod/a", "configmap/c"]
    assert kubectl.refused("get", "pods", "--field-selector", "spec.containers=x") == (
        'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label '
        'selector "", field selector "spec.containers=x": field label not supported: '
        "spec.containers"
    )


def test_all_namespaces(kubectl: Kubectl) -> None:
    kubectl.apply(pod("one"))
    rows = kubectl("get", "pods", "--all-namespaces", "-l", "app=one").rows
    assert rows[0][:2] == ["NAMESPACE", "NAME"]
    assert [kubectl.namespace, "one"] in [row[:2] for row in rows[1:]]


def test_several_kinds_at_once(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    firsts = [row[0].partition("-")[0] for row in kubectl("get", "all").rows if row != [""]]
    assert firsts == [
        "NAME",
        "pod/web",
        "NAME",
        "deployment.apps/web",
        "NAME",
        "replicaset.apps/web",
    ]


def test_what_is_not_there(kubectl: Kubectl) -> None:
    missing = 'Error from server (NotFound): pods "nope" not found'
    assert kubectl.refused("get", "pod", "nope") == missing
    assert kubectl("get", "pod", "nope", "--ignore-not-found").out == ""
    assert kubectl.refused("get", "nopes") == (
        'error: the server doesn\'t have a resource type "nopes"'
    )


def test_watching(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("first"))
    watch = ("get", "configmaps", "--watch", "--output-watch-events", "-l", "watched")
    kubectl("label", "configmap", "first", "watched=")
    with kubectl.running(*watch) as process:
        assert process.stdout is not None

        def line() -> list[str]:
            return process.stdout.readline().split()[:2]  # type: ignore[union-attr]

        assert line() == ["EVENT", "NAME"]
        assert line() == ["ADDED", "first"]
        kubectl("annotate", "configmap", "first", "a=b")
        assert line() == ["MODIFIED", "first"]
        second = json.loads(config_map("second"))
        second["metadata"]["labels"] = {"watched": ""}
        kubectl.apply(json.dumps(second))
        assert line() == ["ADDED", "second"]
        kubectl("label", "configmap", "second", "watched-")
        assert line() == ["DELETED", "second"]
        kubectl("delete", "configmap", "first")
        assert line() == ["DELETED", "first"]


def test_watching_a_table(kubectl: Kubectl) -> None:
    with kubectl.running("get", "pods", "--watch") as process:
        kubectl.apply(pod("one"))
        assert process.stdout is not None
        assert process.stdout.readline().split()[:3] == ["NAME", "READY", "STATUS"]
        states = []
        while "Running" not in states:
            states.append(process.stdout.readline().split()[2])
        kubectl("delete", "pod", "one")
    assert states[0] == "Pending" and states[-1] == "Running"
    assert set(states) <= {"Pending", "ContainerCreating", "Running"}


def test_describe_a_pod(kubectl: Kubectl) -> None:
    container = {
        "name": "web",
        "image": "nginx:1.29",
        "ports": [{"containerPort": 80, "name": "http"}],
        "env": [{"name": "COLOUR", "value": "red"}],
        "resources": {"limits": {"memory": "64Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
    }
    kubectl.apply(pod("one", containers=[container]))
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
    eventually(lambda: "Started" in kubectl("describe", "pod", "one").out)
    out = kubectl("describe", "pod", "one").out
    for line in (
        r"Name: +one",
        rf"Namespace: +{kubectl.namespace}",
        r"Service Account: +default",
        r"Node: +node-\d/100\.64\.0\.\d+",
        r"Status: +Running",
        r"IP: +10\.244\.\d+\.\d+",
        r"    Container ID: +\w+://\w+",
        r"    Port: +80/TCP \(http\)",
        r"    State: +Running",
        r"      memory: +64Mi",
        r"    Liveness: +http-get http://:http/healthz delay=0s timeout=1s period=10s .*",
        r"      COLOUR: +red",
        r"  Ready +True ?",
        r"    TokenExpirationSeconds: +3607",
        r"QoS Class: +Burstable",
        r"Tolerations: +node.kubernetes.io/not-ready:NoExecute op=Exists for 300s",
        r"  Normal +Scheduled .* default-scheduler +Successfully assigned .*/one to node-\d",
        r"  Normal +Pulled .* kubelet +.*Container image \"nginx:1.29\" already present .*",
        r"  Normal +Created .*",
        r"  Normal +Started .*",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), line


def test_describe_a_deployment(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    eventually(lambda: "ScalingReplicaSet" in kubectl("describe", "deployment", "web").out)
    out = kubectl("describe", "deployment", "web").out
    for line in (
        r"Selector: +app=web",
        r"Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable",
        r"StrategyType: +RollingUpdate",
        r"RollingUpdateStrategy: +25% max unavailable, 25% max surge",
        r"Annotations: +deployment.kubernetes.io/revision: 1",
        r"  Available +True +MinimumReplicasAvailable",
        r"  Progressing +True +NewReplicaSetAvailable",
        r"OldReplicaSets: +<none>",
        r"NewReplicaSet: +web-[a-z0-9]+ \(2/2 replicas created\)",
        r"  Normal +ScalingReplicaSet .* deployment-controller +"
        r"Scaled up replica set web-[a-z0-9]+ from 0 to 2",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), line


def test_describe_a_service(kubectl: Kubectl) -> None:
    service = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: one}
  ports:
  - {name: http, port: 80, targetPort: 8080}
"""
    kubectl.apply(service, pod("one"))
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
    eventually(lambda: ":8080" in kubectl("describe", "service", "web").out)
    out = kubectl("describe", "service", "web").out
    for line in (
        r"Selector: +app=one",
        r"Type: +NodePort",
        r"IP Family Policy: +SingleStack",
        r"IP Families: +IPv4",
        r"IP: +(10\.96\.\d+\.\d+)\nIPs: +\1",
        r"Port: +http  80/TCP",
        r"TargetPort: +8080/TCP",
        r"NodePort: +http  3\d{4}/TCP",
        r"Endpoints: +10\.244\.\d+\.\d+:8080",
        r"Session Affinity: +None",
        r"External Traffic Policy: +Cluster",
        r"Internal Traffic Policy: +Cluster",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), line


def test_describe_a_node(kubectl: Kubectl) -> None:
    kubectl.apply(pod("one", nodeName="node-1"))
    out = kubectl("describe", "node", "node-1").out
    for line in (
        r"Name: +node-1",
        r"Roles: +<none>",
        r"Taints: +<none>",
        r"Unschedulable: +false",
        r"  HolderIdentity: +node-1",
        r"  Ready +True .* KubeletReady +kubelet is posting ready status",
        r"  Hostname: +node-1",
        r"PodCIDR: +10\.244\.\d+\.0/24",
        rf"  {kubectl.namespace} +one +0 \(0%\) .*",
        r"  .* RegisteredNode .* node-controller +"
        r"Node node-1 event: Registered Node node-1 in Controller",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), line


def test_describe_secrets_and_namespaces(kubectl: Kubectl) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}
    kubectl.apply(json.dumps({**secret, "stringData": {"password": "hidden"}}))
    lines = kubectl("describe", "secret", "key").lines
    assert "Type:  Opaque" in lines and "password:  6 bytes" in lines
    assert "hidden" not in kubectl("describe", "secret", "key").out
    lines = kubectl("describe", "namespace", kubectl.namespace).lines
    assert "Status:       Active" in lines and "No resource quota." in lines


def test_events(kubectl: Kubectl) -> None:
    kubectl.apply(pod("one"))
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
    reasons = ["Created", "Pulled", "Scheduled", "Started"]
    rows = eventually(
        lambda: kubectl("events", "--for", "pod/one").rows, wanted=lambda seen: len(seen) == 5
    )
    assert rows[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert sorted(row[2] for row in rows[1:]) == reasons
    assert {row[3] for row in rows[1:]} == {"Pod/one"}
    selected = kubectl("get", "events", "--field-selector", "reason=Started,type=Normal").rows
    assert [row[3] for row in selected[1:]] == ["pod/one"]


def test_logs(kubectl: Kubectl) -> None:
    chatty = json.loads(pod("chatty"))
    chatty["metadata"]["annotations"] = {
        "k8slite.dev/log": "first\nsecond",
        "k8slite.dev/log-every": "50ms",
    }
    kubectl.apply(json.dumps(chatty))
    kubectl("wait", "--for=condition=Ready", "pod/chatty", "--timeout=90s")
    lines = eventually(lambda: kubectl("logs", "chatty").lines, wanted=lambda seen: len(seen) > 3)
    begin = lines.index("first")
    assert lines[begin + 1] == "second"
    assert len(kubectl("logs", "chatty", "--tail=1").lines) == 1
    stamped = kubectl("logs", "chatty", "-c", "web", "--timestamps").lines[begin]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z first", stamped)
    with kubectl.running("logs", "-f", "chatty") as process:
        assert process.stdout is not None
        followed = [process.stdout.readline().rstrip() for _ in range(len(lines) + 3)]
    assert followed[: len(lines)] == lines
    assert kubectl.refused("logs", "chatty", "-c", "other") == (
        "error: container other is not valid for pod chatty out of: web"
    )
    assert kubectl.refused("logs", "chatty", "--previous") == (
        'Error from server (BadRequest): previous terminated container "web" in pod "chatty" not '
        "found"
    )


def test_logs_of_a_deployment(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    done = kubectl("logs", "deployment/web")
    assert done.err.startswith("Found 2 pods, using pod/web-")
    by_label = kubectl("logs", "-l", "app=web", "--prefix").lines
    assert len(by_label) == 2 and all(line.startswith("[pod/web-") for line in by_label)


def test_old_kinds_warn(kubectl: Kubectl) -> None:
    done = kubectl("get", "endpoints", "-n", "default")
    assert done.err == (
        "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n"
    )
    assert done.rows[1][0] == "kubernetes"
    done = kubectl("get", "componentstatuses")
    assert done.err == "Warning: v1 ComponentStatus is deprecated in v1.19+\n"
    assert [row[:3] for row in done.rows[1:]] == [
        ["scheduler", "Healthy", "ok"],
        ["controller-manager", "Healthy", "ok"],
        ["etcd-0", "Healthy", "ok"],
    ]
