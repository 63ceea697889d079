"""kubectl with the example of devices: claims are made, given, waited for and taken back."""

from __future__ import annotations

from pathlib import Path

from tests.clients.cluster import Kubectl, eventually

EXAMPLE = str(Path(__file__).parents[2] / "manifests/examples/devices")
DEVICES = "{range .items[*]}{.status.allocation.devices.results[*].device}{' '}{end}"


def test_the_example(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", EXAMPLE)
    running = ("get", "pods", "--field-selector=status.phase=Running", "-o", "name")
    assert len(eventually(lambda: kubectl(*running).lines, wanted=lambda it: len(it) == 2)) == 2
    claims = ("get", "resourceclaims")
    states = eventually(
        lambda: sorted(row[1] for row in kubectl(*claims).rows[1:]), wanted=lambda it: len(it) == 3
    )
    assert states == ["allocated,reserved", "allocated,reserved", "pending"]
    assert sorted(kubectl(*claims, "-o", f"jsonpath={DEVICES}").out.split()) == ["gpu-0", "gpu-1"]
    [waiting] = kubectl("get", "pods", "--field-selector=status.phase=Pending", "-o", "name").lines
    told = eventually(
        lambda: kubectl("describe", waiting).out, wanted=lambda it: "FailedScheduling" in it
    )
    assert "3 cannot allocate all claims" in told
    kubectl("scale", "deployment/trainer", "--replicas=1")
    eventually(lambda: kubectl(*claims).rows[1:], wanted=lambda rows: len(rows) == 1)
    kubectl("delete", "-f", EXAMPLE)
    eventually(lambda: kubectl(*claims, "-o", "name").lines, wanted=lambda it: it == [])
