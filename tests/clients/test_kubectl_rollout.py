"""kubectl rollout, set, scale: a deployment's life."""

from __future__ import annotations

from tests.clients.cluster import Kubectl, deployment, eventually

SERVICE_ACCOUNT = '{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "builder"}}'


def images(kubectl: Kubectl) -> list[str]:
    """The images of the pods that are not on their way out."""
    path = (
        "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}"
        "{{(index .spec.containers 0).image}} {{end}}{{end}}"
    )
    return kubectl("get", "pods", "-l", "app=web", "-o", path).out.split()


def test_a_new_image_is_rolled_out(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=3))
    kubectl.rolled_out("web")
    done = kubectl("set", "image", "deployment/web", "web=nginx:1.30")
    assert done.lines == ["deployment.apps/web image updated"]
    told = kubectl("rollout", "status", "deployment/web", "--timeout=90s").lines
    assert told[-1] == 'deployment "web" successfully rolled out'
    assert all(line.startswith("Waiting for deployment ") for line in told[:-1])
    assert images(kubectl) == ["nginx:1.30"] * 3
    assert kubectl("rollout", "history", "deployment/web").lines == [
        "deployment.apps/web",
        "REVISION  CHANGE-CAUSE",
        "1         <none>",
        "2         <none>",
        "",
    ]
    one = kubectl("rollout", "history", "deployment/web", "--revision=1").out
    assert one.startswith("deployment.apps/web with revision #1\nPod Template:\n")
    assert "Image:\tnginx:1.29\n" in one and "pod-template-hash=" in one


def test_undo(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment("web"))
    kubectl.rolled_out("web")
    for tag in ("1.30", "1.31"):
        kubectl("set", "image", "deployment/web", f"web=nginx:{tag}")
        kubectl("annotate", "deployment/web", "--overwrite", f"kubernetes.io/change-cause={tag}")
        kubectl.rolled_out("web")
    assert kubectl("rollout", "undo", "deployment/web").lines == ["deployment.apps/web rolled back"]
    kubectl.rolled_out("web")
    assert images(kubectl) == ["nginx:1.30"]
    kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    kubectl.rolled_out("web")
    assert images(kubectl) == ["nginx:1.29"]
    rows = [line.split() for line in kubectl("rollout", "history", "deployment/web").lines[2:5]]
    assert [row[0] for row in rows] == ["3", "4", "5"]
    assert kubectl.refused("rollout", "undo", "deployment/web", "--to-revision=99") == (
        "error: unable to find specified revision 99 in history"
    )


def test_undo_warns_of_what_was_applied(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    kubectl("set", "image", "deployment/web", "web=nginx:1.30")
    kubectl.rolled_out("web")
    done = kubectl("rollout", "undo", "deployment/web")
    assert done.err.startswith("Warning: resource deployments/web was previously managed with ")


def test_pause_and_resume(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    done = kubectl("rollout", "pause", "deployment/web")
    assert done.lines == ["deployment.apps/web paused"]
    assert kubectl.refused("rollout", "pause", "deployment/web") == (
        'error: deployments.apps "web" is already paused'
    )
    kubectl("set", "image", "deployment/web", "web=nginx:1.30")
    kubectl("set", "env", "deployment/web", "COLOUR=red")
    generation = "jsonpath={.metadata.generation} {.status.observedGeneration}"
    eventually(
        lambda: kubectl("get", "deployment", "web", "-o", generation).out.split(),
        wanted=lambda seen: seen[0] == seen[1],
    )
    assert images(kubectl) == ["nginx:1.29"]
    paused = kubectl("get", "deployment", "web", "-o", "jsonpath={.status.conditions[*].reason}")
    assert "DeploymentPaused" in paused.out
    assert "you cannot rollback a paused deployment" in kubectl.refused(
        "rollout", "undo", "deployment/web", "--to-revision=1"
    )
    done = kubectl("rollout", "resume", "deployment/web")
    assert done.lines == ["deployment.apps/web resumed"]
    kubectl.rolled_out("web")
    assert images(kubectl) == ["nginx:1.30"]
    assert len(kubectl("rollout", "history", "deployment/web").lines) == 5


def test_restart(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    before = kubectl("get", "pods", "-o", "name").lines
    done = kubectl("rollout", "restart", "deployment/web")
    assert done.lines == ["deployment.apps/web restarted"]
    kubectl.rolled_out("web")
    after = eventually(
        lambda: kubectl("get", "pods", "-o", "name").lines, wanted=lambda seen: len(seen) == 1
    )
    assert after != before


def test_a_rollout_that_does_not_go_on(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    patch = (
        '{"spec": {"progressDeadlineSeconds": 1, "minReadySeconds": 0, "template": {"metadata": '
        '{"annotations": {"k8slite.dev/pull-error": ""}}}}}'
    )
    kubectl("patch", "deployment", "web", "-p", patch)
    message = kubectl.refused("rollout", "status", "deployment/web", "--timeout=90s")
    assert message == 'error: deployment "web" exceeded its progress deadline'
    state = eventually(
        lambda: [row[2] for row in kubectl("get", "pods", "--no-headers").rows],
        wanted=lambda seen: "ImagePullBackOff" in seen or "ErrImagePull" in seen,
    )
    assert "Running" in state
    kubectl("rollout", "undo", "deployment/web")
    # Until the first pod has gone or come, the condition still says that the time is over.
    status = ("rollout", "status", "deployment/web", "--timeout=90s")
    eventually(lambda: kubectl.attempt(*status).code == 0)


def test_scale(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    done = kubectl("scale", "deployment", "web", "--replicas=3")
    assert done.lines == ["deployment.apps/web scaled"]
    kubectl.rolled_out("web")
    assert len(images(kubectl)) == 3
    assert kubectl.refused(
        "scale", "deployment", "web", "--replicas=1", "--current-replicas=2"
    ) == ("error: Expected replicas to be 2, was 3")
    kubectl("scale", "--replicas=0", "deployment/web")
    eventually(lambda: kubectl("get", "pods", "-o", "name").out == "")
    assert kubectl("get", "deployment", "web").rows[1][1:4] == ["0/0", "0", "0"]


def test_set(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl("create", "-f", "-", given=SERVICE_ACCOUNT)
    for arguments, told in (
        (("env", "deployment/web", "COLOUR=red", "SIZE=1"), "env updated"),
        (("env", "deployment/web", "SIZE-"), "env updated"),
        (("resources", "deployment/web", "--limits=cpu=1"), "resource requirements updated"),
        (("serviceaccount", "deployment/web", "builder"), "serviceaccount updated"),
    ):
        assert kubectl("set", *arguments).lines == [f"deployment.apps/web {told}"]
    listed = kubectl("set", "env", "deployment/web", "--list").lines
    assert listed == ["# Deployment web, container web", "COLOUR=red"]
    spec = kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec}").json
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "builder"
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert kubectl.refused("set", "image", "deployment/web", "other=x") == (
        'error: unable to find container named "other"'
    )
