"""A controller of one's own: what queues a name, what its caches show, how it lives and dies."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

import k8slite
from k8slite import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
    SECRETS,
    Client,
    Conflict,
    Context,
    Controller,
    Name,
    NotCached,
    NotFound,
    Resource,
)
from k8slite.actors import Supervisor
from k8slite.client.mirrors import Mirrors
from k8slite.cluster import Cluster, Settings
from k8slite.messages import Request, Response
from k8slite.store.memory import MemoryStore
from tests.client.fake_api import FakeWorld

NS = "default"


@define(eq=False)
class Around:
    """A cluster without anybody in it, and the way of one controller to it."""

    cluster: Cluster
    nursery: trio.Nursery
    requests: list[Request] = field(factory=list)
    held: str = ""  # the resource whose watches bring nothing now
    release: trio.Event = field(factory=trio.Event)
    supervisor: Supervisor = field(factory=Supervisor)

    @property
    def user(self) -> Client:
        return self.cluster.client("admin")

    @property
    def context(self) -> Context:
        world = self.cluster.world

        def client(name: str) -> Client:
            return Client(self.handle, name)

        return Context(client, world, Mirrors(client(""), world, "nobody's"))

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        found = await self.cluster.client("test").handler(request)
        if not isinstance(found.body, bytes):
            return Response(found.status, Held(self, request.path, found.body), found.headers)
        return found

    async def run(self, controller: type[Any]) -> Any:
        made = controller(self.context)
        await self.nursery.start(self.supervisor.keep, made)
        return made

    def asked(self, method: str, plural: str) -> list[Request]:
        return [one for one in self.requests if one.method == method and f"/{plural}" in one.path]

    async def map(self, name: str, data: dict[str, str] | None = None, **metadata: Any) -> Any:
        obj = {"metadata": {"name": name, **metadata}, "data": data or {}}
        return await self.user.create(CONFIG_MAPS, obj, NS)


@define(eq=False)
class Held:
    """A watch that can be held up."""

    around: Around
    path: str
    stream: Any

    async def receive(self) -> bytes:
        piece: bytes = await self.stream.receive()
        while self.around.held and self.path.endswith(self.around.held):
            await self.around.release.wait()
        return piece

    def close(self) -> None:
        self.stream.close()


@pytest.fixture
async def around(nursery: Any) -> Around:
    settings = Settings(nodes=0, scheduler=False, controllers=())
    cluster = Cluster(MemoryStore(), FakeWorld(), settings)
    await nursery.start(cluster.run)
    return Around(cluster, nursery)


class Recording(Controller):
    """Notes what it is called for."""

    name = "recording"
    resource = CONFIG_MAPS

    def setup(self) -> None:
        self.calls: list[Name] = []

    async def reconcile(self, name: Name) -> float | None:
        self.calls.append(name)
        return None

    def taken(self) -> list[str]:
        found = [one.name for one in self.calls if not one.name.startswith("kube-")]
        self.calls.clear()
        return found


def example() -> type[Controller]:
    """The class in the docstring, as a user would have copied it."""
    text = inspect.cleandoc(Controller.__doc__ or "")
    begin = text.index("    from k8slite import")
    code = textwrap.dedent(text[begin : text.index("\n\nObjects are dicts")])
    scope: dict[str, Any] = {}
    exec(compile(ast.parse(code), "docstring", "exec"), scope)
    found: type[Controller] = scope["Websites"]
    return found


async def test_the_example_of_the_docstring_works(autojump_clock: Any, around: Around) -> None:
    await around.run(example())
    site = await around.map("shop", {"image": "nginx", "replicas": "2"}, labels={"website": "yes"})
    await around.map("other")
    await trio.sleep(5)
    (made,) = (await around.user.list(DEPLOYMENTS))["items"]
    assert (made["metadata"]["name"], made["spec"]["replicas"]) == ("shop", 2)
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "shop",
            "uid": site["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    (event,) = (await around.user.list(k8slite.EVENTS, NS))["items"]
    assert event["reason"] == "Created" and event["involvedObject"]["name"] == "shop"
    assert event["source"]["component"] == "websites"
    await around.user.delete(DEPLOYMENTS, "shop", NS)
    await trio.sleep(5)
    (again,) = (await around.user.list(DEPLOYMENTS))["items"]
    assert again["metadata"]["uid"] != made["metadata"]["uid"]


class Owning(Recording):
    name = "owning"
    owns = (SECRETS, CONFIG_MAPS)


async def test_a_change_of_what_it_owns_queues_the_owner(
    autojump_clock: Any, around: Around
) -> None:
    controller = await around.run(Owning)
    owner = await around.map("owner")
    await trio.sleep(1)
    assert controller.taken() == ["owner"]
    reference = controller.owner_reference(owner, block=False)
    assert reference["blockOwnerDeletion"] is False
    secret = {"metadata": {"name": "s", "ownerReferences": [reference]}}
    await around.user.create(SECRETS, secret, NS)
    await trio.sleep(1)
    assert controller.taken() == ["owner"]
    await around.map("child", ownerReferences=[reference])
    await trio.sleep(1)
    assert sorted(controller.taken()) == ["child", "owner"]
    assert [o["metadata"]["name"] for o in controller.cached(SECRETS).owned_by(owner)] == ["s"]
    # One that only refers to it, or belongs to another kind, is none of its business.
    other = {**reference, "controller": False}
    await around.user.create(SECRETS, {"metadata": {"name": "t", "ownerReferences": [other]}}, NS)
    foreign = {**reference, "apiVersion": "example.com/v1"}
    await around.user.create(SECRETS, {"metadata": {"name": "u", "ownerReferences": [foreign]}}, NS)
    await trio.sleep(1)
    assert controller.taken() == []
    await around.user.delete(SECRETS, "s", NS)
    await trio.sleep(1)
    assert controller.taken() == ["owner"]


class Watching(Recording):
    name = "watching"

    def setup(self) -> None:
        super().setup()
        self.seen: list[tuple[Any, Any]] = []
        self.watch(SECRETS, self.changed)

    def changed(self, old: Any, new: Any) -> list[tuple[str, str]] | None:
        def value(obj: Any) -> Any:
            return obj and obj.get("data", {}).pop("x", "")

        self.seen.append((value(old), value(new)))
        return [(NS, "of-secret")] if new and old else None


async def test_a_watch_is_told_whole_objects_old_and_new(
    autojump_clock: Any, around: Around
) -> None:
    await around.user.create(SECRETS, {"metadata": {"name": "s"}, "data": {"x": "b25l"}}, NS)
    controller = await around.run(Watching)
    await around.user.patch(SECRETS, "s", {"data": {"x": "dHdv"}}, NS)
    await trio.sleep(1)
    await around.user.delete(SECRETS, "s", NS)
    await trio.sleep(1)
    assert controller.seen == [(None, "b25l"), ("b25l", "dHdv"), ("dHdv", None)]
    assert controller.taken() == ["of-secret"]
    assert isinstance(controller, Watching)


async def test_a_cache_is_read_by_name_namespace_and_labels(
    autojump_clock: Any, around: Around
) -> None:
    await around.user.create(k8slite.NAMESPACES, {"metadata": {"name": "far"}})
    for name, labels in {"a": {"app": "x"}, "b": {"app": "y"}, "c": {}}.items():
        await around.map(name, {"k": name}, labels=labels)
    await around.user.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, "far")
    cache = (await around.run(Recording)).cached(CONFIG_MAPS)

    def names(**selection: Any) -> list[str]:
        found = [one["metadata"]["name"] for one in cache.list(**selection)]
        return [name for name in found if not name.startswith("kube-")]

    assert names() == ["a", "b", "c", "a"]
    assert names(namespace=NS) == ["a", "b", "c"]
    assert names(labels="app in (x, y)") == ["a", "b"]
    assert names(labels={"app": "x"}) == ["a"]
    assert names(labels={"matchLabels": {"app": "y"}}) == ["b"]
    assert names(labels={}) == names(labels={"matchLabels": {}}) == names()
    with pytest.raises(ValueError):
        cache.list(labels="app in")
    assert (
        Name(NS, "a") in cache and Name(NS, "z") not in cache and cache.get(Name(NS, "z")) is None
    )
    found = cache.get(Name(NS, "a"))
    assert found is not None and found["kind"] == "ConfigMap"
    found["data"]["k"] = "mine"
    assert cache.get(Name(NS, "a")) != found
    assert cache.revision <= int((await around.user.list(PODS))["metadata"]["resourceVersion"])


class Undeclared(Recording):
    name = "undeclared"

    async def start(self) -> None:
        with pytest.raises(NotCached, match=r"no cache of deployments\.apps"):
            self.cached(DEPLOYMENTS)
        with pytest.raises(NotCached):
            self.watch(SECRETS, lambda old, new: [])
        self.started = trio.current_time()


async def test_caches_are_declared_before_it_runs(autojump_clock: Any, around: Around) -> None:
    controller = await around.run(Undeclared)
    assert controller.started >= 0
    widgets = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    with pytest.raises(NotCached, match=r"Widget of example\.com/v1"):
        controller.event(widgets, "Normal", "Any", "thing")


async def test_what_is_missing_is_said(autojump_clock: Any, around: Around) -> None:
    class Nameless(Controller):
        resource = PODS

    class Aimless(Controller):
        name = "aimless"
        owns = (PODS,)

    with pytest.raises(TypeError, match="needs a name"):
        Nameless(around.context)
    with pytest.raises(TypeError, match="needs a resource"):
        Aimless(around.context)


class Counting(Recording):
    """Makes one secret for each map whenever its cache shows none."""

    name = "counting"
    owns = (SECRETS,)

    async def reconcile(self, name: Name) -> float | None:
        owner = self.get(name)
        if owner is None or self.cached(SECRETS).owned_by(owner):
            return None
        reference = self.owner_reference(owner)
        metadata = {"generateName": "s-", "ownerReferences": [reference]}
        await self.client.create(SECRETS, {"metadata": metadata}, name.namespace)
        return None


class Forgetful(Counting):
    name = "forgetful"
    reads_own_writes = False


@pytest.mark.parametrize(("controller", "made"), [(Counting, 1), (Forgetful, 2)])
async def test_it_reads_its_own_writes_or_not(
    autojump_clock: Any, around: Around, controller: type[Controller], made: int
) -> None:
    await around.run(controller)
    around.held = "secrets"
    await around.map("m")
    await trio.sleep(0.1)
    await around.user.patch(CONFIG_MAPS, "m", {"data": {"x": "y"}}, NS)
    await trio.sleep(0.5)
    around.held = ""
    around.release.set()
    await trio.sleep(60)
    assert len((await around.user.list(SECRETS, NS))["items"]) == made


class Consistent(Recording):
    name = "consistent"
    consistent_start = True


@pytest.mark.parametrize(("controller", "asked"), [(Recording, "0"), (Consistent, "")])
async def test_its_caches_begin_with_what_is_at_hand_or_the_newest(
    autojump_clock: Any, around: Around, controller: type[Controller], asked: str
) -> None:
    await around.run(controller)
    first = around.asked("GET", "configmaps")[0]
    assert not first.parameter("watch") and first.parameter("resourceVersion") == asked


class Again(Recording):
    name = "again"
    resync_seconds = 100

    async def reconcile(self, name: Name) -> float | None:
        if name.name == "m":
            self.moments.append(round(trio.current_time()))
            return 7 if len(self.moments) < 3 else None
        return None

    def setup(self) -> None:
        self.moments: list[int] = []


async def test_a_name_comes_back_when_it_asked_to_and_at_each_resync(
    autojump_clock: Any, around: Around
) -> None:
    await around.map("m")
    controller = await around.run(Again)
    await trio.sleep(250)
    begin = controller.moments[0]
    assert [moment - begin for moment in controller.moments] == [0, 7, 14, 100, 200]


class Mortal(Recording):
    name = "mortal"
    lives = 0

    async def start(self) -> None:
        assert self.calls == [] and self.get(Name(NS, "m")) is not None
        type(self).lives += 1
        if self.lives < 3:
            raise OSError("not today")


async def test_a_start_that_fails_ends_the_process_and_another_begins(
    autojump_clock: Any, around: Around, caplog: pytest.LogCaptureFixture
) -> None:
    Mortal.lives = 0
    await around.map("m")
    first = await around.run(Mortal)
    assert Mortal.lives == 3 and around.supervisor.conditions["mortal"].restarts == 2
    assert first.calls == []  # those of the last life are its own
    assert "not today" in caplog.text


async def test_status_and_finalizers_are_patched_on_conditions(
    autojump_clock: Any, around: Around
) -> None:
    class Pods(Recording):
        name = "pods"
        resource = PODS

    controller = await around.run(Pods)
    spec = {"containers": [{"name": "c", "image": "i"}]}
    await around.user.create(k8slite.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, NS)
    stale = await around.user.create(PODS, {"metadata": {"name": "p"}, "spec": spec}, NS)
    obj = {**stale, "metadata": dict(stale["metadata"])}
    assert await controller.add_finalizer(obj) and not await controller.add_finalizer(obj)
    assert obj["metadata"]["finalizers"] == ["pods/finalizer"]
    with pytest.raises(Conflict):
        await controller.add_finalizer(stale, "example.com/other")
    assert await controller.patch_status(obj, {"message": "new"})
    assert not await controller.patch_status(obj, {"message": "new"})
    assert obj["status"]["message"] == "new"
    with pytest.raises(Conflict):
        await controller.patch_status(stale, {"message": "old"})
    assert await controller.patch_status(obj, {"message": None}) and "message" not in obj["status"]
    await around.user.delete(PODS, "p", NS, {"gracePeriodSeconds": 0})
    obj = await around.user.get(PODS, "p", NS)
    assert not await controller.add_finalizer(obj, "example.com/late")
    assert await controller.remove_finalizer(dict(obj))
    assert not await controller.remove_finalizer(obj)  # gone already
    with pytest.raises(NotFound):
        await around.user.get(PODS, "p", NS)


async def test_a_client_may_take_any_version(autojump_clock: Any, around: Around) -> None:
    await around.map("m")
    client = around.context.handler_client("x")
    found = await client.get(CONFIG_MAPS, "m", NS, resource_version="0")
    assert found["metadata"]["name"] == "m"
    assert around.requests[-1].parameter("resourceVersion") == "0"


def test_every_public_name_is_there() -> None:
    for node in ast.walk(ast.parse(Path(k8slite.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("k8slite."):
            for alias in node.names:
                assert getattr(k8slite, alias.name) is not None
    assert isinstance(k8slite.STATEFUL_SETS, Resource)
    with pytest.raises(AttributeError, match="NOTHING"):
        _ = k8slite.NOTHING
