"""Each invariant, broken and held: a check complains of the one and is silent about the other."""

from collections.abc import Sequence
from typing import Any

import pytest

from k8slite.objects.codec import dumps, loads
from k8slite.sim.checks import CHECKS, Change, Check, Setting, State
from k8slite.sim.checks.addresses import Addresses
from k8slite.sim.checks.collection import Collection
from k8slite.sim.checks.endpoints import Endpoints
from k8slite.sim.checks.leases import Leases
from k8slite.sim.checks.nodes import Nodes
from k8slite.sim.checks.objects import Objects
from k8slite.sim.checks.policies import Policies
from k8slite.sim.checks.quotas import Quotas
from k8slite.sim.checks.rollouts import Rollouts
from k8slite.sim.checks.scheduling import Scheduling
from k8slite.sim.checks.workloads import Workloads
from k8slite.store.store import Event, Stored

Json = dict[str, Any]

EVERYTHING = frozenset(
    (
        "deployment-controller",
        "replicaset-controller",
        "endpoint-controller",
        "endpointslice-controller",
        "generic-garbage-collector",
        "namespace-controller",
        "pod-garbage-collector",
        "resourcequota-controller",
        "kube-scheduler",
        "kubelet",
    )
)
COLLECTOR = "system:controller:generic-garbage-collector"


class Story:
    """Commits, one after the other, and what the check says to them."""

    def __init__(self, check: type[Check], running: frozenset[str] = EVERYTHING) -> None:
        self.state = State()
        self.check = check(Setting(self.state, running))
        self.revision = 0
        self.now_seconds = 0.0
        self.complaints: list[str] = []

    def write(
        self,
        prefix: str,
        obj: Json | None,
        request: str = "PUT /x",
        user: str = "",
        name: str = "",
        *,
        repeated: bool = False,
    ) -> None:
        """Put an object, or with `name` delete one ("shop/web")."""
        self.revision += 1
        key = prefix + (name or self._name(obj))
        raw = self.state.get(key)
        before = Stored(key, self.revision - 1, dumps(raw)) if raw is not None else None
        now = None if obj is None else Stored(key, self.revision, dumps(obj))
        event = Event(self.revision, key, now, before)
        old = loads(before.value) if before is not None else None
        self.state.take(event, event.key.partition("/")[0] + "/")
        change = Change(
            event,
            self.now_seconds,
            self.revision,
            "p",
            request,
            user,
            repeated,
            old,
            self.state.get(key),
        )
        if not self.check.prefixes or change.resource in self.check.prefixes:
            self.complaints += self.check.commit(change)

    def ends_with(self, *complaints: str) -> None:
        """The check said these, at commits and now at rest, and nothing else."""
        found = [*self.complaints, *self.check.rest()]
        assert len(found) == len(complaints), found
        for one, expected in zip(found, complaints, strict=True):
            assert expected in one

    def _name(self, obj: Json | None) -> str:
        assert obj is not None
        namespace = obj["metadata"].get("namespace")
        name: str = obj["metadata"]["name"]
        return f"{namespace}/{name}" if namespace else name


def thing(name: str, namespace: str = "shop", **fields: Any) -> Json:
    """An object whose uid is its name's unless told."""
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    metadata.update(fields.pop("metadata", {}))
    if not namespace:
        del metadata["namespace"]
    return {"metadata": metadata, **fields}


