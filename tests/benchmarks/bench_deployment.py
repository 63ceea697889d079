"""A Deployment of 1,000 pods on 100 nodes: pods a second, and how late watchers learn meanwhile.

Pods a second: from sending the Deployment until a client's watch has shown every pod Running.

Watch latency: every 10 ms, whether or not the one before is answered, the same process changes one
of some ConfigMaps to hold the moment of the sending (`time.monotonic`), and it watches them. The
moment of the commit cannot be seen from outside, so that two figures stand around it: `since_sent`
also contains the whole write (its way in, the journal's sync), and `since_answered` begins when
the writer holds the answer, which is after the commit (it is below 0 where the watch was quicker
than the answer). The true figure lies between them; the one with the goal is the former, the
unkind one. Where cores are few this client competes with the server for them, and its own delays
count as the server's: `client_late_p99` is by how much its own sendings missed their time.
"""

from __future__ import annotations

import itertools
import time
from typing import Final

import trio

from tests.benchmarks.cluster_process import ClusterProcess, cluster_process
from tests.benchmarks.figure import percentile, show
from tests.benchmarks.talk import Talk

NAMESPACE: Final = "/api/v1/namespaces/default"
BEAT_SECONDS: Final = 0.01
CLOCKS: Final = 64  # ConfigMaps that are changed in turn; as many writes are under way at most
MOST_SECONDS: Final = 120.0  # until the pods that do not run yet are given up, and counted


def main(*, short: bool) -> None:
    pods, nodes = (100, 10) if short else (1000, 100)
    with cluster_process("--nodes", str(nodes)) as cluster:
        trio.run(_Scene(cluster, pods, nodes).run)


class _Scene:
    def __init__(self, cluster: ClusterProcess, pods: int, nodes: int) -> None:
        self.cluster = cluster
        self.pods = pods
        self.nodes = nodes
        self.seen: set[str] = set()  # names of pods that were shown
        self.running: dict[str, float] = {}  # pods by when they were first shown Running
        self.all_running = trio.Event()
        self.answered: dict[str, float] = {}  # changes of the ConfigMap by their text
        self.late: list[float] = []  # by how much changes were begun after their time
        self.left_out = 0  # changes that were not begun, since too many were under way
        self.arrived: dict[str, float] = {}
        self.talk = Talk(cluster, CLOCKS + 8)

    async def run(self) -> None:
        for number in range(CLOCKS):
            made = await self.talk.call("POST", f"{NAMESPACE}/configmaps", clock(number, ""))
        revision = made["metadata"]["resourceVersion"]
        with self.talk:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.watch_pods, revision)
                await nursery.start(self.watch_clock, revision)
                nursery.start_soon(self.beat)
                await trio.sleep(0.2)
                busy, began = self.cluster.cpu_seconds(), time.monotonic()
                deployments = "/apis/apps/v1/namespaces/default/deployments"
                await self.talk.call("POST", deployments, deployment(self.pods))
                with trio.move_on_after(MOST_SECONDS):
                    await self.all_running.wait()
                busy = self.cluster.cpu_seconds() - busy
                nursery.cancel_scope.cancel()
        self.show(began, busy)

    def show(self, began: float, busy: float) -> None:
        last = max(self.running.values(), default=time.monotonic())
        whole = self.pods >= 1000
        show(
            f"Deployment of {self.pods} pods on {self.nodes} nodes",
            len(self.running) / (last - began) if self.running else 0.0,
            "pods/s to Running",
            300 if whole else None,
            running=len(self.running),
            wanted=self.pods,
            shown=len(self.seen),
            seconds=last - began,
            server_cpu_microseconds_a_pod=busy / max(1, len(self.running)) * 1e6,
            megabytes=self.cluster.resident_megabytes(),
        )
        known = [text for text in self.arrived if text in self.answered]
        if not known:
            raise RuntimeError("no change of the ConfigMap was both answered and shown")
        sent = [(self.arrived[text] - float(text)) * 1e3 for text in known]
        answered = [(self.arrived[text] - self.answered[text]) * 1e3 for text in known]
        written = [(self.answered[text] - float(text)) * 1e3 for text in known]
        show(
            f"watch latency during a Deployment of {self.pods} pods",
            percentile(sent, 99),
            "ms p99 from sending the write to the watch's event",
            20 if whole else None,
            changes=len(known),
            since_sent_p50=percentile(sent, 50),
            since_sent_p99=percentile(sent, 99),
            since_answered_p50=percentile(answered, 50),
            since_answered_p99=percentile(answered, 99),
            write_p50=percentile(written, 50),
            write_p99=percentile(written, 99),
            client_late_p99=percentile(self.late, 99) * 1e3,
            left_out=self.left_out,
        )

    async def beat(self) -> None:
        """Change one ConfigMap after the other for ever, at a steady pace."""
        due = trio.current_time()
        async with trio.open_nursery() as nursery:
            for turn in itertools.count():
                due += BEAT_SECONDS
                await trio.sleep_until(due)
                self.late.append(trio.current_time() - due)
                if len(nursery.child_tasks) >= CLOCKS:
                    self.left_out += 1
                    continue
                nursery.start_soon(self.change, turn % CLOCKS)

    async def change(self, number: int) -> None:
        text = repr(time.monotonic())
        path = f"{NAMESPACE}/configmaps/clock-{number}"
        await self.talk.call("PUT", path, clock(number, text))
        self.answered[text] = time.monotonic()

    async def watch_pods(
        self, revision: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        def shown(now: float, obj: dict) -> None:  # type: ignore[type-arg]
            name = obj["metadata"]["name"]
            self.seen.add(name)
            if obj["status"].get("phase") == "Running":
                self.running.setdefault(name, now)
                if len(self.running) == self.pods:
                    self.all_running.set()

        await self.talk.follow(f"{NAMESPACE}/pods", revision, shown, task_status)

    async def watch_clock(
        self, revision: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        def shown(now: float, obj: dict) -> None:  # type: ignore[type-arg]
            if obj["metadata"]["name"].startswith("clock-"):
                self.arrived[obj["data"]["sent"]] = now

        await self.talk.follow(f"{NAMESPACE}/configmaps", revision, shown, task_status)


def clock(number: int, text: str) -> dict[str, object]:
    return {"metadata": {"name": f"clock-{number}"}, "data": {"sent": text}}


def deployment(replicas: int) -> dict[str, object]:
    """One container, no volumes of its own, no probes."""
    labels = {"app": "bench"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bench"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }
