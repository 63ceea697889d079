"""kubectl apply, create -f, diff, replace: objects from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.clients.cluster import Kubectl, RunningCluster, config_map, deployment, eventually, pod

GUESTBOOK = Path(__file__).resolve().parents[2] / "manifests" / "examples" / "guestbook"


def test_the_guestbook_comes_up(cluster: RunningCluster) -> None:
    kubectl = cluster.kubectl("guestbook")
    created = kubectl("apply", "-f", str(GUESTBOOK)).lines
    assert created == [
        "namespace/guestbook created",
        "configmap/guestbook-settings created",
        "secret/redis-password created",
        "service/redis-leader created",
        "deployment.apps/redis-leader created",
        "service/redis-follower created",
        "deployment.apps/redis-follower created",
        "service/frontend created",
        "deployment.apps/frontend created",
    ]
    again = kubectl("apply", "-f", str(GUESTBOOK)).lines
    # A patch of stringData never looks like nothing to kubectl.
    expected = [line.replace("created", "unchanged") for line in created]
    expected[2] = "secret/redis-password configured"
    assert again == expected
    for name in ("redis-leader", "redis-follower", "frontend"):
        kubectl.rolled_out(name)
    rows = kubectl("get", "deployments").rows
    assert rows[0] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert [row[:4] for row in rows[1:]] == [
        ["frontend", "3/3", "3", "3"],
        ["redis-follower", "2/2", "2", "2"],
        ["redis-leader", "1/1", "1", "1"],
    ]
    password = kubectl("get", "secret", "redis-password", "-o", "jsonpath={.data.password}")
    assert password.out == "bm90LXNvLXNlY3JldDogY2hhbmdlIG1l"
    addresses = ["get", "endpointslices", "-l", "kubernetes.io/service-name=frontend"]
    path = "jsonpath={.items[*].endpoints[?(@.conditions.ready)].addresses[0]}"
    eventually(lambda: kubectl(*addresses, "-o", path).out.split(), wanted=lambda s: len(s) == 3)
    kubectl("delete", "-f", str(GUESTBOOK), "--timeout=90s")
    assert "not found" in kubectl.refused("get", "namespace", "guestbook")


def test_applying_a_change_configures_and_removes(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", a="1", b="2"))
    assert kubectl.apply(config_map("settings", a="3")).lines == ["configmap/settings configured"]
    found = kubectl("get", "configmap", "settings", "-o", "jsonpath={.data}")
    assert found.json == {"a": "3"}
    last = kubectl("apply", "view-last-applied", "configmap", "settings", "-o", "json").json
    assert last["data"] == {"a": "3"}


def test_applying_what_was_created_otherwise_warns_once(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=config_map("settings", a="1"))
    done = kubectl.apply(config_map("settings", a="2"))
    assert done.lines == ["configmap/settings configured"]
    assert done.err.startswith(
        "Warning: resource configmaps/settings is missing the "
        "kubectl.kubernetes.io/last-applied-configuration annotation"
    )
    assert kubectl.apply(config_map("settings", a="2")).err == ""


def test_applying_keeps_what_others_set(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=1))
    kubectl("scale", "deployment", "web", "--replicas=2")
    without = deployment("web", image="nginx:1.30").replace("  replicas: 1\n", "")
    kubectl.apply(without)
    kubectl.apply(without)
    path = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "web", "-o", path).out == "1 nginx:1.30"


def test_create_refuses_what_is_there(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=config_map("settings"))
    assert kubectl.refused("create", "-f", "-", given=config_map("settings")) == (
        "Error from server (AlreadyExists): error when creating "
        '"STDIN": configmaps "settings" already exists'
    )


def test_unknown_fields(kubectl: Kubectl) -> None:
    wrong = config_map("settings").replace('"data"', '"dat"')
    assert kubectl.refused("apply", "-f", "-", given=wrong) == (
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" '
        'cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"'
    )
    warned = kubectl("apply", "--validate=warn", "-f", "-", given=wrong)
    assert warned.err == 'Warning: unknown field "dat"\n'
    assert warned.lines == ["configmap/settings created"]
    assert kubectl("apply", "--validate=ignore", "-f", "-", given=wrong).err == ""


def test_unknown_fields_of_what_is_there(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings"))
    wrong = config_map("settings").replace('"data"', '"dat"')
    said = kubectl.refused("apply", "-f", "-", given=wrong)
    assert said.startswith('The request is invalid: patch: Invalid value: "map[dat:map[')
    assert said.endswith(': strict decoding error: unknown field "dat"')


def test_every_fault_of_an_object_is_told(kubectl: Kubectl) -> None:
    wrong = deployment("web").replace("name: web\n  labels", "name: Web_1\n  labels")
    wrong = wrong.replace("containerPort: 80", "containerPort: 80000")
    wrong = wrong.replace("matchLabels: {app: web}", "matchLabels: {app: other}")
    lines = kubectl.refused("apply", "-f", "-", given=wrong).splitlines()
    assert lines[0] == 'The Deployment "Web_1" is invalid:' or lines[0].rstrip().endswith(
        "invalid:"
    )
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        ["* metadata.name", "Invalid value"],
        ["* spec.template.metadata.labels", "Invalid value"],
        ["* spec.template.spec.containers[0].ports[0].containerPort", "Invalid value"],
    ]
    assert lines[3].endswith("Invalid value: 80000: must be between 1 and 65535, inclusive")


def test_a_kind_that_is_not_there(kubectl: Kubectl) -> None:
    widget = '{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}}'
    assert kubectl.refused("apply", "--validate=false", "-f", "-", given=widget) == (
        'error: resource mapping not found for name: "one" namespace: "" from "STDIN": no matches '
        'for kind "Widget" in version "example.com/v1"\nensure CRDs are installed first'
    )


def test_a_kind_that_is_not_there_is_not_validated(kubectl: Kubectl) -> None:
    widget = '{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}}'
    assert kubectl.refused("apply", "-f", "-", given=widget) == (
        'error: resource mapping not found for name: "one" namespace: "" from "STDIN": no matches '
        'for kind "Widget" in version "example.com/v1"\nensure CRDs are installed first'
    )


def test_a_namespace_that_is_not_there(cluster: RunningCluster) -> None:
    kubectl = cluster.kubectl("nowhere")
    assert kubectl.refused("apply", "-f", "-", given=config_map("settings")) == (
        'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found'
    )


def test_a_dry_run_of_the_server_keeps_nothing(kubectl: Kubectl) -> None:
    done = kubectl("apply", "--dry-run=server", "-f", "-", given=config_map("settings", a="1"))
    assert done.lines == ["configmap/settings created (server dry run)"]
    shown = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=pod("one")).json
    assert shown["metadata"]["uid"] and shown["spec"]["restartPolicy"] == "Always"
    assert kubectl.refused("get", "configmap", "settings") == (
        'Error from server (NotFound): configmaps "settings" not found'
    )
    assert kubectl("get", "pods").err == f"No resources found in {kubectl.namespace} namespace.\n"


def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", colour="red"))
    assert kubectl("diff", "-f", "-", given=config_map("settings", colour="red")).out == ""
    done = kubectl.attempt("diff", "-f", "-", given=config_map("settings", colour="blue"))
    assert done.code == 1
    assert "\n-  colour: red\n+  colour: blue\n" in done.out
    assert "resourceVersion" not in "".join(line for line in done.lines if line[:1] in "+-")
    new = kubectl.attempt("diff", "-f", "-", given=config_map("more", colour="blue"))
    assert new.code == 1 and "+  name: more" in new.out


def test_replace(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=config_map("settings", a="1"))
    done = kubectl("replace", "-f", "-", given=config_map("settings", b="2"))
    assert done.lines == ["configmap/settings replaced"]
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}").json == {"b": "2"}
    assert kubectl.refused("replace", "-f", "-", given=config_map("absent")) == (
        'Error from server (NotFound): error when replacing "STDIN": configmaps "absent" not found'
    )


def test_replacing_a_stale_object_conflicts(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=config_map("settings", a="1"))
    stale = kubectl("get", "configmap", "settings", "-o", "json").out
    kubectl("label", "configmap", "settings", "newer=true")
    message = kubectl.refused("replace", "-f", "-", given=stale)
    assert message == (
        'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled '
        'on configmaps "settings": the object has been modified; please apply your changes to the '
        "latest version and try again"
    )


def test_replace_by_force_makes_a_new_object(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=pod("one"))
    before = kubectl("get", "pod", "one", "-o", "jsonpath={.metadata.uid}").out
    done = kubectl("replace", "--force", "-f", "-", given=pod("one", nodeName="node-1"))
    assert done.lines == [
        f'pod "one" deleted from {kubectl.namespace} namespace',
        "pod/one replaced",
    ]
    path = "jsonpath={.metadata.uid} {.spec.nodeName}"
    after, node = kubectl("get", "pod", "one", "-o", path).out.split()
    assert after != before and node == "node-1"


def test_a_pod_cannot_be_replaced_by_another(kubectl: Kubectl) -> None:
    kubectl.apply(pod("one"))
    message = kubectl.refused("apply", "-f", "-", given=pod("one", hostNetwork=True))
    assert message.splitlines()[0].startswith('The Pod "one" is invalid: spec: Forbidden: pod ')


def managers(kubectl: Kubectl, *what: str) -> list[tuple[str, str]]:
    found = kubectl("get", *what, "--show-managed-fields", "-o", "json").json
    return [(one["manager"], one["operation"]) for one in found["metadata"]["managedFields"]]


def data(kubectl: Kubectl) -> Any:
    return kubectl("get", "configmap", "settings", "-o", "json").json["data"]


def test_apply_on_the_server(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    done = kubectl(*apply, given=config_map("settings", a="1", b="1"))
    assert done.lines == ["configmap/settings serverside-applied"]
    assert managers(kubectl, "configmap", "settings") == [("kubectl", "Apply")]
    assert "last-applied" not in kubectl("get", "configmap", "settings", "-o", "yaml").out
    kubectl(*apply, given=config_map("settings", a="2"))
    assert data(kubectl) == {"a": "2"}


def test_appliers_on_the_server_have_conflicts(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    kubectl(*apply, given=config_map("settings", a="1"))
    other = (*apply, "--field-manager=other")
    message = kubectl.refused(*other, given=config_map("settings", a="2"))
    assert message.splitlines()[0] == (
        'error: Apply failed with 1 conflict: conflict with "kubectl": .data.a'
    )
    kubectl(*other, "--force-conflicts", given=config_map("settings", a="2"))
    assert data(kubectl) == {"a": "2"}
    assert managers(kubectl, "configmap", "settings") == [("other", "Apply")]


def test_from_client_side_apply_to_the_server(kubectl: Kubectl) -> None:
    """kubectl moves the fields that it set itself by Update to its Apply."""
    kubectl.apply(config_map("settings", a="1", b="1"))
    assert managers(kubectl, "configmap", "settings") == [("kubectl-client-side-apply", "Update")]
    kubectl("apply", "--server-side", "-f", "-", given=config_map("settings", a="2"))
    # (The annotation of client-side apply gets a manager of its own.)
    found = set(managers(kubectl, "configmap", "settings"))
    assert found == {("kubectl", "Apply"), ("kubectl-last-applied", "Apply")}
    assert data(kubectl) == {"a": "2"}


def test_a_difference_as_the_server_sees_it(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", "-", given=config_map("settings", a="1"))
    diff = ("diff", "--server-side", "-f", "-")
    assert kubectl(*diff, given=config_map("settings", a="1")).out == ""
    done = kubectl.attempt(*diff, given=config_map("settings", a="2"))
    assert done.code == 1
    assert '-  a: "1"' in done.out and '+  a: "2"' in done.out
    assert data(kubectl) == {"a": "1"}
