"""Waiting for conditions, with kr8s."""

import sys

import kr8s
from kr8s.objects import Deployment, Pod

namespace = sys.argv[1]
SPEC = {
    "terminationGracePeriodSeconds": 0,
    "containers": [{"name": "c", "image": "example.com/app:1"}],
}
pod = Pod({"metadata": {"name": "p", "namespace": namespace}, "spec": SPEC})
pod.create()
pod.wait("condition=Ready", timeout=90)
print("ready:", pod.ready())
labels = {"app": "d"}
deployment = Deployment(
    {
        "metadata": {"name": "d", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": SPEC},
        },
    }
)
deployment.create()
deployment.wait("condition=Available", timeout=90)
deployment.scale(3)
deployment.wait("jsonpath='{.status.readyReplicas}'=3", timeout=90)
names = [one.name for one in kr8s.get("pods", namespace=namespace, label_selector=labels)]
print("pods:", len(names))
pod.delete()
pod.wait("delete", timeout=90)
print("gone:", not pod.exists())
