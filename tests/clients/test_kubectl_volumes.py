"""kubectl with claims, volumes and storage classes."""

from __future__ import annotations

from tests.clients.cluster import Kubectl, eventually

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
"""
SELECTED = "volume.kubernetes.io/selected-node=node-0"


def test_the_default_class(kubectl: Kubectl) -> None:
    rows = kubectl("get", "storageclass").rows
    assert rows[1][:5] == [
        "standard (default)",
        "k8slite.dev/local-path",
        "Delete",
        "WaitForFirstConsumer",
        "true",
    ]


def test_a_claim_of_the_default_class(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=CLAIM)
    told = eventually(
        lambda: kubectl("describe", "pvc", "data").out,
        wanted=lambda text: "WaitForFirstConsumer" in text,
    )
    assert "waiting for first consumer to be created before binding" in told
    assert kubectl("get", "pvc", "data").rows[1][:3] == ["data", "Pending", "standard"]
    kubectl("annotate", "pvc", "data", SELECTED)  # as the scheduler does
    kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=90s")
    row = kubectl("get", "pvc", "data").rows[1]
    assert (row[1], row[3:6]) == ("Bound", ["1Gi", "RWO", "standard"])
    assert row[2].startswith("pvc-")
    volume = kubectl("get", "pv", row[2]).rows[1]
    assert volume[1:5] == ["1Gi", "RWO", "Delete", "Bound"]
    patch = '{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}'
    kubectl("patch", "pvc", "data", "-p", patch)
    eventually(lambda: kubectl("get", "pvc", "data").rows[1][3], wanted=lambda it: it == "2Gi")
    kubectl("delete", "pvc", "data")
    eventually(
        lambda: kubectl("get", "pv", "-o", "name").lines,
        wanted=lambda names: f"persistentvolume/{row[2]}" not in names,
    )
