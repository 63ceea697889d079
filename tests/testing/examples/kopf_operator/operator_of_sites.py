"""An operator with kopf: for each Site a Deployment, and the number of its pods as its status."""

import os

import kopf
import kubernetes


@kopf.on.login()
def login(**given):
    # Both clients by the same file, and when the operator starts: the official one looks for
    # $KUBECONFIG when it is imported, which in a test is too early.
    kubernetes.config.load_kube_config(os.environ.get("KUBECONFIG"))
    return kopf.login_with_kubeconfig(**given)


@kopf.on.create("example.com", "v1", "sites")
def created(spec, name, namespace, **_):
    labels = {"site": name}
    deployment = {
        "metadata": {"name": name},
        "spec": {
            "replicas": spec.get("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": spec["image"]}]},
            },
        },
    }
    kopf.adopt(deployment)
    kubernetes.client.AppsV1Api().create_namespaced_deployment(namespace, deployment)


@kopf.on.field("example.com", "v1", "sites", field="spec.replicas")
def scaled(old, new, name, namespace, **_):
    if old is not None:
        scale = {"spec": {"replicas": new}}
        kubernetes.client.AppsV1Api().patch_namespaced_deployment_scale(name, namespace, scale)
