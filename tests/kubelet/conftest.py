"""A fleet of one node that has its podCIDR.

A test names `autojump_clock` itself: pytest-trio looks for a clock among its own arguments only.
"""

import pytest

from k8slite.kubelet.kubelet import NodeFleet
from tests.kubelet.fleet import FleetScene, GracefulApi


@pytest.fixture
async def api():
    return GracefulApi()


@pytest.fixture
async def scene(api, nursery):
    fleet = NodeFleet(api.client("kubelet"), api.world, 1, kubernetes_version="v1.36.2")
    scene = FleetScene(api, fleet)
    await scene.start(nursery)
    return scene
