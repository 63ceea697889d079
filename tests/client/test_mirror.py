"""What a mirror shows, and what its subscribers are told, through every way of losing a watch."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.informer import Mirror
from k8slite.client.mirrors import Mirrors
from k8slite.client.resource import NODES, PODS
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name
from tests.client.fake_api import FakeApi


def pod(name, labels=None, **metadata):
    return {"metadata": {"name": name, "labels": labels or {}, **metadata}, "spec": {"x": 1}}


class Story:
    """What a subscriber was told; checks that it is one chain for each name."""

    def __init__(self, mirror):
        self.told = []
        self.known = {}
        mirror.subscribe(self)

    def __call__(self, old, new):
        name = (old or new).metadata.full_name
        assert self.known.get(name) is old
        if old is not None and new is not None:
            assert old.metadata.uid == new.metadata.uid
        self.known[name] = new
        kind = "added" if old is None else "deleted" if new is None else "modified"
        self.told.append((kind, name.name))


@pytest.fixture
async def api():
    return FakeApi()


@pytest.fixture
async def mirror(api, nursery):
    client = api.client()
    for name in ("b", "a"):
        await client.create(PODS, pod(name, {"app": name}), "ns")
    mirror = Mirror(client, PODS, PartialObject, world=api.world)
    await nursery.start(mirror.run)
    return mirror


def shown(mirror):
    return [obj.metadata.name for obj in mirror.all()]


async def test_lists_then_watches_in_order_of_name(autojump_clock, api, mirror):
    assert shown(mirror) == ["a", "b"]
    story = Story(mirror)
    assert story.told == [("added", "a"), ("added", "b")]
    await api.client().create(PODS, pod("aa"), "ns")
    await mirror.reached(api.revision)
    assert shown(mirror) == ["a", "aa", "b"]
    await api.client().delete(PODS, "a", "ns")
    await mirror.reached(api.revision)
    assert shown(mirror) == ["aa", "b"]
    assert story.told[2:] == [("added", "aa"), ("deleted", "a")]


async def test_pieces_of_any_size_make_whole_events(autojump_clock, api, mirror):
    api.piece_bytes = 7
    for number in range(20):
        await api.client().create(PODS, pod(f"p{number:02}"), "ns")
    await mirror.reached(api.revision)
    assert shown(mirror) == ["a", "b", *(f"p{number:02}" for number in range(20))]


async def test_indexes_follow_their_objects(autojump_clock, api, mirror):
    mirror.add_index("app", lambda obj: [obj.metadata.labels.get("app", "")])
    assert [o.metadata.name for o in mirror.indexed("app", "a")] == ["a"]
    await api.client().patch(PODS, "b", {"metadata": {"labels": {"app": "a"}}}, "ns")
    await mirror.reached(api.revision)
    assert [o.metadata.name for o in mirror.indexed("app", "a")] == ["a", "b"]
    assert mirror.indexed("app", "b") == []
    await api.client().delete(PODS, "a", "ns")
    await mirror.reached(api.revision)
    assert [o.metadata.name for o in mirror.indexed("app", "a")] == ["b"]


async def test_documents_are_whole_and_the_callers_own(autojump_clock, api, mirror):
    await api.client().patch(PODS, "b", {"spec": {"x": 2}}, "ns")
    await mirror.reached(api.revision)
    for name, x in (("a", 1), ("b", 2)):  # from the list, and from an event
        document = mirror.document(Name("ns", name))
        assert document["apiVersion"] == "v1" and document["kind"] == "Pod"
        assert document["spec"] == {"x": x}
        document["spec"]["x"] = 99
        assert mirror.document(Name("ns", name))["spec"] == {"x": x}
    assert mirror.document(Name("ns", "none")) is None


@pytest.mark.parametrize("error", [None, OSError("gone"), trio.BrokenResourceError()])
async def test_a_closed_watch_is_resumed_without_loss(autojump_clock, api, mirror, error):
    story = Story(mirror)
    lists = sum(1 for r in api.requests if not r.parameter("watch") and r.method == "GET")
    api.held = True
    await api.client().create(PODS, pod("c"), "ns")
    api.close_watches(error)
    api.held = False
    await mirror.reached(api.revision)
    assert story.told[2:] == [("added", "c")]
    assert sum(1 for r in api.requests if not r.parameter("watch") and r.method == "GET") == lists


@pytest.mark.parametrize("how", ["event", "answer"])
async def test_after_a_410_the_differences_are_announced(autojump_clock, api, mirror, how):
    story = Story(mirror)
    api.held = True
    client = api.client()
    await client.delete(PODS, "a", "ns")
    await client.delete(PODS, "b", "ns")
    await client.create(PODS, pod("b"), "ns")  # another one of that name
    await client.create(PODS, pod("c"), "ns")
    if how == "event":
        api.expire_watches()
    else:
        api.compacted = api.revision
        api.close_watches()
    api.held = False
    await mirror.reached(api.revision)
    assert story.told[2:] == [
        ("deleted", "a"),
        ("deleted", "b"),
        ("added", "b"),
        ("added", "c"),
    ]
    assert shown(mirror) == ["b", "c"]


async def test_a_failing_server_is_asked_until_it_answers(autojump_clock, api, nursery):
    failures = 5

    async def fail(request):
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError("connection refused")

    api.before = fail
    mirror = Mirror(api.client(), PODS, PartialObject, world=api.world)
    await nursery.start(mirror.run)
    assert failures == 0 and mirror.all() == []


async def test_bookmarks_count(autojump_clock, api, mirror):
    await api.client().create(NODES, {"metadata": {"name": "n"}})
    with trio.move_on_after(60) as scope:
        await mirror.reached(api.revision)
    assert scope.cancelled_caught
    api.bookmark()
    await mirror.reached(api.revision)


async def test_caught_up_shows_what_a_silent_watch_withholds(autojump_clock, api, mirror):
    story = Story(mirror)
    api.held = True
    await api.client().create(PODS, pod("c"), "ns")
    await api.client().delete(PODS, "a", "ns")
    await mirror.caught_up()
    assert shown(mirror) == ["b", "c"]
    api.held = False
    await api.client().delete(PODS, "c", "ns")
    await mirror.reached(api.revision)
    assert story.told[2:] == [("deleted", "a"), ("added", "c"), ("deleted", "c")]


async def test_a_selection_mirrors_only_what_it_selects(autojump_clock, api, mirror, nursery):
    chosen = Mirror(
        api.client(), PODS, PartialObject, world=api.world, namespace="ns", label_selector="app=a"
    )
    await nursery.start(chosen.run)
    assert shown(chosen) == ["a"]
    await api.client().patch(PODS, "b", {"metadata": {"labels": {"app": "a"}}}, "ns")
    await chosen.reached(api.revision)
    await api.client().patch(PODS, "a", {"metadata": {"labels": {"app": "c"}}}, "ns")
    await chosen.reached(api.revision)
    assert shown(chosen) == ["b"]


async def test_an_unreadable_object_is_left_out(autojump_clock, api, mirror):
    await api.client().create(PODS, pod("odd", ownerReferences=7), "ns")
    await api.client().create(PODS, pod("z"), "ns")
    await mirror.reached(api.revision)
    assert shown(mirror) == ["a", "b", "z"]


async def test_shared_mirrors_are_one_for_each_resource_and_model(autojump_clock, api, nursery):
    mirrors = Mirrors(api.client(), api.world, "test mirrors")
    assert mirrors.known(PODS) is None
    pods = mirrors.of(PODS, PartialObject)
    assert mirrors.of(PODS, PartialObject) is pods
    assert mirrors.known(PODS) is pods
    await nursery.start(mirrors.run)
    nodes = mirrors.of(NODES, PartialObject)  # late
    await api.client().create(NODES, {"metadata": {"name": "n"}})
    await nodes.synced()
    await nodes.reached(api.revision)
    assert shown(nodes) == ["n"] and shown(pods) == []
    assert len(api.watches) == 2
