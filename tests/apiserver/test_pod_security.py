"""Pods keep to the level of their namespace."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite.kinds.core.pod_security import violations
from tests.apiserver.oracle_server import Server, running

Json = dict[str, Any]
LABEL = "pod-security.kubernetes.io"
GOOD: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec(context: Json | None = None, **more: Any) -> Json:
    return {"containers": [{"name": "c", "image": "x", "securityContext": context or {}}], **more}


@pytest.mark.parametrize(
    ("level", "pod", "told"),
    [
        ("baseline", spec(), []),
        ("restricted", spec(GOOD), []),
        ("privileged", spec({"privileged": True}), []),
        (
            "restricted",
            spec(),
            [
                'allowPrivilegeEscalation != false (container "c" must set '
                "securityContext.allowPrivilegeEscalation=false)",
                'unrestricted capabilities (container "c" must set '
                'securityContext.capabilities.drop=["ALL"])',
                'runAsNonRoot != true (pod or container "c" must set '
                "securityContext.runAsNonRoot=true)",
                'seccompProfile (pod or container "c" must set '
                'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
            ],
        ),
        (
            "baseline",
            spec({"privileged": True}, hostNetwork=True, hostPID=True),
            [
                "host namespaces (hostNetwork=true, hostPID=true)",
                'privileged (container "c" must not set securityContext.privileged=true)',
            ],
        ),
        (
            "baseline",
            spec({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
            [
                'non-default capabilities (container "c" must not include "NET_ADMIN" in '
                "securityContext.capabilities.add)"
            ],
        ),
        (
            "baseline",
            spec(volumes=[{"name": "v", "hostPath": {}}, {"name": "w", "hostPath": {}}]),
            ['hostPath volumes (volumes "v", "w")'],
        ),
        (
            "restricted",
            spec(GOOD, volumes=[{"name": "v", "nfs": {}}, {"name": "e", "emptyDir": {}}]),
            ['restricted volume types (volume "v" uses restricted volume type "nfs")'],
        ),
        (
            "restricted",
            spec({**GOOD, "runAsUser": 0}),
            ['runAsUser=0 (container "c" must not set runAsUser=0)'],
        ),
        (
            "restricted",
            spec({**GOOD, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}),
            [],
        ),
        (
            "baseline",
            {"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]},
            ['hostPort (container "c" uses hostPort 80)'],
        ),
        (
            "baseline",
            spec({"procMount": "Unmasked", "seccompProfile": {"type": "Unconfined"}}),
            [
                'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
                'seccompProfile (container "c" must not set securityContext.seccompProfile.type '
                'to "Unconfined")',
            ],
        ),
        (
            "baseline",
            spec(
                {"seLinuxOptions": {"type": "spc_t"}},
                securityContext={"sysctls": [{"name": "kernel.msgmax"}]},
            ),
            [
                'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type '
                '"spc_t")',
                "forbidden sysctls (kernel.msgmax)",
            ],
        ),
        (
            "baseline",
            spec({"windowsOptions": {"hostProcess": True}}),
            [
                'hostProcess (container "c" must not set '
                "securityContext.windowsOptions.hostProcess=true)"
            ],
        ),
        (
            "restricted",
            spec({key: value for key, value in GOOD.items() if key != "runAsNonRoot"})
            | {"securityContext": {"runAsNonRoot": True}},
            [],
        ),
    ],
)
def test_levels_of_today(level: str, pod: Json, told: list[str]) -> None:
    assert [str(one) for one in violations(level, {}, pod)] == told


async def namespace(server: Server, **labels: str) -> None:
    named = {f"{LABEL}/{key.replace('_', '-')}": value for key, value in labels.items()}
    await server.create("/api/v1/namespaces", {"metadata": {"name": "ns", "labels": named}})
    await trio.sleep(1)


PODS = "/api/v1/namespaces/ns/pods"


async def test_what_violates_is_refused_or_warned_of(autojump_clock: object) -> None:
    async with running() as server:
        await namespace(server, enforce="baseline", enforce_version="v1.30", warn="restricted")
        bad = {"metadata": {"name": "bad"}, "spec": spec({"privileged": True})}
        refused = await server.ask("POST", PODS, bad)
        assert refused.status == 403
        assert refused.json["message"] == (
            'pods "bad" is forbidden: violates PodSecurity "baseline:v1.30": privileged '
            '(container "c" must not set securityContext.privileged=true)'
        )
        plain = await server.ask("POST", PODS, {"metadata": {"name": "p"}, "spec": spec()})
        assert plain.status == 201
        assert plain.warnings[0].startswith(
            '299 - "would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation'
        )
        template = {"metadata": {"labels": {"a": "b"}}, "spec": spec({"privileged": True})}
        deployment = {
            "metadata": {"name": "d"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
        }
        made = await server.ask("POST", "/apis/apps/v1/namespaces/ns/deployments", deployment)
        assert made.status == 201
        assert "privileged (container" in made.warnings[0]


async def test_a_namespace_that_becomes_stricter_tells_of_its_pods(
    autojump_clock: object,
) -> None:
    merge = "application/merge-patch+json"
    async with running() as server:
        await namespace(server)
        for name in ("a", "b"):
            pod = {"metadata": {"name": name}, "spec": spec({"privileged": True})}
            await server.create(PODS, pod)
        stricter = {"metadata": {"labels": {f"{LABEL}/enforce": "baseline"}}}
        answer = await server.ask("PATCH", "/api/v1/namespaces/ns", stricter, merge)
        assert answer.status == 200
        assert [one.removeprefix("299 - ") for one in answer.warnings] == [
            '"existing pods in namespace \\"ns\\" violate the new PodSecurity enforce level '
            '\\"baseline:latest\\""',
            '"a (and 1 other pod): privileged"',
        ]
        wrong = {"metadata": {"labels": {f"{LABEL}/enforce": "paranoid"}}}
        answer = await server.ask("PATCH", "/api/v1/namespaces/ns", wrong, merge)
        assert answer.status == 422


HOST_PROBE = {"name": "c", "livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 80}}}


@pytest.mark.parametrize(
    ("level", "pod", "minor", "told"),
    [
        (
            "baseline",
            {"containers": [HOST_PROBE]},
            34,
            [
                'probe or lifecycle host (container "c" uses probe or lifecycle host "10.0.0.1")',
            ],
        ),
        ("baseline", {"containers": [HOST_PROBE]}, 33, []),
        ("baseline", spec(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), 32, []),
        (
            "baseline",
            spec(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}),
            31,
            ["forbidden sysctls (net.ipv4.tcp_rmem)"],
        ),
        ("baseline", spec({"seLinuxOptions": {"type": "container_engine_t"}}), 31, []),
        (
            "baseline",
            spec({"seLinuxOptions": {"type": "container_engine_t"}}),
            30,
            [
                'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type '
                '"container_engine_t")'
            ],
        ),
        ("baseline", spec({"procMount": "Unmasked"}, hostUsers=False), 35, []),
        (
            "restricted",
            spec({**GOOD, "procMount": "Unmasked"}, hostUsers=False),
            35,
            ['procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
        ),
        ("restricted", spec({**GOOD, "runAsUser": 0}), 22, []),
        (
            "restricted",
            spec({**GOOD, "capabilities": {"add": ["NET_ADMIN"]}}),
            21,
            [
                'non-default capabilities (container "c" must not include "NET_ADMIN" in '
                "securityContext.capabilities.add)"
            ],
        ),
        ("restricted", spec({"runAsNonRoot": True}, os={"name": "windows"}), 25, []),
        ("restricted", spec({"runAsNonRoot": True}), 7, []),
    ],
)
def test_versions_of_the_standards(level: str, pod: Json, minor: int, told: list[str]) -> None:
    assert [str(one) for one in violations(level, {}, pod, minor)] == told


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            {"enforce": "paranoid"},
            f'metadata.labels[{LABEL}/enforce]: Invalid value: "paranoid": must be one of '
            "privileged, baseline, restricted",
        ),
        (
            {"warn_version": "1.30"},
            f'metadata.labels[{LABEL}/warn-version]: Invalid value: "1.30": must be "latest" or '
            '"v1.x"',
        ),
    ],
)
async def test_wrong_labels(labels: dict[str, str], told: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        named = {f"{LABEL}/{key.replace('_', '-')}": value for key, value in labels.items()}
        body = {"metadata": {"name": "ns", "labels": named}}
        answer = await server.ask("POST", "/api/v1/namespaces", body)
        assert answer.status == 422
        assert answer.json["message"] == f'Namespace "ns" is invalid: {told}'


async def test_workloads_are_warned_of_what_is_enforced(autojump_clock: object) -> None:
    async with running() as server:
        await namespace(server, enforce="restricted", enforce_version="v1.30")
        template = {"metadata": {"labels": {"a": "b"}}, "spec": spec()}
        workload = {
            "metadata": {"name": "d"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
        }
        path = "/apis/apps/v1/namespaces/ns/deployments"
        made = await server.ask("POST", path, workload)
        assert made.warnings[0].startswith(
            '299 - "would violate PodSecurity \\"restricted:v1.30\\": '
        )


async def test_debugging_containers_keep_to_the_level_too(autojump_clock: object) -> None:
    async with running() as server:
        await namespace(server, enforce="baseline")
        await server.create(PODS, {"metadata": {"name": "p"}, "spec": spec()})
        debugger = {"name": "d", "image": "x", "securityContext": {"privileged": True}}
        patch = {"spec": {"ephemeralContainers": [debugger]}}
        strategic = "application/strategic-merge-patch+json"
        path = f"{PODS}/p/ephemeralcontainers"
        answer = await server.ask("PATCH", path, patch, strategic)
        assert answer.status == 403 and 'privileged (container "d"' in answer.json["message"]
        del debugger["securityContext"]
        assert (await server.ask("PATCH", path, patch, strategic)).status == 200
