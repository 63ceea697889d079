"""Disruption budgets, as far as components read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

from k8slite.kinds.models import LabelSelector, Metadata


@frozen
class PodDisruptionBudgetSpec:
    selector: LabelSelector | None = None


@frozen
class PodDisruptionBudgetStatus:
    disruptions_allowed: int = 0
    disrupted_pods: Mapping[str, Any] = Factory(dict)  # when an eviction was allowed, by name


@frozen
class PodDisruptionBudget:
    metadata: Metadata
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()