def owned(kind: str, name: str) -> Json:
    return {
        "ownerReferences": [{"kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]
    }


def pod(name: str, *, owner: Json | None = None, node: str = "", **fields: Any) -> Json:
    spec: Json = {"containers": [{"name": "c"}], **fields.pop("spec", {})}
    if node:
        spec["nodeName"] = node
    return thing(
        name, metadata={**(owner or {}), **fields.pop("metadata", {})}, spec=spec, **fields
    )


def node(name: str, cpu: str = "4", **spec: Any) -> Json:
    status = {
        "allocatable": {"cpu": cpu, "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return thing(name, "", spec=spec, status=status)


READY = {
    "phase": "Running",
    "startTime": "2026-01-01T00:00:00Z",
    "conditions": [{"type": "Ready", "status": "True"}],
    "podIPs": [{"ip": "10.0.0.1"}],
}
CPU = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "3"}}}]}
NAMESPACE = thing("shop", "")
DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("old", "new", "request_line", "complaint"),
    [
        ({}, {"metadata": {"uid": "other"}}, "PUT /x", "uid of things/shop/a changed"),
        ({"metadata": DELETED}, {}, "PUT /x", "was taken back"),
        (
            {"metadata": {**DELETED, "finalizers": ["a"]}},
            {"metadata": {**DELETED, "finalizers": ["a", "b"]}},
            "PUT /x",
            "finalizer b was added",
        ),
        ({}, {"metadata": DELETED}, "PUT /x", "nothing holds it, but it stays"),
        (
            {"metadata": {"generation": 1}, "spec": {"a": 1}},
            {"metadata": {"generation": 1}, "spec": {"a": 2}},
            "PUT /x",
            "generation stayed 1",
        ),
        (
            {"metadata": {"generation": 1}, "spec": {"a": 1}},
            {"metadata": {"generation": 2}, "spec": {"a": 1}},
            "PUT /x",
            "without a change of spec",
        ),
        ({"spec": {"a": 1}}, {"spec": {"a": 2}}, "PUT /x/status", "changed its spec"),
        (
            {"metadata": {"generation": 1}, "spec": {"a": 1}},
            {"metadata": {"generation": 2}, "spec": {"a": 2}},
            "PUT /x",
            "",
        ),
        ({}, {"metadata": {**DELETED, "finalizers": ["a"]}}, "DELETE /x", ""),
        ({"status": {"a": 1}}, {"status": {"a": 2}}, "PUT /x/status", ""),
    ],
)
def test_an_object_keeps_its_identity_and_its_halves(
    old: Json, new: Json, request_line: str, complaint: str
) -> None:
    story = Story(Objects)
    story.write("things/", thing("a", **old))
    story.write("things/", thing("a", **new), request_line)
    story.ends_with(*filter(None, [complaint]))


def test_a_write_of_the_spec_leaves_the_status_alone() -> None:
    story = Story(Objects)
    story.write("pods/", thing("a", status={"phase": "Pending"}))
    story.write("pods/", thing("a", status={"phase": "Running"}), "PUT /pods/a")
    story.ends_with("changed its status")


def test_a_finalizer_holds_an_object() -> None:
    story = Story(Objects)
    for name, request in (("a", "DELETE /a"), ("b", "PATCH /b")):
        story.write("things/", thing(name, metadata={"finalizers": ["f"]}))
        story.write("things/", None, request, name=f"shop/{name}")
    story.ends_with("things/shop/a is gone, though f held it")


def test_a_uid_is_given_once() -> None:
    story = Story(Objects)
    story.write("things/", thing("a"))
    story.write("things/", None, name="shop/a")
    story.write("things/", thing("b", metadata={"uid": "uid-a"}))
    story.ends_with("things/shop/b has the uid of things/shop/a")


def test_who_has_a_living_owner_is_not_collected() -> None:
    story = Story(Collection)
    story.write("namespaces/", NAMESPACE)
    story.write("parents/", thing("p"))
    for name, user in (("a", COLLECTOR), ("b", "somebody")):
        story.write("things/", thing(name, metadata=owned("Parent", "p")))
        story.write("things/", None, "DELETE /x", user, name=f"shop/{name}")
    story.ends_with("things/shop/a was collected, though its owner parents/shop/p lives")


def test_nobody_outlives_his_owners_or_his_namespace() -> None:
    story = Story(Collection)
    story.write("namespaces/", NAMESPACE)
    story.write("parents/", thing("p"))
    story.write("things/", thing("a", metadata=owned("Parent", "p")))
    story.ends_with()
    story.write("parents/", None, "DELETE /p", name="shop/p")
    story.ends_with("things/shop/a has outlived its owners (Parent p)")
    story.write("things/", None, "DELETE /a", COLLECTOR, name="shop/a")
    story.ends_with()
    story.write("namespaces/", None, name="shop")
    story.write("things/", thing("late"))
    story.ends_with(*["things/shop/late is in a namespace that does not exist"] * 2)


@pytest.mark.parametrize(
    ("obj", "running", "complaint"),
    [
        (thing("a", metadata={**DELETED, "finalizers": ["orphan"]}), EVERYTHING, "does not end"),
        (thing("a", metadata={**DELETED, "finalizers": ["mine"]}), EVERYTHING, ""),
        (thing("a", metadata={**DELETED, "finalizers": ["orphan"]}), frozenset(), ""),
    ],
)
def test_a_deletion_ends(obj: Json, running: frozenset[str], complaint: str) -> None:
    story = Story(Collection, running)
    story.write("namespaces/", NAMESPACE)
    story.write("things/", obj)
    story.ends_with(*filter(None, [complaint]))


