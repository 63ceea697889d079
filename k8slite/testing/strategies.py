"""Hypothesis strategies: names, labels, objects, workloads, manifests, and plans of faults.

Everything drawn is valid: an API server takes it. Needs Hypothesis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from k8slite.faults.plan import FAULTS, Fault, Plan

Json = dict[str, Any]

REPLICAS_MOST: Final = 5
NUMBER_MOST: Final = 40  # of the write, event or commit at which a fault strikes


def names() -> st.SearchStrategy[str]:
    """Names of objects (RFC 1123 labels), short."""
    return st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


def labels(least: int = 0) -> st.SearchStrategy[Json]:
    """Labels, few."""
    values = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?)?", fullmatch=True)
    return st.dictionaries(names(), values, min_size=least, max_size=3)


def containers() -> st.SearchStrategy[Json]:
    """A container with small requests."""
    return st.builds(
        lambda name, image, milli, mebi: {
            "name": name,
            "image": f"example.com/{image}",
            "resources": {"requests": {"cpu": f"{milli}m", "memory": f"{mebi}Mi"}},
        },
        names(),
        names(),
        st.integers(0, 2000),
        st.integers(1, 512),
    )


def pod_specs() -> st.SearchStrategy[Json]:
    """A PodSpec of one to three containers."""
    listed = st.lists(containers(), min_size=1, max_size=3, unique_by=lambda one: one["name"])
    return st.builds(lambda found: {"containers": found}, listed)


def pods() -> st.SearchStrategy[Json]:
    """A Pod."""
    return _objects("v1", "Pod", st.builds(lambda spec: {"spec": spec}, pod_specs()))


def config_maps() -> st.SearchStrategy[Json]:
    """A ConfigMap."""
    data = st.dictionaries(names(), st.text(max_size=20), max_size=3)
    return _objects("v1", "ConfigMap", st.builds(lambda found: {"data": found}, data))


def deployments() -> st.SearchStrategy[Json]:
    """A Deployment whose selector fits its template."""
    return _objects("apps/v1", "Deployment", _workload())


def replica_sets() -> st.SearchStrategy[Json]:
    """A ReplicaSet whose selector fits its template."""
    return _objects("apps/v1", "ReplicaSet", _workload())


def services() -> st.SearchStrategy[Json]:
    """A Service of type ClusterIP."""
    spec = st.builds(
        lambda selector, port: {"spec": {"selector": selector, "ports": [{"port": port}]}},
        labels(1),
        st.integers(1, 65535),
    )
    return _objects("v1", "Service", spec)


def manifests(most: int = 4) -> st.SearchStrategy[list[Json]]:
    """Several objects of different names, as `Scenario.objects` takes them."""
    one = st.one_of(deployments(), services(), config_maps(), pods())
    return st.lists(one, max_size=most, unique_by=lambda obj: obj["metadata"]["name"])


def plans(
    processes: Sequence[str],
    resources: Sequence[str] = ("pods",),
    *,
    kinds: Sequence[str] = tuple(FAULTS),
    most: int = 3,
) -> st.SearchStrategy[Plan]:
    """Plans of up to `most` faults of some kinds, striking some processes and their watches."""
    values: Mapping[str, st.SearchStrategy[Any]] = {
        "process": st.sampled_from(list(processes)),
        "resource": st.sampled_from(list(resources)),
        "status": st.sampled_from([409, 429, 500, 503]),
        "seconds": st.sampled_from([1.0, 5.0, 60.0, 400.0]),
        "node": st.sampled_from(["node-0", "node-1", "node-2"]),
        "how": st.sampled_from(["exit", "oom", "slow", "probe"]),
        "namespace": st.just("default"),
        "object_name": names(),
        "expired": st.booleans(),
        "recreate": st.booleans(),
        "down_seconds": st.sampled_from([0.0, 1.0, 60.0]),
        "behind_seconds": st.sampled_from([5.0, 60.0]),
    }
    numbers = st.integers(1, NUMBER_MOST)

    def faults(type_: type[Fault]) -> st.SearchStrategy[Fault]:
        drawn = {one.name: values.get(one.name, numbers) for one in attrs.fields(type_)}
        if type_.name == "crash":  # at a write or at an event, not both
            del drawn["event"]
        return st.builds(type_, **drawn)

    each = st.one_of([faults(FAULTS[name]) for name in kinds])
    return st.builds(lambda found: Plan(tuple(found)), st.lists(each, max_size=most))


def _objects(api_version: str, kind: str, rest: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda name, found, more: {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "labels": found},
            **more,
        },
        names(),
        labels(),
        rest,
    )


def _workload() -> st.SearchStrategy[Json]:
    return st.builds(
        lambda found, spec, replicas: {
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": found},
                "template": {"metadata": {"labels": found}, "spec": spec},
            }
        },
        labels(1),
        pod_specs(),
        st.integers(0, REPLICAS_MOST),
    )
