"""Identities and members, broken and held."""

from typing import Any

from k8slite.sim.checks.identities import Identities
from k8slite.sim.checks.members import Members
from tests.simulation.test_checks import EVERYTHING, Story, owned, pod, thing

Json = dict[str, Any]

SETS = "apps.statefulsets/"
DAEMONS = "apps.daemonsets/"
PODS = "pods/"
CONTROLLER = "system:controller:statefulset-controller"
DAEMON_CONTROLLER = "system:controller:daemonset-controller"
RUNNING = EVERYTHING | {"statefulset-controller", "daemonset-controller"}
OWNER = owned("StatefulSet", "db")
READY: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def stateful_set(replicas: int, generation: int = 1, observed: int = 0, **spec: Any) -> Json:
    return thing(
        "db",
        metadata={"generation": generation},
        spec={"replicas": replicas, "template": {}, **spec},
        status={"observedGeneration": observed},
    )


def member(ordinal: int, *, ready: bool = True, leaves: bool = False, **fields: Any) -> Json:
    metadata: Json = {"labels": {"controller-revision-hash": "db-1"}}
    if leaves:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = READY if ready else {"phase": "Pending"}
    found = pod(f"db-{ordinal}", owner=OWNER, node="n", metadata=metadata, status=status)
    return {**found, **fields}


def ordered(*ordinals: int, replicas: int, **spec: Any) -> Story:
    story = Story(Identities)
    story.write(SETS, stateful_set(replicas, **spec))
    for ordinal in ordinals:
        story.write(PODS, member(ordinal, ready=False), user=CONTROLLER)
        story.write(PODS, member(ordinal))
    return story


def test_ordered_pods_are_made_when_those_before_are_ready() -> None:
    story = ordered(0, replicas=3)
    story.write(PODS, member(1, ready=False), user=CONTROLLER)
    story.write(PODS, member(2, ready=False), user=CONTROLLER)
    story.ends_with("pods/shop/db-2 is made before the pods [1]")


def test_parallel_pods_need_not_wait() -> None:
    story = Story(Identities)
    story.write(SETS, stateful_set(2, podManagementPolicy="Parallel"))
    for ordinal in (1, 0):
        story.write(PODS, member(ordinal, ready=False), user=CONTROLLER)
    story.ends_with()


def test_a_set_may_begin_anywhere() -> None:
    ordered(5, 6, replicas=2, ordinals={"start": 5}).ends_with()


def test_a_version_that_may_still_be_seen_excuses() -> None:
    story = Story(Identities)
    story.write(SETS, stateful_set(1, ordinals={"start": 5}))
    story.write(SETS, stateful_set(2, generation=2, ordinals={"start": 4}))
    story.write(PODS, member(5, ready=False), user=CONTROLLER)
    story.ends_with()
    story.write(SETS, stateful_set(2, 2, observed=2, ordinals={"start": 4}))
    story.write(PODS, member(5, ready=False), name="shop/db-5")
    story.write(PODS, None, name="shop/db-5")
    story.write(PODS, member(5, ready=False), user=CONTROLLER)
    story.ends_with("db-5 is made before the pods [4]")


def test_ordered_pods_go_from_the_end() -> None:
    story = ordered(0, 1, 2, replicas=3)
    story.write(SETS, stateful_set(1, generation=2, observed=2))
    story.write(PODS, member(1, leaves=True), user=CONTROLLER)
    story.ends_with("pods/shop/db-1 is taken away before shop/db-2")


def test_a_rollout_may_take_any_pod() -> None:
    story = ordered(0, 1, 2, replicas=3)
    story.write(PODS, member(1, leaves=True), user=CONTROLLER)
    story.ends_with()


def test_no_member_is_taken_away_at_once() -> None:
    story = ordered(0, replicas=1)
    story.write(PODS, None, name="shop/db-0", user=CONTROLLER)
    story.ends_with("shop/db-0 is taken away at once, while it may run on n")


def test_no_kubelet_forgets_a_member_that_runs() -> None:
    story = ordered(0, 1, replicas=2)
    setting = story.check._setting  # type: ignore[attr-defined]
    setting.runs = lambda pod_uid: pod_uid == "uid-db-1"
    for name in ("shop/db-0", "shop/db-1"):
        story.write(PODS, None, name=name, user="system:kubelet")
    story.ends_with("the kubelet has let go of shop/db-1, whose containers run")