def test_a_replica_set_makes_no_more_pods_than_it_ever_wanted() -> None:
    story = Story(Workloads)
    story.write("apps.replicasets/", thing("rs", spec={"replicas": 2}))
    story.write("apps.replicasets/", thing("rs", spec={"replicas": 1}))
    story.write("pods/", pod("a", owner=owned("ReplicaSet", "rs"), status=READY))
    story.write("pods/", pod("b", owner=owned("ReplicaSet", "rs")))  # has not heard of it yet
    story.write("pods/", pod("b", owner=owned("ReplicaSet", "rs"), metadata=DELETED))
    story.write("pods/", pod("c", owner=owned("ReplicaSet", "rs")))
    story.ends_with()
    story.write("pods/", pod("d", owner=owned("ReplicaSet", "rs")))
    story.ends_with("ReplicaSet shop/rs never wanted more than 2 pods, and makes d beside a, c")


def test_a_pod_of_a_repeated_request_is_nobodys_wish() -> None:
    story = Story(Workloads)
    story.write("apps.replicasets/", thing("rs", spec={"replicas": 2}))
    story.write("pods/", pod("a", owner=owned("ReplicaSet", "rs")))
    story.write("pods/", pod("b", owner=owned("ReplicaSet", "rs")), repeated=True)
    story.write("pods/", pod("c", owner=owned("ReplicaSet", "rs")))  # has not heard of b yet
    story.ends_with()
    story.write("pods/", pod("d", owner=owned("ReplicaSet", "rs")))
    story.ends_with("never wanted more than 2 pods, and makes d beside a, c")


@pytest.mark.parametrize(
    ("size", "lost", "complaint"),
    [
        (2, "", ""),
        (1, "", "must keep 3 pods available; scaling shop/old from 4 to 1 leaves 2 of 5"),
        (1, "node", ""),  # it is not the rollout that takes too many
        (1, "controller", "leaves 2 of 4"),
    ],
)
def test_a_rollout_keeps_enough_available(size: int, lost: str, complaint: str) -> None:
    story = Story(Rollouts, frozenset())
    controller = "system:controller:deployment-controller"
    story.write("apps.deployments/", thing("web", spec={"replicas": 4}))
    for name, replicas in (("old", 4), ("new", 1)):
        rs = thing(name, metadata=owned("Deployment", "web"), spec={"replicas": replicas})
        story.write("apps.replicasets/", rs, user=controller)
        for number in range(replicas):
            one = pod(f"{name}{number}", owner=owned("ReplicaSet", name), status=READY)
            story.write("pods/", one)
    if lost:
        user = "system:controller:replicaset-controller" if lost == "controller" else lost
        story.write("pods/", None, user=user, name="shop/old0")
    rs = thing("old", metadata=owned("Deployment", "web"), spec={"replicas": size})
    story.write("apps.replicasets/", rs, user=controller)
    story.ends_with(*filter(None, [complaint]))


def test_a_rollout_stays_within_its_surge() -> None:
    story = Story(Workloads)
    controller = "system:controller:deployment-controller"
    story.write("apps.deployments/", thing("web", spec={"replicas": 4}))
    for name, replicas in (("old", 4), ("new", 1)):
        rs = thing(name, metadata=owned("Deployment", "web"), spec={"replicas": replicas})
        story.write("apps.replicasets/", rs, user=controller)
    story.ends_with()
    rs = thing("new", metadata=owned("Deployment", "web"), spec={"replicas": 2})
    story.write("apps.replicasets/", rs, user=controller)
    story.ends_with("never wanted more than 5 pods with its surge, and its ReplicaSets want 6")


def test_a_daemon_has_one_pod_on_each_node() -> None:
    story = Story(Workloads)
    for name, where in (("a", "n1"), ("b", "n2"), ("c", "n1")):
        story.write("pods/", pod(name, owner=owned("DaemonSet", "ds"), node=where))
    story.ends_with("DaemonSet shop/ds makes a second pod for node n1, beside shop/a")


