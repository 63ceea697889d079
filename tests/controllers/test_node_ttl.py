"""Nodes are told for how long they may keep what they have read."""

from __future__ import annotations

import trio

from k8slite.client.resource import NODES
from k8slite.controllers.nodes.node_ttl import NodeTtlController
from tests.controllers.whole_api import WholeApi, add, running


def seconds(whole, name):
    found = whole.api.get(f"/api/v1/nodes/{name}")
    return found["metadata"].get("annotations", {}).get("node.alpha.kubernetes.io/ttl")


async def test_few_nodes_keep_nothing(autojump_clock):
    whole = WholeApi()
    async with running(whole, NodeTtlController):
        add(whole, NODES, "a")
        await trio.sleep(1)
        assert seconds(whole, "a") == "0"
        whole.api.change("/api/v1/nodes/a", lambda one: one["metadata"].pop("annotations"))
        await trio.sleep(1)
        assert seconds(whole, "a") == "0"


async def test_the_more_nodes_the_longer_with_some_room_at_the_edges(autojump_clock):
    whole = WholeApi()
    for number in range(101):
        add(whole, NODES, f"n{number}")
    async with running(whole, NodeTtlController):
        await trio.sleep(1)
        assert seconds(whole, "n0") == "15"
        for number in range(6):
            await whole.client().delete(NODES, f"n{number}")
        add(whole, NODES, "x")
        await trio.sleep(1)
        assert seconds(whole, "x") == "15"
        for number in range(6, 20):
            await whole.client().delete(NODES, f"n{number}")
        add(whole, NODES, "y")
        await trio.sleep(1)
        assert seconds(whole, "y") == "0"
