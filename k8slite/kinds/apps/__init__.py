"""Workloads: deployments, replica sets, stateful sets, daemon sets."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.apps.columns import TABLES
from k8slite.kinds.apps.strategies import STRATEGIES
from k8slite.kinds.entry import entry, scale, status, text_at
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "apps",
        "v1",
        "ControllerRevision",
        "controllerrevisions",
        strategies=STRATEGIES,
        table=TABLES["controllerrevisions"],
    ),
    entry(
        "apps",
        "v1",
        "DaemonSet",
        "daemonsets",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("ds",),
        subresources=(status("DaemonSet"),),
        table=TABLES["daemonsets"],
    ),
    entry(
        "apps",
        "v1",
        "Deployment",
        "deployments",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("deploy",),
        subresources=(scale(), status("Deployment")),
        table=TABLES["deployments"],
    ),
    entry(
        "apps",
        "v1",
        "ReplicaSet",
        "replicasets",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("rs",),
        subresources=(scale(), status("ReplicaSet")),
        selectable={"status.replicas": text_at("status", "replicas", default="0")},
        table=TABLES["replicasets"],
    ),
    entry(
        "apps",
        "v1",
        "StatefulSet",
        "statefulsets",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("sts",),
        subresources=(scale(), status("StatefulSet")),
        table=TABLES["statefulsets"],
    ),
)
