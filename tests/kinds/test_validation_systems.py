"""Pods that name their operating system, host processes of Windows, and names of hosts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kinds.test_validation_rules import new

Json = dict[str, Any]

CONTAINER: Json = {"name": "c", "image": "x"}
WINDOWS = "cannot be set for a windows pod"
LINUX = "windows options cannot be set for a linux pod"
OWN = "spec.containers[0].securityContext"


def pod(own: Json | None = None, **spec: Any) -> Json:
    container = CONTAINER if own is None else {**CONTAINER, "securityContext": own}
    return {"containers": [container], **spec}


def hosted(value: bool) -> Json:
    return {"windowsOptions": {"hostProcess": value}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (pod(os={"name": "linux"}), []),
        (
            pod({"windowsOptions": {}}, os={"name": "linux"}, securityContext=hosted(False)),
            [
                f"spec.securityContext.windowsOptions: Forbidden: {LINUX}",
                f"{OWN}.windowsOptions: Forbidden: {LINUX}",
            ],
        ),
        (
            pod(
                {"privileged": False, "runAsUser": 1},
                os={"name": "windows"},
                hostPID=True,
                hostIPC=False,
                securityContext={"runAsUser": 1, "fsGroup": 1, "seLinuxOptions": {}},
            ),
            [
                f"spec.securityContext.seLinuxOptions: Forbidden: {WINDOWS}",
                f"spec.hostPID: Forbidden: {WINDOWS}",
                f"spec.securityContext.fsGroup: Forbidden: {WINDOWS}",
                f"spec.securityContext.runAsUser: Forbidden: {WINDOWS}",
                f"{OWN}.privileged: Forbidden: {WINDOWS}",
                f"{OWN}.runAsUser: Forbidden: {WINDOWS}",
            ],
        ),
        (pod(hosted(True), hostNetwork=True, securityContext=hosted(True)), []),
        (
            pod(hosted(False), securityContext=hosted(True)),
            [
                f"{OWN}.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value "
                "must be identical if both are specified, was true",
            ],
        ),
        (
            {
                "containers": [
                    CONTAINER,
                    {**CONTAINER, "name": "d", "securityContext": hosted(True)},
                ]
            },
            [
                'spec: Invalid value: "": If pod contains any hostProcess containers then all '
                "containers must be HostProcess containers",
                "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains "
                "any hostProcess containers",
            ],
        ),
        (
            pod({"windowsOptions": {"gmsaCredentialSpec": "", "runAsUserName": "a\\b\\c"}}),
            [
                f'{OWN}.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec '
                "cannot be an empty string",
                f'{OWN}.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName '
                "cannot contain more than one backslash",
            ],
        ),
        (
            pod(shareProcessNamespace=True, hostPID=True),
            [
                "spec.securityContext.shareProcessNamespace: Invalid value: true: "
                "ShareProcessNamespace and HostPID cannot both be enabled"
            ],
        ),
        (
            pod(hostnameOverride="a" * 65),
            ["spec.hostnameOverride: Too long: may not be more than 64 bytes"],
        ),
        (
            pod(
                topologySpreadConstraints=[
                    {
                        "maxSkew": 1,
                        "topologyKey": "zone",
                        "whenUnsatisfiable": "DoNotSchedule",
                        "matchLabelKeys": ["a"],
                    }
                ]
            ),
            [
                "spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be set when "
                "labelSelector is not set"
            ],
        ),
    ],
)
def test_pods(spec: Json, expected: list[str]) -> None:
    assert new("core", "pods", spec=spec) == expected