def test_a_job_has_one_pod_for_each_index_and_counts_forward() -> None:
    story = Story(Workloads)
    story.write("batch.jobs/", thing("j", spec={"parallelism": 3}, status={"succeeded": 1}))
    index = {"annotations": {"batch.kubernetes.io/job-completion-index": "0"}}
    for name in ("a", "b"):
        story.write("pods/", pod(name, owner=owned("Job", "j"), metadata=index))
    story.write("batch.jobs/", thing("j", spec={"parallelism": 3}, status={}))
    story.ends_with("second pod for index 0, beside shop/a", "succeeded of batch.jobs/shop/j went")


def test_a_cron_job_has_one_job_for_each_time() -> None:
    story = Story(Workloads)
    for name, time in (("a", "10:00"), ("b", "10:01"), ("c", "10:00")):
        annotations = {"batch.kubernetes.io/cronjob-scheduled-timestamp": time}
        metadata = {**owned("CronJob", "c"), "annotations": annotations}
        story.write("batch.jobs/", thing(name, metadata=metadata, spec={}))
    story.ends_with("two Jobs for 10:00: batch.jobs/shop/a, batch.jobs/shop/c")


def test_an_object_has_one_controller() -> None:
    story = Story(Workloads)
    two = [*owned("Job", "a")["ownerReferences"], *owned("Job", "b")["ownerReferences"]]
    story.write("pods/", pod("p", owner={"ownerReferences": two}))
    story.ends_with("pods/shop/p has 2 controllers")


def test_bound_pods_fit_their_node_and_stay_there() -> None:
    story = Story(Nodes)
    story.write("nodes/", node("n1"))
    for name in ("a", "b"):
        story.write("pods/", pod(name, spec=CPU))
        story.write("pods/", pod(name, spec=CPU, node="n1"), f"POST /pods/{name}/binding")
    story.write("pods/", pod("a", spec=CPU, node="n2"))
    story.ends_with(
        "pods/shop/b is bound to n1, where cpu is short: 3 of 4 were taken and it takes 3",
        "pods/shop/a was on node n1 and is now on n2",
    )


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "labels its node selector never matched"),
        ({}, "taints it never tolerated"),
        ({"tolerations": [{"operator": "Exists"}]}, ""),
        ({"tolerations": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}, ""),
    ],
)
def test_bound_pods_suit_their_node(spec: Json, complaint: str) -> None:
    story = Story(Nodes)
    taints = [] if "nodeSelector" in spec else [{"key": "k", "value": "v", "effect": "NoSchedule"}]
    story.write("nodes/", node("n1", taints=taints))
    story.write("pods/", pod("a", spec=spec))
    story.write("pods/", pod("a", spec=spec, node="n1"), "POST /pods/a/binding")
    story.ends_with(*filter(None, [complaint]))


def test_a_phase_does_not_go_back() -> None:
    story = Story(Nodes)
    for phase in ("Pending", "Running", "Succeeded", "Running"):
        story.write("pods/", pod("a", status={"phase": phase}))
    story.ends_with("the phase of pods/shop/a went from Succeeded back to Running")


@pytest.mark.parametrize(("after_seconds", "complaint"), [(50.0, ""), (20.0, "is given up 20 s")])
def test_a_node_is_given_up_when_its_lease_is_old(after_seconds: float, complaint: str) -> None:
    story = Story(Nodes)
    story.write("nodes/", node("n1"))
    story.write("coordination.k8s.io.leases/", thing("n1", "kube-node-lease", spec={}))
    story.now_seconds = after_seconds
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    story.write("nodes/", node("n1", taints=[taint]))
    story.ends_with(*filter(None, [complaint]))


def test_an_address_has_one_holder() -> None:
    story = Story(Addresses)
    story.write("services/", thing("a", spec={"clusterIPs": ["10.96.0.1"]}))
    story.write("pods/", pod("a", status=READY))
    story.write("pods/", pod("a", status={**READY, "phase": "Succeeded"}))
    story.write("pods/", pod("b", status=READY))
    story.write("services/", thing("h", spec={"clusterIPs": ["None"]}))
    story.write("services/", thing("i", spec={"clusterIPs": ["None"]}))
    story.ends_with()
    story.write("services/", thing("b", spec={"clusterIPs": ["10.96.0.1"]}))
    story.write("pods/", pod("c", status=READY))
    story.ends_with("cluster IP 10.96.0.1 is both services/shop/a's", "pod IP 10.0.0.1 is both")


