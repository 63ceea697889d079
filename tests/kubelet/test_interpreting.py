"""Pods whose containers run the commands that are written in them."""

from __future__ import annotations

import trio

from k8slite.client.resource import PODS
from tests.kubelet.fleet import NAMESPACE, container, settle
from tests.kubelet.test_logs import text


def shell(script, **more):
    return [container("c", command=["sh", "-c", script], **more)]


async def log_of(scene, pod):
    return (await text(scene, pod))[1]


async def test_a_container_ends_as_its_command_does(autojump_clock, scene):
    await scene.create("job", containers=shell("echo hi; sleep 5; exit 3"), restartPolicy="Never")
    assert scene.phase("job") == "Running" and scene.ready("job")
    await trio.sleep(5.1)
    await settle()
    assert scene.phase("job") == "Failed"
    assert scene.container("job")["state"]["terminated"]["exitCode"] == 3
    assert await log_of(scene, "job") == "hi\n"


async def test_arguments_alone_are_a_command_that_is_known(autojump_clock, scene):
    await scene.create(
        "job", containers=[container("c", args=["echo", "a"])], restartPolicy="Never"
    )
    assert scene.phase("job") == "Succeeded" and await log_of(scene, "job") == "a\n"
    await scene.create("web", containers=[container("c", image="web", args=["--port=80"])])
    assert scene.phase("web") == "Running"


async def test_what_is_not_all_known_runs_for_ever(autojump_clock, scene):
    await scene.create("web", containers=shell("echo begins; exec java -jar app.jar"))
    await trio.sleep(1000)
    assert scene.ready("web") and scene.container("web")["restartCount"] == 0


async def test_annotations_say_more_than_a_command(autojump_clock, scene):
    says = {"k8slite.dev/exit-code": "7"}
    await scene.create("job", says, containers=shell("exit 0"), restartPolicy="Never")
    assert scene.container("job")["state"]["terminated"]["exitCode"] == 7


async def test_variables_stand_in_commands_as_a_kubelet_puts_them_there(autojump_clock, scene):
    env = [{"name": "WHO", "value": "you"}]
    echo = [container("c", command=["echo"], args=["$(WHO) $$(WHO) $(NONE)"], env=env)]
    await scene.create("job", containers=echo, restartPolicy="Never")
    assert await log_of(scene, "job") == "you $(WHO) $(NONE)\n"


async def test_an_exec_probe_finds_the_files_of_its_container(autojump_clock, scene):
    probe = {"exec": {"command": ["cat", "/tmp/health"]}, "periodSeconds": 1, "failureThreshold": 1}
    script = "echo ok > /tmp/health; sleep 10; rm /tmp/health; sleep 600"
    await scene.create(
        "web", containers=shell(script, livenessProbe={**probe, "timeoutSeconds": 1})
    )
    await trio.sleep(9)
    assert scene.container("web")["restartCount"] == 0
    await trio.sleep(10)
    assert scene.container("web")["restartCount"] == 1
    assert any(one.startswith("Unhealthy: Liveness probe failed") for one in scene.events("web"))


async def test_a_readiness_probe_waits_for_what_a_command_does(autojump_clock, scene):
    probe = {"exec": {"command": ["test", "-f", "/ready"]}, "periodSeconds": 1, "timeoutSeconds": 1}
    script = "sleep 5; touch /ready; sleep infinity"
    await scene.create("web", containers=shell(script, readinessProbe=probe))
    await trio.sleep(4)
    assert not scene.ready("web")
    await trio.sleep(3)
    assert scene.ready("web")


async def test_sigterm_ends_a_command_at_once(autojump_clock, scene):
    await scene.create("web", containers=shell("sleep 3600"), metadata={"finalizers": ["a/b"]})
    await scene.delete("web")
    assert scene.container("web")["state"]["terminated"]["exitCode"] == 143


async def test_a_trap_has_the_grace_period(autojump_clock, scene):
    script = "trap 'echo bye; sleep 3; exit 7' TERM; echo hi; while true; do sleep 1; done"
    keep = {"finalizers": ["a/b"]}
    await scene.create("web", containers=shell(script), metadata=keep)
    await scene.delete("web", gracePeriodSeconds=10)
    await trio.sleep(4)
    assert scene.container("web")["state"]["terminated"]["exitCode"] == 7
    stubborn = "trap 'sleep 60' TERM; sleep 3600"
    await scene.create("late", containers=shell(stubborn), metadata=keep)
    await scene.delete("late", gracePeriodSeconds=10)
    await trio.sleep(11)
    assert scene.container("late")["state"]["terminated"]["exitCode"] == 137


async def test_a_container_goes_when_what_it_does_before_is_done(autojump_clock, scene):
    async def gone_after(name, hook, **options):
        began = trio.current_time()
        containers = [container("c", lifecycle={"preStop": hook})]
        await scene.create(name, containers=containers, terminationGracePeriodSeconds=20)
        await scene.delete(name, **options)
        while scene.pod(name) is not None:
            await scene.api.changed.wait()
        return trio.current_time() - began

    assert 5 <= await gone_after("a", {"sleep": {"seconds": 5}}) < 6
    assert 3 <= await gone_after("b", {"exec": {"command": ["sh", "-c", "sleep 3"]}}) < 4
    assert await gone_after("c", {"sleep": {"seconds": 5}}, gracePeriodSeconds=0) < 1
    assert 20 <= await gone_after("d", {"sleep": {"seconds": 60}}) < 23


