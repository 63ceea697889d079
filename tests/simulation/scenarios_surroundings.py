"""Pods that refer to other objects and run what is written in them, under faults."""

from collections.abc import Sequence
from typing import Any

from k8slite.client.resource import CONFIG_MAPS, JOBS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

_MOUNTS = [{"name": "data", "mountPath": "/data"}, {"name": "settings", "mountPath": "/settings"}]
# It fails once, then succeeds if it finds all that it was promised.
_SCRIPT = (
    "if ! [ -e /data/tried ]; then touch /data/tried; exit 1; fi; "
    'test "$COLOR" = blue && grep -q blue /settings/color && sleep 5'
)
# Its first run ends before the hook does.
_HOOK = {"exec": {"command": ["sh", "-c", "sleep 1; grep -q blue /settings/color"]}}


def job() -> Json:
    color = {"configMapKeyRef": {"name": "settings", "key": "color"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "paint"},
        "spec": {
            "backoffLimit": 100,
            "template": {
                "spec": {
                    "restartPolicy": "OnFailure",
                    "volumes": [
                        {"name": "data", "emptyDir": {}},
                        {"name": "settings", "configMap": {"name": "settings"}},
                    ],
                    "containers": [
                        {
                            "name": "c",
                            "image": "busybox",
                            "command": ["sh", "-c", _SCRIPT],
                            "env": [{"name": "COLOR", "valueFrom": color}],
                            "volumeMounts": _MOUNTS,
                            "lifecycle": {"postStart": _HOOK},
                        }
                    ],
                }
            },
        },
    }


class Surrounded(Scenario):
    """A Job's pod waits for a ConfigMap, fails once, and finds what it has left behind."""

    nodes = 1
    objects = (job(),)

    async def act(self, sim: Simulation) -> None:
        settings = {"metadata": {"name": "settings"}, "data": {"color": "blue"}}
        await sim.client.create(CONFIG_MAPS, settings, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        """The work is done, and said so."""
        (found,) = sim.objects(JOBS, "default")
        told = [one["type"] for one in found["status"].get("conditions", ())]
        return [] if "Complete" in told else [f"the job is not complete: {found['status']}"]


SURROUNDINGS = (Surrounded,)
