"""What containers find in their variables and volumes, and pods that wait for it."""

from __future__ import annotations

import base64

import trio

from k8slite.client.resource import CONFIG_MAPS, SECRETS, SERVICES
from tests.kubelet.fleet import NAMESPACE, container, settle
from tests.kubelet.test_interpreting import log_of, shell


async def give(scene, resource, name, **more):
    await scene.client.create(resource, {"metadata": {"name": name}, **more}, NAMESPACE)


async def config(scene, name="settings", **data):
    await give(scene, CONFIG_MAPS, name, kind="ConfigMap", data=data)


def from_key(kind, name, key, **more):
    return {"valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


async def done(scene, script, **spec):
    """What a pod prints that runs to its end."""
    more = spec.pop("more", {})
    await scene.create("p", containers=shell(script, **more), restartPolicy="Never", **spec)
    await trio.sleep(1)
    assert scene.phase("p") == "Succeeded", scene.status("p")
    return await log_of(scene, "p")


async def test_variables_come_from_the_pod_itself(autojump_clock, scene):
    def ref(path):
        return {"valueFrom": {"fieldRef": {"fieldPath": path}}}

    def limit(name, **more):
        return {"valueFrom": {"resourceFieldRef": {"resource": name, **more}}}

    env = [
        {"name": "A", **ref("metadata.name")},
        {"name": "B", **ref("metadata.labels['app']")},
        {"name": "C", **ref("spec.nodeName")},
        {"name": "D", **ref("status.podIP")},
        {"name": "E", **limit("limits.cpu", divisor="1m")},
        {"name": "F", **limit("limits.cpu")},
        {"name": "G", **limit("requests.memory")},
        {"name": "H", **limit("limits.memory", divisor="1Gi")},
        {"name": "I", "value": "$(A)-$(B)"},
    ]
    resources = {"limits": {"cpu": "1250m"}, "requests": {"memory": "32Mi"}}
    found = await done(
        scene,
        "echo $A $B $C $D $E $F $G $H $I",
        metadata={"labels": {"app": "web"}},
        more={"env": env, "resources": resources},
    )
    address = scene.status("p")["podIP"]
    assert found == f"p web node-0 {address} 1250 2 33554432 32 p-web\n"


async def test_variables_come_from_config_maps_and_secrets(autojump_clock, scene):
    await config(scene, color="blue", shape="round")
    encoded = base64.b64encode(b"hush").decode()
    await give(scene, SECRETS, "keys", kind="Secret", data={"word": encoded})
    env = [
        {"name": "COLOR", **from_key("configMap", "settings", "color")},
        {"name": "WORD", **from_key("secret", "keys", "word")},
        {"name": "NONE", **from_key("configMap", "absent", "key", optional=True)},
    ]
    bulk = [{"prefix": "p_", "configMapRef": {"name": "settings"}}]
    more = {"env": env, "envFrom": bulk}
    found = await done(scene, 'echo $COLOR $WORD "${NONE-unset}" $p_shape', more=more)
    assert found == "blue hush unset round\n"


async def test_services_are_found_by_variables(autojump_clock, scene):
    spec = {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "name": "web", "protocol": "TCP"}]}
    await give(scene, SERVICES, "my-shop", spec=spec)
    script = "echo $MY_SHOP_SERVICE_HOST $MY_SHOP_SERVICE_PORT_WEB $MY_SHOP_PORT_80_TCP_ADDR"
    assert await done(scene, script) == "10.96.0.9 80 10.96.0.9\n"


async def test_a_container_waits_for_the_key_that_its_variable_is_to_have(autojump_clock, scene):
    env = [{"name": "COLOR", **from_key("configMap", "settings", "color")}]
    await scene.create("p", containers=shell("echo $COLOR", env=env), restartPolicy="Never")
    assert scene.container("p")["state"]["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": 'configmap "settings" not found',
    }
    assert 'Failed: Error: configmap "settings" not found' in scene.events("p")
    await config(scene, shape="round")
    await trio.sleep(10)
    message = scene.container("p")["state"]["waiting"]["message"]
    assert message == f"couldn't find key color in ConfigMap {NAMESPACE}/settings"
    await scene.client.patch(CONFIG_MAPS, "settings", {"data": {"color": "red"}}, NAMESPACE)
    await trio.sleep(60)
    assert scene.phase("p") == "Succeeded" and await log_of(scene, "p") == "red\n"


