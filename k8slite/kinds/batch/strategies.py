"""How the kinds of group `batch` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.batch.cron_validation import validate_cron_job
from k8slite.kinds.batch.job_defaults import default_cron_job, default_job, prepare_job
from k8slite.kinds.batch.job_status_validation import validate_job_status
from k8slite.kinds.batch.job_validation import validate_job
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "cronjobs": Strategy(
        default=default_cron_job,
        prepare=keep_status,
        validate=validate_cron_job,
        generation=True,
        status=True,
    ),
    "jobs": Strategy(
        default=default_job,
        prepare=prepare_job,
        validate=validate_job,
        validate_status=validate_job_status,
        generation=True,
        status=True,
        orphan_by_default=True,
    ),
}
