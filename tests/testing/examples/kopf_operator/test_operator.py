"""The operator runs as it would for users; the cluster is this process' own."""

from pathlib import Path

import pytest
from kopf.testing import KopfRunner

HERE = Path(__file__).parent
SITE = """
apiVersion: example.com/v1
kind: Site
metadata: {name: shop}
spec: {image: example.com/shop, replicas: 2}
"""


@pytest.fixture
def operator(k8slite_cluster, k8slite_namespace, monkeypatch):
    """The operator, for the test's namespace."""
    monkeypatch.setenv("KUBECONFIG", str(k8slite_cluster.kubeconfig))
    k8slite_cluster.apply(HERE / "sites.yaml")
    program = str(HERE / "operator_of_sites.py")
    with KopfRunner(["run", "--standalone", f"--namespace={k8slite_namespace}", program]) as runner:
        yield
    assert runner.exit_code == 0 and runner.exception is None, runner.output


def test_a_site_gets_its_pods(k8slite_cluster, k8slite_namespace, operator):
    k8slite_cluster.apply(SITE, k8slite_namespace)
    k8slite_cluster.wait_for("deployment/shop", "Available", k8slite_namespace)
    k8slite_cluster.apply(SITE.replace("replicas: 2", "replicas: 3"), k8slite_namespace)
    k8slite_cluster.wait_for(
        "deployment/shop", lambda one: one["status"].get("readyReplicas") == 3, k8slite_namespace
    )
    k8slite_cluster.assert_request("PATCH", "deployments/shop/scale$", times=1)
    k8slite_cluster.delete("site/shop", k8slite_namespace)
    k8slite_cluster.wait_for("deployment/shop", "delete", k8slite_namespace)  # its owner is gone