async def test_volumes_hold_what_they_are_made_of(autojump_clock, scene):
    await config(scene, a="one", b="two")
    field = {"path": "me/labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "deep/a"}]}},
        {"downwardAPI": {"items": [field]}},
    ]
    volumes = [
        {"name": "c", "configMap": {"name": "settings"}},
        {"name": "all", "projected": {"sources": sources}},
        {"name": "none", "configMap": {"name": "absent", "optional": True}},
    ]
    mounts = [{"name": name, "mountPath": f"/etc/{name}"} for name in ("c", "all", "none")]
    mounts.append({"name": "c", "mountPath": "/only", "subPath": "b"})
    found = await done(
        scene,
        "ls /etc/c; cat /etc/c/a /only /etc/all/deep/a; cat /etc/all/me/labels; ls /etc/none; "
        "echo x > /etc/c/a || echo refused",
        volumes=volumes,
        metadata={"labels": {"app": "web"}},
        more={"volumeMounts": mounts},
    )
    assert found.splitlines() == [
        "a",
        "b",
        'onetwooneapp="web"',
        "sh: can't create /etc/c/a: Read-only file system",
        "refused",
    ]


async def test_a_pod_waits_for_its_volumes(autojump_clock, scene):
    volumes = [{"name": "v", "secret": {"secretName": "keys"}}]
    mounts = [{"name": "v", "mountPath": "/v"}]
    plain = [container("c", volumeMounts=mounts)]
    await scene.create("p", containers=plain, volumes=volumes)
    assert scene.container("p")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    why = 'MountVolume.SetUp failed for volume "v" : secret "keys" not found'
    assert f"FailedMount: {why}" in scene.events("p")
    await give(scene, SECRETS, "keys", kind="Secret", data={})
    await trio.sleep(10)
    assert scene.ready("p")
    await scene.delete("p")
    assert scene.pod("p") is None


async def test_containers_share_a_volume_and_keep_it_over_restarts(autojump_clock, scene):
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    first = "if [ -r /data/x ]; then exit 0; else touch /data/x; exit 1; fi"
    other = container("d", command=["sh", "-c", "until [ -e /data/x ]; do sleep 1; done"], **mount)
    pair = [*shell(first, **mount), other]
    volumes = [{"name": "v", "emptyDir": {}}]
    await scene.create("p", containers=pair, volumes=volumes, restartPolicy="OnFailure")
    await trio.sleep(30)
    assert scene.phase("p") == "Succeeded" and scene.container("p")["restartCount"] == 1


async def test_a_changed_config_map_reaches_who_looks_at_it(autojump_clock, scene):
    await config(scene, a="old")
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    script = "until grep -q new /v/a; do sleep 1; done; echo seen"
    volumes = [{"name": "v", "configMap": {"name": "settings"}}]
    await scene.create("p", containers=shell(script, **mounts), volumes=volumes)
    await trio.sleep(5)
    await scene.client.patch(CONFIG_MAPS, "settings", {"data": {"a": "new"}}, NAMESPACE)
    await trio.sleep(70)
    assert "seen\n" in (await log_of(scene, "p"))


async def test_last_words_are_in_the_status(autojump_clock, scene):
    said = shell("echo -n bye > /dev/termination-log; exit 1")
    await scene.create("p", containers=said, restartPolicy="Never")
    assert scene.container("p")["state"]["terminated"]["message"] == "bye"
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    await scene.create("q", containers=shell("echo woe; exit 1", **policy), restartPolicy="Never")
    assert scene.container("q")["state"]["terminated"]["message"] == "woe\n"
    await scene.create("r", containers=shell("echo fine", **policy), restartPolicy="Never")
    await settle()
    assert "message" not in scene.container("r")["state"]["terminated"]


