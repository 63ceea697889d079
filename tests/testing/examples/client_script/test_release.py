"""The script against a cluster whose containers do as they are told."""

import pytest
from release import Failed, release

from k8slite.testing import Exit, Log, Ready, Wait

SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: shop, image: "example.com/shop:1"}]
"""


@pytest.fixture
def shop(k8slite_cluster, k8slite_namespace):
    k8slite_cluster.apply(SHOP, k8slite_namespace)
    k8slite_cluster.wait_for("deployment/shop", "Available", k8slite_namespace)


def images(cluster, namespace):
    pods = cluster.list("pods", namespace, labels="app=shop")
    return {one["spec"]["containers"][0]["image"] for one in pods}


def test_a_good_image(k8slite_cluster, k8slite_namespace, k8slite_kubernetes, shop):
    release(k8slite_kubernetes, k8slite_namespace, "shop", "example.com/shop:2")
    assert images(k8slite_cluster, k8slite_namespace) == {"example.com/shop:2"}


def test_a_bad_image_is_rolled_back(k8slite_cluster, k8slite_namespace, k8slite_kubernetes, shop):
    script = Ready(False), Log("no database"), Wait(0.1), Exit(1)
    k8slite_cluster.behave(*script, image="example.com/shop:3")
    with pytest.raises(Failed, match="shop is back at"):
        release(k8slite_kubernetes, k8slite_namespace, "shop", "example.com/shop:3", 2.0)
    k8slite_cluster.assert_event("BackOff", "pod", k8slite_namespace)
    k8slite_cluster.wait_until(
        lambda: images(k8slite_cluster, k8slite_namespace) == {"example.com/shop:1"}
    )
