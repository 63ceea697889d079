"""Jobs, and what starts them by the clock."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.batch.columns import TABLES
from k8slite.kinds.batch.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status, text_at
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "batch",
        "v1",
        "CronJob",
        "cronjobs",
        strategies=STRATEGIES,
        categories=("all",),
        short_names=("cj",),
        subresources=(status("CronJob"),),
        table=TABLES["cronjobs"],
    ),
    entry(
        "batch",
        "v1",
        "Job",
        "jobs",
        strategies=STRATEGIES,
        categories=("all",),
        subresources=(status("Job"),),
        selectable={"status.successful": text_at("status", "succeeded", default="0")},
        table=TABLES["jobs"],
    ),
)
