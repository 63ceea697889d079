"""kubectl create, run, expose: objects from a command line; kubectl sends these as protobuf."""

from __future__ import annotations

import base64
import json

from tests.clients.cluster import Kubectl, deployment


def test_create(kubectl: Kubectl) -> None:
    for arguments, told in (
        (("configmap", "c", "--from-literal=a=b"), "configmap/c created"),
        (("secret", "generic", "s", "--from-literal=u=p"), "secret/s created"),
        (("serviceaccount", "builder"), "serviceaccount/builder created"),
        (("deployment", "d", "--image=nginx", "--replicas=2"), "deployment.apps/d created"),
        (("service", "clusterip", "sc", "--tcp=80:8080"), "service/sc created"),
        (("service", "nodeport", "sn", "--tcp=80"), "service/sn created"),
        (("quota", "q", "--hard=pods=9"), "resourcequota/q created"),
        (
            ("role", "r", "--verb=get", "--resource=pods"),
            "role.rbac.authorization.k8s.io/r created",
        ),
        (
            ("rolebinding", "rb", "--role=r", f"--serviceaccount={kubectl.namespace}:builder"),
            "rolebinding.rbac.authorization.k8s.io/rb created",
        ),
        (
            ("poddisruptionbudget", "p", "--selector=app=d", "--min-available=1"),
            "poddisruptionbudget.policy/p created",
        ),
        (
            ("ingress", "i", "--rule=example.com/=sc:80"),
            "ingress.networking.k8s.io/i created",
        ),
    ):
        assert kubectl("create", *arguments).lines == [told]
    kubectl.rolled_out("d")
    assert kubectl("get", "configmap", "c", "-o", "jsonpath={.data}").json == {"a": "b"}
    assert base64.b64decode(kubectl("get", "secret", "s", "-o", "jsonpath={.data.u}").out) == b"p"
    rows = kubectl("get", "services").rows
    assert [row[:2] + row[4:5] for row in rows[1:]] == [
        ["sc", "ClusterIP", "80/TCP"],
        ["sn", "NodePort", rows[2][4]],
    ]
    assert kubectl("get", "ingress").rows[1][:3] == ["i", "<none>", "example.com"]


def test_create_refuses_what_is_there(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c")
    assert kubectl.refused("create", "configmap", "c") == (
        'error: failed to create configmap: configmaps "c" already exists'
    )
    assert kubectl.refused("create", "namespace", kubectl.namespace) == (
        f'Error from server (AlreadyExists): namespaces "{kubectl.namespace}" already exists'
    )


def test_create_a_namespace(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-more"
    assert kubectl("create", "namespace", name).lines == [f"namespace/{name} created"]
    assert kubectl("get", "namespace", name).rows[1][:2] == [name, "Active"]
    kubectl("delete", "namespace", name, "--timeout=90s")


def test_create_in_a_dry_run(kubectl: Kubectl) -> None:
    shown = kubectl("create", "configmap", "c", "--from-literal=a=b", "--dry-run=server", "-o=json")
    assert shown.json["data"] == {"a": "b"} and shown.json["metadata"]["uid"]
    assert "not found" in kubectl.refused("get", "configmap", "c")


def test_run(kubectl: Kubectl) -> None:
    done = kubectl("run", "one", "--image=nginx", "--env=A=B", "--labels=x=y", "--port=80")
    assert done.lines == ["pod/one created"]
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
    spec = kubectl("get", "pod", "one", "-o", "jsonpath={.spec.containers[0]}").json
    assert spec["env"] == [{"name": "A", "value": "B"}]
    assert spec["imagePullPolicy"] == "Always"
    assert kubectl.refused("run", "one", "--image=nginx") == (
        'Error from server (AlreadyExists): pods "one" already exists'
    )
    assert "must consist of lower case" in kubectl.refused("run", "Not_OK", "--image=nginx")


def test_expose(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    done = kubectl("expose", "deployment", "web", "--port=80", "--target-port=8080")
    assert done.lines == ["service/web exposed"]
    spec = kubectl("get", "service", "web", "-o", "jsonpath={.spec}").json
    assert spec["selector"] == {"app": "web"}
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 8080}]


def test_tokens_of_service_accounts(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "builder")
    token = kubectl("create", "token", "builder", "--duration=1h").out.strip()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == f"system:serviceaccount:{kubectl.namespace}:builder"
    assert claims["exp"] - claims["iat"] == 3600
    shown = kubectl(
        "auth", "whoami", f"--token={token}", "--client-certificate=", "-o", "json"
    ).json
    assert shown["status"]["userInfo"]["username"] in (claims["sub"], "kubernetes-admin")
    assert kubectl.refused("create", "token", "absent") == (
        'error: failed to create token: serviceaccounts "absent" not found'
    )


def test_who_one_is_and_what_one_may(kubectl: Kubectl) -> None:
    rows = [row for row in kubectl("auth", "whoami").rows if len(row) == 2]
    assert rows[0] == ["ATTRIBUTE", "VALUE"]
    assert ["Username", "kubernetes-admin"] in rows
    assert "system:masters" in dict(rows[1:])["Groups"]
    assert kubectl("auth", "can-i", "create", "pods").lines == ["yes"]
    assert kubectl("auth", "can-i", "--list").rows[0][0] == "Resources"
