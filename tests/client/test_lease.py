"""Of several instances at most one leads, and another follows when it fails."""

from __future__ import annotations

from typing import ClassVar

import pytest
import trio

from k8slite.client.lease import Leadership
from k8slite.objects.meta import Name
from tests.client.fake_api import FakeApi

LEASE = Name("kube-system", "scheduler")
PATH = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/scheduler"


class Instance:
    """A candidate that can be cut off from the API."""

    leading: ClassVar[list[str]] = []

    def __init__(self, api, name):
        self.api, self.name = api, name
        self.cut_off = False
        self.scope = trio.CancelScope()
        client = api.client()
        self.leadership = Leadership(
            type(client)(self._handle, name), api.world, LEASE, name, self._lead
        )

    async def _handle(self, request):
        if self.cut_off:
            await trio.sleep(1)
            raise OSError("no route to host")
        return await self.api.handle(request)

    async def _lead(self):
        assert not Instance.leading
        Instance.leading.append(self.name)
        try:
            await trio.sleep_forever()
        finally:
            Instance.leading.remove(self.name)

    async def run(self):
        with self.scope:
            await self.leadership.run()


@pytest.fixture
async def instances(nursery):
    Instance.leading = []
    api = FakeApi()
    found = [Instance(api, name) for name in ("one", "two", "three")]
    for instance in found:
        nursery.start_soon(instance.run)
        await trio.testing.wait_all_tasks_blocked()
    return found


def by_name(instances, name):
    return next(one for one in instances if one.name == name)


async def test_the_first_leads_and_keeps_leading(autojump_clock, instances):
    await trio.sleep(600)
    assert Instance.leading == ["one"]
    spec = instances[0].api.get(PATH)["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("one", 0)


async def test_another_follows_a_leader_that_is_cut_off(autojump_clock, instances):
    await trio.sleep(30)
    instances[0].cut_off = True
    await trio.sleep(60)
    assert Instance.leading in (["two"], ["three"])
    instances[0].cut_off = False
    before = list(Instance.leading)
    await trio.sleep(60)
    assert Instance.leading == before
    assert instances[0].api.get(PATH)["spec"]["leaseTransitions"] == 1


async def test_a_leader_that_is_stopped_lets_go(autojump_clock, instances):
    await trio.sleep(30)
    instances[0].scope.cancel()
    await trio.sleep(5)
    assert Instance.leading in (["two"], ["three"])


async def test_nobody_leads_while_nobody_can_renew(autojump_clock, instances):
    await trio.sleep(30)
    for instance in instances:
        instance.cut_off = True
    await trio.sleep(30)
    assert Instance.leading == []
    for instance in instances:
        instance.cut_off = False
    await trio.sleep(30)
    assert len(Instance.leading) == 1
