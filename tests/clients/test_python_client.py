"""The official Python client on a whole cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from tests.clients.cluster import RunningCluster, eventually


@pytest.fixture
def api(cluster: RunningCluster) -> Iterator[client.ApiClient]:
    with closing(config.new_client_from_config(str(cluster.path / "kubeconfig"))) as api:
        yield api


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@contextmanager
def closing(api: client.ApiClient) -> Iterator[client.ApiClient]:
    """The client keeps its connections open after it is closed; this lets go of them."""
    try:
        yield api
    finally:
        api.rest_client.pool_manager.clear()
        api.close()


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def pod(name: str, **annotations: str) -> client.V1Pod:
    return client.V1Pod(
        metadata=client.V1ObjectMeta(
            name=name,
            labels={"app": name},
            annotations={f"k8slite.dev/{key}": value for key, value in annotations.items()},
        ),
        spec=client.V1PodSpec(
            containers=[client.V1Container(name="web", image="nginx")],
            termination_grace_period_seconds=0,
        ),
    )


def test_an_objects_life(core: client.CoreV1Api, namespace: str) -> None:
    created = core.create_namespaced_config_map(namespace, config_map("one", a="1"))
    assert created.metadata.uid and created.metadata.creation_timestamp.tzinfo is not None
    read = core.read_namespaced_config_map("one", namespace)
    assert read.data == {"a": "1"} and read.metadata.uid == created.metadata.uid
    read.data["b"] = "2"
    replaced = core.replace_namespaced_config_map("one", namespace, read)
    assert int(replaced.metadata.resource_version) > int(created.metadata.resource_version)
    patched = core.patch_namespaced_config_map("one", namespace, {"data": {"a": None}})
    assert patched.data == {"b": "2"}
    operations = [{"op": "add", "path": "/data/c", "value": "3"}]
    assert core.patch_namespaced_config_map("one", namespace, operations).data["c"] == "3"
    status = core.delete_namespaced_config_map("one", namespace)
    assert (status["status"], status["details"]["uid"]) == ("Success", created.metadata.uid)


def test_errors(core: client.CoreV1Api, namespace: str) -> None:
    with pytest.raises(ApiException) as missing:
        core.read_namespaced_config_map("nope", namespace)
    assert (missing.value.status, missing.value.reason) == (404, "Not Found")
    body = json.loads(missing.value.body)
    assert body["reason"] == "NotFound" and body["message"] == 'configmaps "nope" not found'
    assert body["details"] == {"name": "nope", "kind": "configmaps"}
    assert missing.value.headers["Content-Type"] == "application/json"

    core.create_namespaced_config_map(namespace, config_map("one"))
    with pytest.raises(ApiException) as twice:
        core.create_namespaced_config_map(namespace, config_map("one"))
    assert twice.value.status == 409
    assert json.loads(twice.value.body)["reason"] == "AlreadyExists"

    stale = core.read_namespaced_config_map("one", namespace)
    core.patch_namespaced_config_map("one", namespace, {"data": {"a": "1"}})
    with pytest.raises(ApiException) as conflict:
        core.replace_namespaced_config_map("one", namespace, stale)
    assert conflict.value.status == 409
    assert json.loads(conflict.value.body)["reason"] == "Conflict"

    with pytest.raises(ApiException) as invalid:
        core.create_namespaced_config_map(namespace, config_map("Not_OK"))
    assert invalid.value.status == 422
    causes = json.loads(invalid.value.body)["details"]["causes"]
    assert [cause["field"] for cause in causes] == ["metadata.name"]


def test_lists_in_pages(core: client.CoreV1Api, namespace: str) -> None:
    for number in range(5):
        body = config_map(f"one-{number}")
        body.metadata.labels = {"counted": "yes"}
        core.create_namespaced_config_map(namespace, body)
    selected: dict[str, Any] = {"label_selector": "counted=yes", "limit": 2}
    names: list[str] = []
    revisions = set()
    token = None
    pages = 0
    while token != "":
        page = core.list_namespaced_config_map(namespace, _continue=token, **selected)
        names += [item.metadata.name for item in page.items]
        revisions.add(page.metadata.resource_version)
        token = page.metadata._continue or ""
        pages += 1
    assert names == [f"one-{number}" for number in range(5)]
    assert pages == 3 and len(revisions) == 1
    with pytest.raises(ApiException) as error:
        core.list_namespaced_config_map(namespace, _continue="nonsense", limit=2)
    assert error.value.status == 400


def test_a_watch_goes_on_where_a_list_ended(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("before"))
    listed = core.list_namespaced_config_map(namespace)
    core.create_namespaced_config_map(namespace, config_map("after"))
    core.patch_namespaced_config_map("before", namespace, {"data": {"a": "1"}})
    core.delete_namespaced_config_map("after", namespace)
    seen = []
    watching = watch.Watch()
    for event in watching.stream(
        core.list_namespaced_config_map,
        namespace,
        resource_version=listed.metadata.resource_version,
        timeout_seconds=20,
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            watching.stop()
    # The bundle for the namespace's pods may come at any time.
    assert [one for one in seen if one[1] != "kube-root-ca.crt"] == [
        ("ADDED", "after"),
        ("MODIFIED", "before"),
        ("DELETED", "after"),
    ]


def test_a_watch_ends_after_its_time(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("one"))
    stream = watch.Watch().stream(
        core.list_namespaced_config_map,
        namespace,
        timeout_seconds=1,
        field_selector="metadata.name=one",
    )
    assert [event["type"] for event in stream] == ["ADDED"]


def test_pods_and_logs(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_pod(namespace, pod("one", log="first\nsecond"))
    running = eventually(
        lambda: core.read_namespaced_pod("one", namespace),
        wanted=lambda seen: seen.status.phase == "Running",
    )
    assert running.status.pod_ip and running.spec.node_name.startswith("node-")
    text = eventually(
        lambda: core.read_namespaced_pod_log("one", namespace), wanted=lambda seen: "second" in seen
    )
    assert text.endswith("first\nsecond\n")
    assert core.read_namespaced_pod_log("one", namespace, tail_lines=1) == "second\n"
    with pytest.raises(ApiException) as error:
        core.read_namespaced_pod_log("one", namespace, container="other")
    assert error.value.status == 400
    core.delete_namespaced_pod("one", namespace, grace_period_seconds=0)
    eventually(lambda: core.list_namespaced_pod(namespace).items == [])


def test_a_deployment(api: client.ApiClient, core: client.CoreV1Api, namespace: str) -> None:
    apps = client.AppsV1Api(api)
    template = pod("web")
    template.metadata.annotations = None
    body = client.V1Deployment(
        metadata=client.V1ObjectMeta(name="web"),
        spec=client.V1DeploymentSpec(
            replicas=2,
            selector=client.V1LabelSelector(match_labels={"app": "web"}),
            template=client.V1PodTemplateSpec(metadata=template.metadata, spec=template.spec),
        ),
    )
    apps.create_namespaced_deployment(namespace, body)
    eventually(
        lambda: apps.read_namespaced_deployment_status("web", namespace).status.ready_replicas == 2
    )
    scale = apps.read_namespaced_deployment_scale("web", namespace)
    assert (scale.spec.replicas, scale.status.selector) == (2, "app=web")
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    eventually(lambda: len(core.list_namespaced_pod(namespace).items) == 1)
    apps.delete_namespaced_deployment("web", namespace, propagation_policy="Foreground")
    eventually(lambda: apps.list_namespaced_deployment(namespace).items == [])


def test_who_asks(cluster: RunningCluster, api: client.ApiClient, namespace: str) -> None:
    """A client certificate, the administrator's token, a service account's token, nothing."""

    def name(asking: client.ApiClient) -> str:
        review = client.AuthenticationV1Api(asking).create_self_subject_review(
            client.V1SelfSubjectReview()
        )
        return str(review.status.user_info.username)

    def by_token(token: str) -> AbstractContextManager[client.ApiClient]:
        settings = client.Configuration()
        settings.host = cluster.url
        settings.ssl_ca_cert = api.configuration.ssl_ca_cert
        if token:
            settings.api_key = {"authorization": f"Bearer {token}"}
        return closing(client.ApiClient(settings))

    assert name(api) == "kubernetes-admin"
    with by_token((cluster.path / "token").read_text().strip()) as asking:
        assert name(asking) == "kubernetes-admin"
    core = client.CoreV1Api(api)
    account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="builder"))
    core.create_namespaced_service_account(namespace, account)
    wanted = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = core.create_namespaced_service_account_token("builder", namespace, wanted)
    with by_token(token.status.token) as asking:
        assert name(asking) == f"system:serviceaccount:{namespace}:builder"
    with by_token("wrong") as asking, pytest.raises(ApiException) as error:
        name(asking)
    assert error.value.status == 401
    with by_token("") as asking, pytest.raises(ApiException) as error:
        client.CoreV1Api(asking).list_namespaced_pod(namespace)
    assert error.value.status in (401, 403)


def test_version_and_groups(api: client.ApiClient) -> None:
    versions = client.VersionApi(api).get_code()
    assert (versions.major, versions.minor) == ("1", "37")
    groups = client.ApisApi(api).get_api_versions().groups
    assert "apps" in [group.name for group in groups]


def test_custom_objects_api_reads_built_in_kinds(api: client.ApiClient, namespace: str) -> None:
    custom = client.CustomObjectsApi(api)
    listed = custom.list_namespaced_custom_object("apps", "v1", namespace, "deployments")
    assert (listed["kind"], listed["items"]) == ("DeploymentList", [])
