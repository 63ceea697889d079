"""What the API machinery costs: server-side apply of a large Deployment, custom objects with rules.

Through the Handler, without sockets and disk, in one process: requests a second of processor time.
"""

from __future__ import annotations

import json
import time
from typing import Any

import trio
import trio.testing

from tests.apiserver.oracle_server import Server, running
from tests.benchmarks.figure import show

Json = dict[str, Any]

APPLY = "application/apply-patch+yaml"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ROUNDS = 5


def deployment(image: str) -> Json:
    """About a hundred fields, as an applier sends them."""
    containers = [
        {
            "name": f"c{number}",
            "image": image,
            "env": [{"name": f"E{one}", "value": "v"} for one in range(8)],
            "ports": [{"containerPort": 80 + number, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2"}},
        }
        for number in range(4)
    ]
    labels = {"app": "d"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template},
    }


def definition() -> Json:
    """A schema with ten rules."""
    integer = {"type": "integer"}
    rules = [{"rule": f"self.n{number} <= self.n{number + 1}"} for number in range(10)]
    spec = {
        "type": "object",
        "properties": {f"n{number}": integer for number in range(11)},
        "x-kubernetes-validations": rules,
    }
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "Widget", "plural": "widgets"}
    return {
        "metadata": {"name": "widgets.e.com"},
        "spec": {"group": "e.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def main(*, short: bool) -> None:
    trio.run(_measure, 50 if short else 400, clock=trio.testing.MockClock(autojump_threshold=0))


async def _measure(count: int) -> None:
    async with running(controllers=False) as server:
        same, changed = [], []
        for number in range(ROUNDS):
            same.append(await _applies(server, count, [f"x:{number}"]))
            changed.append(await _applies(server, count, ["a", "b"]))
        show("apply of a Deployment, nothing new", max(same), "requests/CPU s", 1000)
        show("apply of a Deployment, new images", max(changed), "requests/CPU s", 1000)
        await server.create(DEFINITIONS, definition())
        await trio.testing.wait_all_tasks_blocked()
        rates = [await _customs(server, count, number) for number in range(ROUNDS)]
        show("create a custom object, 10 rules", max(rates), "requests/CPU s", 1000)


async def _applies(server: Server, count: int, images: list[str]) -> float:
    bodies = [json.dumps(deployment(image)).encode() for image in images]
    began = time.process_time()
    for number in range(count):
        body = bodies[number % len(bodies)]
        answer = await server.ask("PATCH", f"{DEPLOYMENTS}/d?fieldManager=me", body, APPLY)
        assert answer.status in (200, 201), answer.json
    return count / (time.process_time() - began)


async def _customs(server: Server, count: int, turn: int) -> float:
    spec = {f"n{number}": number for number in range(11)}
    began = time.process_time()
    for number in range(count):
        obj = {"metadata": {"name": f"w{turn}-{number}"}, "spec": spec}
        answer = await server.ask("POST", "/apis/e.com/v1/namespaces/default/widgets", obj)
        assert answer.status == 201, answer.json
    return count / (time.process_time() - began)
