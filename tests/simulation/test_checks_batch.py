"""The invariants of Jobs and autoscalers, broken and held."""

from typing import Any

from k8slite.sim.checks.autoscalers import Autoscalers
from k8slite.sim.checks.jobs import Jobs
from tests.simulation.test_checks import EVERYTHING, Story, owned, thing

Json = dict[str, Any]

RUNNING = EVERYTHING | {"job-controller"}
INDEX = "batch.kubernetes.io/job-completion-index"


def pod(name: str, phase: str, *, tracked: bool = True, index: str = "") -> Json:
    metadata: Json = owned("Job", "j")
    if tracked:
        metadata["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    if index:
        metadata["annotations"] = {INDEX: index}
    return thing(name, metadata=metadata, status={"phase": phase})


def job(status: Json, **spec: Any) -> Json:
    return thing("j", spec=spec, status=status)


def test_each_pod_is_counted_once() -> None:
    story = Story(Jobs, RUNNING)
    for name, phase in (("a", "Succeeded"), ("b", "Failed"), ("c", "Succeeded")):
        story.write("pods/", pod(name, phase))
    uncounted = {"succeeded": ["uid-c"]}
    story.write(
        "batch.jobs/", job({"succeeded": 1, "failed": 1, "uncountedTerminatedPods": uncounted})
    )
    story.write("batch.jobs/", job({"succeeded": 2, "failed": 1}))
    story.ends_with()
    story.write("batch.jobs/", job({"succeeded": 2, "failed": 2}))
    story.ends_with("counts 2 failures of 1 pods")
    story.write("batch.jobs/", job({"succeeded": 3, "failed": 1}))
    story.ends_with("counts 2 failures of 1 pods", "counts 3 successes of 2 pods")


def test_a_pod_that_ended_is_owed() -> None:
    story = Story(Jobs, RUNNING)
    story.write("pods/", pod("a", "Succeeded"))
    story.write("pods/", pod("b", "Failed"))
    story.write("pods/", pod("c", "Failed", tracked=False))
    story.write("batch.jobs/", job({}))
    story.ends_with("counts 0 of 1 successes", "counts 0 of 2 pods that ended")
    story.write("batch.jobs/", job({"succeeded": 1}))
    story.ends_with("counts 1 of 2 pods that ended")


def test_indexes_are_those_of_pods() -> None:
    story = Story(Jobs, RUNNING)
    spec: Json = {"completionMode": "Indexed", "completions": 4}
    for index in ("0", "1", "9"):
        story.write("pods/", pod(f"p{index}", "Succeeded", index=index))
    story.write("batch.jobs/", job({"succeeded": 1, "completedIndexes": "0"}, **spec))
    story.ends_with("pods of the indexes [1] of batch.jobs/shop/j succeeded")
    story.write("batch.jobs/", job({"succeeded": 2, "completedIndexes": "0,1"}, **spec))
    story.ends_with()
    story.write("batch.jobs/", job({"succeeded": 2, "completedIndexes": "0-2"}, **spec))
    story.ends_with("the indexes [2] completed, of which no pod succeeded", "says succeeded 2 of 3")


def test_what_ends_after_the_job_is_over_is_not_owed() -> None:
    story = Story(Jobs, RUNNING)
    over = {"conditions": [{"type": "Failed", "status": "True"}]}
    story.write("batch.jobs/", job(over))
    story.write("pods/", pod("a", "Succeeded"))
    story.ends_with()


def test_autoscalers_keep_to_their_limits() -> None:
    story = Story(Autoscalers)
    user = "system:controller:horizontal-pod-autoscaler-controller"
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}
    story.write("autoscaling.horizontalpodautoscalers/", thing("a", spec=spec))
    for replicas in (5, 2):
        web = thing("web", spec={"replicas": replicas})
        story.write("apps.deployments/", web, user=user)
    story.write("apps.deployments/", thing("web", spec={"replicas": 9}), user="somebody")
    story.ends_with()
    story.write("apps.deployments/", thing("web", spec={"replicas": 6}), user=user)
    story.write("apps.deployments/", thing("other", spec={"replicas": 1}), user=user)
    story.ends_with("an autoscaler that allows 2 to 5", "no autoscaler ever named it")