async def test_files_of_volumes_have_the_modes_that_are_asked_for(autojump_clock, scene):
    await config(scene, a="1", b="2")
    items = [{"key": "a", "path": "a"}, {"key": "b", "path": "b", "mode": 0o777}]
    source = {"name": "settings", "items": items, "defaultMode": 0o400}
    found = await done(
        scene,
        "ls -l /v | cut -d ' ' -f 1; touch /tmp/x; chmod 600 /tmp/x; ls -l /tmp/x | head -c 10",
        volumes=[{"name": "v", "configMap": source}],
        more={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
    )
    assert found.split() == ["-r--------", "-rwxrwxrwx", "-rw-------"]


async def test_a_part_of_a_volume_is_named_by_variables(autojump_clock, scene):
    env = [{"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    mounts = [
        {"name": "v", "mountPath": "/all"},
        {"name": "v", "mountPath": "/mine", "subPathExpr": "logs/$(ME)"},
    ]
    volumes = [{"name": "v", "emptyDir": {}}]
    more = {"env": env, "volumeMounts": mounts}
    script = "test -d /all/logs/p && echo x > /mine/a && cat /all/logs/p/a"
    assert await done(scene, script, volumes=volumes, more=more) == "x\n"
    for number, (expression, why) in enumerate(
        [
            ("/$(ME)", "must not be an absolute path"),
            ("a/../$(ME)", "must not contain '..'"),
            ("$(NONE)", 'missing value for "NONE"'),
        ]
    ):
        mounts[1]["subPathExpr"] = expression
        name = f"bad-{number}"
        await scene.create(name, containers=shell("true", **more), volumes=volumes)
        waiting = scene.container(name)["state"]["waiting"]
        assert waiting["reason"] == "CreateContainerConfigError" and why in waiting["message"]


def agnhost(*arguments, **more):
    return [container("c", **{"image": "example.com/agnhost:2", "args": list(arguments), **more})]


async def test_agnhost_looks_at_files(autojump_clock, scene):
    flags = ["--fs_type=/v", "--new_file_0660=/v/f", "--file_perm=/v/f", "--file_mode=/v"]
    await scene.create(
        "p",
        containers=agnhost("mounttest", *flags, volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}],
        restartPolicy="Never",
    )
    await trio.sleep(1)
    assert scene.phase("p") == "Succeeded" and (await log_of(scene, "p")).splitlines() == [
        'mount type of "/v": tmpfs',
        'content of file "/v/f": mount-tester new file',
        "",
        'mode of file "/v": drwxrwxrwx',
        'perms of file "/v/f": -rw-rw----',
    ]


async def test_agnhost_tells_what_it_was_run_with(autojump_clock, scene):
    tell = agnhost("entrypoint-tester", "a", "b")
    await scene.create("p", containers=tell, restartPolicy="Never")
    other = agnhost("c", command=["/agnhost-2", "entrypoint-tester"])
    await scene.create("q", containers=other, restartPolicy="Never")
    await trio.sleep(1)
    assert await log_of(scene, "p") == "[/agnhost entrypoint-tester a b]\n"
    assert await log_of(scene, "q") == "[/agnhost-2 entrypoint-tester c]\n"
    await scene.create("r", containers=agnhost())
    await scene.create("s", containers=agnhost("netexec", "--http-port=8080"))
    await trio.sleep(1000)
    assert scene.ready("r") and scene.ready("s")


async def test_agnhost_liveness_is_alive_for_a_while(autojump_clock, scene):
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    alive = agnhost("liveness", livenessProbe={**probe, "failureThreshold": 1})
    await scene.create("p", containers=alive)
    await trio.sleep(9)
    assert scene.container("p")["restartCount"] == 0
    await trio.sleep(9)
    assert scene.container("p")["restartCount"] == 1