def test_a_volume_has_one_claim() -> None:
    story = Story(Addresses)
    for name in ("a", "b"):
        claim = thing(name, spec={"volumeName": "v"}, status={"phase": "Bound"})
        story.write("persistentvolumeclaims/", claim)
        volume = thing(name, "", spec={"claimRef": {"uid": "u"}}, status={"phase": "Bound"})
        story.write("persistentvolumes/", volume)
    story.ends_with("volume v is both", "claim u is both")


@pytest.mark.parametrize(
    ("after_seconds", "next_holder", "complaint"),
    [(5.0, "b", "went from a to b 5 s after"), (16.0, "b", ""), (5.0, "", ""), (5.0, "a", "")],
)
def test_a_lease_changes_hands_when_it_is_over(
    after_seconds: float, next_holder: str, complaint: str
) -> None:
    story = Story(Leases)
    for holder in ("a", next_holder):
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 15}
        story.write("coordination.k8s.io.leases/", thing("lock", spec=spec))
        story.now_seconds += after_seconds
    story.ends_with(*filter(None, [complaint]))


@pytest.mark.parametrize(
    ("pods", "status", "complaints"),
    [
        (["a", "b"], {"replicas": 2, "readyReplicas": 2, "observedGeneration": 1}, []),
        (["a"], {"replicas": 1, "readyReplicas": 1, "observedGeneration": 1}, ["wants 2 pods"]),
        (["a", "b"], {"replicas": 2, "readyReplicas": 2}, ["generation 1, its status at 0"]),
        (["a", "b"], {"replicas": 2, "observedGeneration": 1}, ["readyReplicas of ReplicaSet"]),
    ],
)
def test_a_replica_set_has_what_it_wants_at_rest(
    pods: Sequence[str], status: Json, complaints: Sequence[str]
) -> None:
    story = Story(Rollouts)
    story.write("namespaces/", NAMESPACE)
    rs = thing("rs", metadata={"generation": 1}, spec={"replicas": 2}, status=status)
    story.write("apps.replicasets/", rs)
    for name in pods:
        story.write("pods/", pod(name, owner=owned("ReplicaSet", "rs"), status=READY))
    story.ends_with(*complaints)


@pytest.mark.parametrize(
    ("status", "paused", "complaints"),
    [
        ({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}, False, []),
        ({"replicas": 1, "updatedReplicas": 0, "availableReplicas": 1}, False, ["updatedReplicas"]),
        ({"replicas": 1, "updatedReplicas": 0, "availableReplicas": 1}, True, []),
    ],
)
def test_a_deployment_is_rolled_out_at_rest(
    status: Json, paused: bool, complaints: Sequence[str]
) -> None:
    story = Story(Rollouts)
    story.write("namespaces/", NAMESPACE)
    story.write(
        "apps.deployments/", thing("web", spec={"replicas": 1, "paused": paused}, status=status)
    )
    found = {"replicas": 1, "readyReplicas": 1}
    rs = thing("rs", metadata=owned("Deployment", "web"), spec={"replicas": 1}, status=found)
    story.write("apps.replicasets/", rs)
    story.write("pods/", pod("a", owner=owned("ReplicaSet", "rs"), status=READY))
    story.ends_with(*complaints)