async def test_a_command_is_who_its_security_context_says(autojump_clock, scene):
    named = {"securityContext": {"runAsUser": 65534, "readOnlyRootFilesystem": True}}
    volumes = [{"name": "v", "emptyDir": {}}]
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    script = "id -u; id -g; echo a > /file || echo refused; echo b > /v/file; cat /v/file"
    await scene.create(
        "p",
        containers=shell(script, **named, **mounts),
        volumes=volumes,
        securityContext={"runAsUser": 7, "runAsGroup": 8},
        restartPolicy="Never",
    )
    await trio.sleep(1)
    refused = "sh: can't create /file: Read-only file system"
    assert (await log_of(scene, "p")).split("\n") == ["65534", "8", refused, "refused", "b", ""]


async def test_a_container_finds_hosts_and_settings_of_its_pod(autojump_clock, scene):
    await scene.create(
        "p",
        containers=shell("tail -1 /etc/hosts; sysctl kernel.shm_rmid_forced; hostname"),
        hostAliases=[{"ip": "192.0.2.7", "hostnames": ["foo", "bar"]}],
        securityContext={"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]},
        hostname="other",
        restartPolicy="Never",
    )
    await trio.sleep(1)
    expected = "192.0.2.7\tfoo\tbar\nkernel.shm_rmid_forced = 1\nother\n"
    assert await log_of(scene, "p") == expected


def hooked(hook, script="sleep 3600", **more):
    return shell(script, lifecycle={"postStart": hook}, **more)


def running(script):
    return {"exec": {"command": ["sh", "-c", script]}}


async def test_a_container_counts_as_started_when_its_hook_has_ended(autojump_clock, scene):
    hook = running("sleep 5; echo ok > /tmp/hooked")
    probe = {"exec": {"command": ["cat", "/tmp/hooked"]}, "failureThreshold": 1}
    second = container("second", command=["sh", "-c", "sleep 3600"])
    await scene.create("p", containers=[*hooked(hook, livenessProbe=probe), second])
    await trio.sleep(4)
    for name in ("c", "second"):  # those after it wait
        assert scene.container("p", name)["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert scene.phase("p") == "Pending"
    assert [one.partition(":")[0] for one in scene.events("p")] == ["Pulled", "Created", "Started"]
    await trio.sleep(2)
    assert scene.ready("p") and scene.container("p")["started"]
    assert "running" in scene.container("p", "second")["state"]
    await trio.sleep(60)
    assert scene.container("p")["restartCount"] == 0


async def test_a_container_whose_hook_fails_is_killed(autojump_clock, scene):
    await scene.create("p", containers=hooked(running("exit 3")), restartPolicy="Never")
    await trio.sleep(1)
    assert scene.container("p")["state"]["terminated"]["exitCode"] == 143
    assert scene.events("p")[-2:] == [
        "FailedPostStartHook: PostStartHook failed",
        "Killing: FailedPostStartHook",
    ]
    assert scene.phase("p") == "Failed"


async def test_a_hook_is_called_again_when_its_container_is(autojump_clock, scene):
    await scene.create("p", containers=hooked(running("exit 3")))
    await trio.sleep(1)
    found = scene.container("p")
    assert found["state"]["waiting"]["reason"] == "CrashLoopBackOff" and not found["ready"]
    assert found["lastState"]["terminated"]["exitCode"] == 143
    await trio.sleep(60)
    told = [one for one in scene.events("p") if one.startswith("FailedPostStartHook")]
    assert scene.container("p")["restartCount"] >= 2
    assert len(told) == 1  # one Event that counts


async def test_a_hook_ends_with_its_container(autojump_clock, scene):
    hook = {"sleep": {"seconds": 600}}
    await scene.create("short", containers=hooked(hook, "sleep 3; exit 7"), restartPolicy="Never")
    await trio.sleep(4)
    assert scene.container("short")["state"]["terminated"]["exitCode"] == 7
    await scene.create("deleted", containers=hooked(hook))
    await scene.delete("deleted")
    await trio.sleep(2)
    assert scene.pod("deleted") is None
    assert "Killing: Stopping container c" in scene.events("deleted")


async def test_a_container_that_plays_a_script_from_now_on_has_started(autojump_clock, scene):
    await scene.create("p", containers=hooked({"sleep": {"seconds": 600}}))
    await trio.sleep(1)
    assert scene.phase("p") == "Pending"
    says = {"metadata": {"annotations": {"k8slite.dev/exit-code": "never"}}}
    await scene.client.patch(PODS, "p", says, NAMESPACE)
    await trio.sleep(1)
    assert scene.ready("p")


async def test_a_hook_that_nobody_knows_succeeds(autojump_clock, scene):
    hook = {"exec": {"command": ["/opt/warm-up"]}}
    await scene.create("known", containers=hooked(hook))
    await scene.create("unknown", containers=[container("c", lifecycle={"postStart": hook})])
    await trio.sleep(1)
    assert scene.ready("known") and scene.ready("unknown")
