"""A script with the official client: roll out an image, and back if it does not come up."""

import time

from kubernetes.client import AppsV1Api


class Failed(Exception):
    """The new image did not come up; the former one runs."""


def release(api, namespace, name, image, patience_seconds=60.0):
    """Have a Deployment's first container run another image. Raises Failed."""
    apps = AppsV1Api(api)
    container = apps.read_namespaced_deployment(name, namespace).spec.template.spec.containers[0]
    before = container.image
    _set_image(apps, namespace, name, container.name, image)
    if not _rolled_out(apps, namespace, name, patience_seconds):
        _set_image(apps, namespace, name, container.name, before)
        raise Failed(f"{image} did not become ready, {name} is back at {before}")


def _set_image(apps, namespace, name, container, image):
    containers = [{"name": container, "image": image}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    apps.patch_namespaced_deployment(name, namespace, patch)


def _rolled_out(apps, namespace, name, patience_seconds):
    end = time.monotonic() + patience_seconds
    while time.monotonic() < end:
        found = apps.read_namespaced_deployment(name, namespace)
        status = found.status
        if (
            status.observed_generation == found.metadata.generation
            and status.updated_replicas == found.spec.replicas
            and status.available_replicas == found.spec.replicas
            and status.replicas == found.spec.replicas
        ):
            return True
        time.sleep(0.05)
    return False
