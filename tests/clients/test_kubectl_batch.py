"""kubectl with Jobs, CronJobs, and what pods and nodes use."""

from __future__ import annotations

import json

from tests.clients.cluster import Kubectl, deployment, eventually

CRON_JOB = (
    *("create", "cronjob", "nightly", "--image=busybox", "--schedule=0 3 * * *"),
    *("--", "date"),
)


def test_a_job_is_waited_for(kubectl: Kubectl) -> None:
    done = kubectl("create", "job", "hello", "--image=busybox", "--", "echo", "hello")
    assert done.lines == ["job.batch/hello created"]
    told = kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=90s").lines
    assert told == ["job.batch/hello condition met"]
    [_, row] = kubectl("get", "jobs").rows
    assert row[:3] == ["hello", "Complete", "1/1"]
    described = kubectl("describe", "job", "hello").out
    assert "0 Active (0 Ready) / 1 Succeeded / 0 Failed" in described
    assert "Job completed" in described
    [_, pod] = kubectl("get", "pods", "-l", "job-name=hello").rows
    assert pod[1:3] == ["0/1", "Completed"]


def test_a_job_from_a_cron_job(kubectl: Kubectl) -> None:
    kubectl(*CRON_JOB)
    done = kubectl("create", "job", "now", "--from=cronjob/nightly")
    assert done.lines == ["job.batch/now created"]
    kubectl("wait", "--for=condition=complete", "job/now", "--timeout=90s")
    job = kubectl("get", "job", "now", "-o", "json").json
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    [_, row] = kubectl("get", "cronjobs").rows
    assert row[:3] == ["nightly", "0 3 * * *", "<none>"]
    kubectl("delete", "cronjob", "nightly")
    eventually(lambda: "now" not in kubectl("get", "jobs", "-o", "name").out)


def test_what_pods_and_nodes_use(kubectl: Kubectl) -> None:
    annotations = {"k8slite.dev/cpu-usage": "250m", "k8slite.dev/memory-usage": "64Mi"}
    override = json.dumps({"metadata": {"annotations": annotations}})
    kubectl("run", "busy", "--image=nginx", "--overrides", override)
    kubectl("wait", "--for=condition=ready", "pod/busy", "--timeout=90s")
    assert kubectl("top", "pods").rows == [
        ["NAME", "CPU(cores)", "MEMORY(bytes)"],
        ["busy", "250m", "64Mi"],
    ]
    [head, *rows] = kubectl("top", "nodes").rows
    assert head[:2] == ["NAME", "CPU(cores)"]
    assert all(row[1].endswith("m") for row in rows) and rows


def test_autoscale(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=1))
    kubectl.rolled_out("web")
    done = kubectl("autoscale", "deployment", "web", "--min=2", "--max=5", "--cpu=80%")
    assert done.lines == ["horizontalpodautoscaler.autoscaling/web autoscaled"]
    path = "jsonpath={.spec.replicas}"
    eventually(lambda: kubectl("get", "deployment", "web", "-o", path).out == "2")
    [_, row] = kubectl("get", "hpa").rows
    assert row[:2] == ["web", "Deployment/web"]
    assert "New size: 2; reason: Current number of replicas below Spec.MinReplicas" in (
        kubectl("describe", "hpa", "web").out
    )
