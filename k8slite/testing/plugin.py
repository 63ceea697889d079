"""Fixtures for pytest; `pip install k8slite` is enough for pytest to find them.

    k8slite_cluster         one cluster for the whole session (each worker of xdist has its own)
    k8slite_namespace       a namespace of it for this test, deleted afterwards
    k8slite_fresh_cluster   a cluster of its own for this test, as its marker says:
                            @pytest.mark.k8slite(version="1.33", nodes=1, controllers=("*",))
    k8slite_url, k8slite_kubeconfig      how to reach the session's cluster
    k8slite_kubernetes, k8slite_kubernetes_asyncio, k8slite_lightkube, k8slite_kr8s
                            clients of these packages for it (the second is to be awaited:
                            `async with await k8slite_kubernetes_asyncio() as api`)

In the configuration: `k8slite_version`, `k8slite_nodes` and `k8slite_controllers` say how the
session's cluster is, and fresh ones without a marker. A cluster that a test has started and not
stopped is stopped, and the test is told.

Nothing is imported here that a project without these fixtures would pay for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from k8slite.testing.cluster import Cluster

_PER_TEST: Final = ("k8slite_namespace", "k8slite_fresh_cluster")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The project's choices."""
    parser.addini("k8slite_version", "the Kubernetes version of k8slite's clusters", default="")
    parser.addini("k8slite_nodes", "how many nodes k8slite's clusters have", default="")
    parser.addini("k8slite_controllers", "which controllers run in them", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line(
        "markers",
        "k8slite(version, nodes, controllers, scheduler, tls): "
        "how this test's k8slite_fresh_cluster is",
    )


@pytest.fixture(scope="session")
def k8slite_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The session's cluster."""
    with _start(_of_project(request.config)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def k8slite_url(k8slite_cluster: Cluster) -> str:
    """The URL of the session's cluster."""
    return k8slite_cluster.url


@pytest.fixture(scope="session")
def k8slite_kubeconfig(k8slite_cluster: Cluster) -> Path:
    """The path of the kubeconfig of the session's cluster."""
    return k8slite_cluster.kubeconfig


@pytest.fixture
def k8slite_namespace(k8slite_cluster: Cluster) -> Iterator[str]:
    """The name of a new namespace of the session's cluster, deleted after the test."""
    from k8slite.objects.errors import NotFound

    name = k8slite_cluster.namespace()
    yield name
    try:
        k8slite_cluster.delete(f"namespace/{name}", wait=False)
    except NotFound:
        pass  # the test has done it itself


@pytest.fixture
def k8slite_fresh_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster for this test alone."""
    marker = request.node.get_closest_marker("k8slite")
    given = dict(marker.kwargs) if marker is not None else {}
    with _start({**_of_project(request.config), **given}) as cluster:
        yield cluster


@pytest.fixture
def k8slite_kubernetes(k8slite_cluster: Cluster) -> Any:
    """A `kubernetes.client.ApiClient` for the session's cluster."""
    return k8slite_cluster.clients.kubernetes()


@pytest.fixture
def k8slite_kubernetes_asyncio(k8slite_cluster: Cluster) -> Callable[[], Any]:
    """Makes a `kubernetes_asyncio.client.ApiClient`, when called and awaited."""
    return k8slite_cluster.clients.kubernetes_asyncio


@pytest.fixture
def k8slite_lightkube(k8slite_cluster: Cluster, k8slite_namespace: str) -> Any:
    """A `lightkube.Client` for the session's cluster, in the test's namespace."""
    return k8slite_cluster.clients.lightkube(k8slite_namespace)


@pytest.fixture
def k8slite_kr8s(k8slite_cluster: Cluster, k8slite_namespace: str) -> Any:
    """A blocking `kr8s.Api` for the session's cluster, in the test's namespace."""
    return k8slite_cluster.clients.kr8s(k8slite_namespace)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker without the fixture that it is for would be passed over in silence."""
    marker = item.get_closest_marker("k8slite")
    if marker is None:
        return
    if marker.args:
        pytest.fail("the marker k8slite takes names: @pytest.mark.k8slite(nodes=1)", pytrace=False)
    if "k8slite_fresh_cluster" not in getattr(item, "fixturenames", ()):
        pytest.fail(
            "the marker k8slite says how k8slite_fresh_cluster is, which this test does not take; "
            "k8slite_cluster is shared, and as the options k8slite_... in the configuration say",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """See which clusters the test itself starts (those of fixtures are theirs to stop)."""
    before = _running()
    try:
        return (yield)
    finally:
        item.stash[_STARTED] = [loop for loop in _running() if loop not in before]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Stop what the test has forgotten, and tell it."""
    result = yield
    left = [loop for loop in item.stash.get(_STARTED, []) if loop in _running()]
    if left:
        from k8slite.testing import forgotten

        pytest.fail("\n".join(forgotten.stop(loop) for loop in left), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say what to do about a fixture that is asked for by a wider one."""
    report = yield
    text = str(report.longrepr) if report.failed else ""
    named = [name for name in _PER_TEST if name in text]
    if "ScopeMismatch" in text and named:
        hint = (
            f"{named[0]} lives for one test. A fixture of a wider scope takes k8slite_cluster and "
            "calls cluster.namespace(), or has a cluster of its own: "
            "`with k8slite.testing.start() as cluster: yield cluster`"
        )
        report.sections.append(("k8slite", hint))
    return report


def _start(options: dict[str, Any]) -> Cluster:
    from k8slite.testing import start

    try:
        return start(**options)
    except (TypeError, ValueError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        pytest.fail(f"there can be no cluster with {given}: {error}", pytrace=False)


def _of_project(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if version := config.getini("k8slite_version"):
        found["version"] = version
    if nodes := config.getini("k8slite_nodes"):
        if not str(nodes).isdecimal():
            pytest.fail(f"k8slite_nodes is a number, not {nodes!r}", pytrace=False)
        found["nodes"] = int(nodes)
    if controllers := config.getini("k8slite_controllers"):
        found["controllers"] = tuple(controllers)
    return found


def _running() -> dict[Any, str]:
    forgotten = sys.modules.get("k8slite.testing.forgotten")
    return forgotten.running() if forgotten is not None else {}


_STARTED: Final = pytest.StashKey[list[Any]]()
