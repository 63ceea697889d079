"""Pods that listen and pods that ask them by a Service's name, under faults."""

from collections.abc import Sequence
from typing import Any

from k8slite.client.resource import DEPLOYMENTS, JOBS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

_AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
# It asks until it is answered, and is content with an answer of one of the servers only.
_SCRIPT = (
    "until wget -q -T 5 -O /tmp/name http://web/hostname; do sleep 2; done; grep -q ^web- /tmp/name"
)


def server() -> Json:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}
    here = {"httpGet": {"path": "/echo?msg=started", "port": "http"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 5,
                    "containers": [
                        {
                            "name": "c",
                            "image": _AGNHOST,
                            "args": ["netexec"],
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "readinessProbe": {**probe, "failureThreshold": 1},
                            "livenessProbe": probe,
                            "lifecycle": {"preStop": here},
                        }
                    ],
                },
            },
        },
    }


def service() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }


def client() -> Json:
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", _SCRIPT]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "ask"},
        "spec": {
            "backoffLimit": 100,
            "template": {"spec": {"restartPolicy": "OnFailure", "containers": [container]}},
        },
    }


class Asked(Scenario):
    """A Job asks a Service for the name of one of its two pods, as soon as one is ready."""

    nodes = 2
    objects = (service(),)

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(JOBS, client(), "default")
        await sim.client.create(DEPLOYMENTS, server(), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        """It has been told."""
        (found,) = sim.objects(JOBS, "default")
        told = [one["type"] for one in found["status"].get("conditions", ())]
        return [] if "Complete" in told else [f"the job is not complete: {found['status']}"]


PORTS = (Asked,)
