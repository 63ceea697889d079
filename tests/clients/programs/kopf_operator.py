"""An operator: for each Greeting a ConfigMap with its text, a count of ticks, a finalizer."""

import kopf
import kubernetes_asyncio  # noqa: F401  # what kopf's users reach the API with
from kubernetes import client, config

config.load_kube_config()
core = client.CoreV1Api()


@kopf.on.startup()
def configure(settings, **_):
    settings.posting.enabled = False
    settings.scanning.disabled = False
    settings.persistence.finalizer = "greetings.example.com/finalizer"


@kopf.on.create("example.com", "v1", "greetings")
def created(spec, name, namespace, patch, **_):
    body = {"metadata": {"name": name}, "data": {"text": spec["text"]}}
    kopf.adopt(body)
    core.create_namespaced_config_map(namespace, body)
    patch.status["phase"] = "Said"


@kopf.on.update("example.com", "v1", "greetings", field="spec.text")
def changed(new, name, namespace, **_):
    core.patch_namespaced_config_map(name, namespace, {"data": {"text": new}})


@kopf.timer("example.com", "v1", "greetings", interval=0.5)
def tick(status, patch, **_):
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.on.delete("example.com", "v1", "greetings")
def deleted(name, namespace, **_):
    core.delete_namespaced_config_map(name, namespace)
    last = {"metadata": {"name": f"{name}-was-here"}}
    core.create_namespaced_config_map(namespace, last)