@pytest.mark.parametrize(
    ("addresses", "complaints"),
    [
        (["10.0.0.1"], []),
        ([], ["is ready, but not in the slices"]),
        (["10.0.0.1", "10.0.0.9"], ["10.0.0.9 is in the slices of Service shop/s, and is no"]),
        (["10.0.0.1", "10.0.0.1"], ["is 2 times in the slices"]),
    ],
)
def test_slices_hold_the_ready_pods(addresses: Sequence[str], complaints: Sequence[str]) -> None:
    story = Story(Endpoints, EVERYTHING - {"endpoint-controller"})
    story.write("namespaces/", NAMESPACE)
    story.write("services/", thing("s", spec={"selector": {"app": "web"}}))
    story.write("pods/", pod("a", metadata={"labels": {"app": "web"}}, status=READY))
    for number, address in enumerate(addresses):
        labels = {
            "kubernetes.io/service-name": "s",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        one = thing(
            f"s-{number}", metadata={"labels": labels}, endpoints=[{"addresses": [address]}]
        )
        story.write("discovery.k8s.io.endpointslices/", one)
    story.ends_with(*complaints)


@pytest.mark.parametrize(("ip", "complaints"), [("10.0.0.1", 0), ("10.0.0.2", 2)])
def test_endpoints_hold_the_ready_pods(ip: str, complaints: int) -> None:
    story = Story(Endpoints, frozenset({"endpoint-controller"}))
    story.write("namespaces/", NAMESPACE)
    story.write("services/", thing("s", spec={"selector": {"app": "web"}}))
    story.write("pods/", pod("a", metadata={"labels": {"app": "web"}}, status=READY))
    story.write("endpoints/", thing("s", subsets=[{"addresses": [{"ip": ip}]}]))
    story.ends_with(*["Endpoints of Service shop/s"] * complaints)


@pytest.mark.parametrize(
    ("spec", "taken", "complaints"),
    [
        (CPU, False, ["shop/a fits n1, and is not bound"]),
        (CPU, True, []),
        ({**CPU, "schedulingGates": [{"name": "g"}]}, False, []),
        ({**CPU, "nodeSelector": {"disk": "ssd"}}, False, []),
        ({**CPU, "schedulerName": "mine"}, False, []),
    ],
)
def test_a_pod_that_fits_is_bound_at_rest(
    spec: Json, taken: bool, complaints: Sequence[str]
) -> None:
    story = Story(Scheduling)
    story.write("nodes/", node("n1"))
    story.write("pods/", pod("a", spec=spec))
    if taken:
        story.write("pods/", pod("b", spec=CPU, node="n1", status=READY))
    story.ends_with(*complaints)


def test_a_bound_pod_is_taken_up_at_rest() -> None:
    story = Story(Scheduling)
    story.write("nodes/", node("n1"))
    story.write("pods/", pod("a", node="n1"))
    story.write("pods/", pod("b", node="n1", status=READY))
    story.ends_with("shop/a is on n1, whose kubelet does not take it up")


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({one.name for one in CHECKS}) == len(CHECKS)


QUOTA = thing("q", spec={"hard": {"pods": "1"}}, status={"hard": {"pods": "1"}})


def test_nothing_is_made_beyond_a_quota() -> None:
    story = Story(Quotas, frozenset())
    story.write("pods/", pod("before"))
    story.write("resourcequotas/", QUOTA)
    story.ends_with()
    story.write("pods/", pod("other", metadata={"namespace": "away"}))
    story.ends_with()
    story.write("pods/", pod("beyond"))
    story.ends_with("quota shop/q allows 1 of pods, and with pods/shop/beyond there is 2")


@pytest.mark.parametrize(
    ("used", "complaint"), [("1", ""), ("0", "says that 0 of pods is used, and there is 1")]
)
def test_a_quota_tells_what_there_is_at_rest(used: str, complaint: str) -> None:
    story = Story(Quotas)
    status = {"hard": {"pods": "1"}, "used": {"pods": used}}
    story.write("pods/", pod("a"))
    story.write("resourcequotas/", {**QUOTA, "status": status})
    story.ends_with(*filter(None, [complaint]))


def policed(story: Story) -> None:
    """A policy is in force, and has been for a while."""
    rule = {
        "operations": ["CREATE", "UPDATE"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["configmaps"],
    }
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "size(object.data) < 2"}],
    }
    group = "admissionregistration.k8s.io"
    story.write(f"{group}.validatingadmissionpolicies/", thing("few", "", spec=spec))
    bound = {"policyName": "few", "validationActions": ["Deny"]}
    story.write(f"{group}.validatingadmissionpolicybindings/", thing("b", "", spec=bound))


MAPS = "/api/v1/namespaces/shop/configmaps"


@pytest.mark.parametrize(
    ("after_seconds", "request_", "complaint"),
    [
        (100.0, f"POST {MAPS}", "configmaps/shop/m was written, and few says that size(object"),
        (100.0, f"PATCH {MAPS}/m", "configmaps/shop/m was written"),
        (100.0, f"DELETE {MAPS}/m", ""),
        (1.0, f"POST {MAPS}", ""),
    ],
)
def test_policies_in_force_hold(after_seconds: float, request_: str, complaint: str) -> None:
    story = Story(Policies)
    policed(story)
    story.now_seconds = after_seconds
    story.write("configmaps/", thing("good", data={"a": "1"}), f"POST {MAPS}")
    story.write("configmaps/", thing("m", data={"a": "1", "b": "2"}), request_)
    story.ends_with(*filter(None, [complaint]))
