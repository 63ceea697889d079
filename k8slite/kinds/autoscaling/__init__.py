"""Horizontal pod autoscalers, in two versions."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.autoscaling.columns import TABLES
from k8slite.kinds.autoscaling.conversion import v1_from_stored, v1_to_stored
from k8slite.kinds.autoscaling.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("hpa",),
        subresources=(status("HorizontalPodAutoscaler"),),
        table=TABLES["horizontalpodautoscalers"],
    ),
    entry(
        "autoscaling",
        "v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        strategies=STRATEGIES,
        categories=("all",),
        storage="autoscaling/v2",
        short_names=("hpa",),
        subresources=(status("HorizontalPodAutoscaler"),),
        from_stored=v1_from_stored,
        to_stored=v1_to_stored,
        table=TABLES["horizontalpodautoscalers"],
    ),
)