def daemon(name: str, node: str, *, leaves: bool = False, hashed: str = "1") -> Json:
    metadata: Json = {"labels": {"controller-revision-hash": hashed}}
    if leaves:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    owner = owned("DaemonSet", "agent")
    return pod(name, owner=owner, node=node, metadata=metadata, status=READY)


def daemon_set(surge: int = 0, **fields: Any) -> Json:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}}
    template = {"spec": {"containers": []}}
    return thing(
        "agent",
        metadata={"generation": 1},
        spec={"updateStrategy": strategy, "template": template},
        **fields,
    )


def test_one_daemon_pod_on_a_node_even_while_one_leaves() -> None:
    story = Story(Identities)
    story.write(DAEMONS, daemon_set())
    story.write(PODS, daemon("a", "n", leaves=True), user=DAEMON_CONTROLLER)
    story.write(PODS, daemon("b", "m"), user=DAEMON_CONTROLLER)
    story.ends_with()
    story.write(PODS, daemon("c", "n"), user=DAEMON_CONTROLLER)
    story.ends_with("DaemonSet agent makes shop/c for n beside shop/a")


def test_two_daemon_pods_on_a_node_in_a_surge() -> None:
    story = Story(Identities)
    story.write(DAEMONS, daemon_set(surge=1))
    for name in "ab":
        story.write(PODS, daemon(name, "n", hashed=name), user=DAEMON_CONTROLLER)
    story.ends_with()
    story.write(PODS, daemon("c", "n"), user=DAEMON_CONTROLLER)
    story.ends_with("DaemonSet agent makes shop/c for n beside shop/b")


def resting(*, revision: str = "db-1", extra: Json | None = None, newest: int = 1) -> Story:
    story = Story(Members, RUNNING)
    story.write("namespaces/", thing("shop", namespace=""))
    status = {
        "observedGeneration": 1,
        "replicas": 2,
        "readyReplicas": 2,
        "updateRevision": revision,
        "currentRevision": revision,
    }
    strategy = {"type": "RollingUpdate"}
    found = stateful_set(2, updateStrategy=strategy)
    story.write(SETS, {**found, "status": status})
    for number in range(1, newest + 1):
        data = {"spec": {"template": {"$patch": "replace", **(extra or {})}}}
        revised = thing(f"db-{number}", metadata=OWNER, data=data, revision=number)
        story.write("apps.controllerrevisions/", revised)
    for ordinal in range(2):
        story.write(PODS, member(ordinal))
    return story


def test_all_members_are_there() -> None:
    resting().ends_with()
    story = resting()
    story.write(PODS, None, name="shop/db-1")
    story.ends_with(
        "replicas of StatefulSet shop/db is 2, and it has 1",
        "readyReplicas of StatefulSet shop/db is 2, and it has 1",
        "wants the pods ['db-0', 'db-1'] and has ['db-0']",
    )


def test_members_are_of_the_newest_revision() -> None:
    resting(extra={"spec": {}}).ends_with("db is at revision db-1, which holds another template")
    resting(newest=2).ends_with("is at revision db-1, and shop/db-2 is newer")
    resting(revision="db-2", newest=2).ends_with(
        "shop/db-0 is of revision db-1, not db-2", "shop/db-1 is of revision db-1, not db-2"
    )


def daemons(*pods: Json, nodes: int = 2, ready: int = 2) -> Story:
    story = Story(Members, RUNNING)
    story.write("namespaces/", thing("shop", namespace=""))
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "numberReady": ready}
    story.write(DAEMONS, daemon_set(status=status))
    for number in range(nodes):
        story.write("nodes/", thing(f"n{number}", namespace="", spec={}))
    for number in (1, 2):
        data = {"spec": {"template": {"spec": {"containers": []}}}}
        metadata = owned("DaemonSet", "agent")
        revised = thing(f"agent-{number}", metadata=metadata, data=data, revision=1)
        story.write("apps.controllerrevisions/", revised)
    for one in pods:
        story.write(PODS, one)
    return story


def test_a_daemon_pod_is_on_every_node() -> None:
    daemons(daemon("a", "n0"), daemon("b", "n1")).ends_with()
    daemons(daemon("a", "n0"), ready=1).ends_with(
        "agent wants pods on ['n0', 'n1'] and has them on ['n0']"
    )
    daemons(daemon("a", "n0"), daemon("b", "n1", hashed="2")).ends_with(
        "agent has pods of several revisions: ['1', '2']"
    )
