"""The status of a Job in the making: read from the last one, changed, and rendered. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import Factory, define, frozen

from k8slite.kinds.batch.models import Job
from k8slite.objects.meta import find_condition, timestamp

Json = dict[str, Any]

# What stands in the conditions while the last pods are being counted.
_INTERIM: Final[Mapping[str, str]] = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}


@frozen
class Ending:
    """How a Job ends."""

    type: str  # "Complete" or "Failed"
    reason: str
    message: str

    @property
    def interim(self) -> str:
        """The condition that says so before it is final."""
        return _INTERIM[self.type]


@define
class Draft:
    """A status that is being written."""

    active: int = 0
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    completed_indexes: str = ""
    failed_indexes: str | None = None
    # UIDs of pods that are counted as soon as their finalizer is gone.
    uncounted_succeeded: list[str] = Factory(list)
    uncounted_failed: list[str] = Factory(list)
    conditions: list[Json] = Factory(list)
    start_time: str = ""
    completion_time: str = ""

    @classmethod
    def of(cls, job: Job, status: Mapping[str, Any]) -> Draft:
        """What a Job says now."""
        known = job.status
        return cls(
            succeeded=known.succeeded,
            failed=known.failed,
            completed_indexes=known.completed_indexes,
            failed_indexes=known.failed_indexes,
            uncounted_succeeded=list(known.uncounted_terminated_pods.succeeded),
            uncounted_failed=list(known.uncounted_terminated_pods.failed),
            conditions=list(status.get("conditions") or ()),
            start_time=status.get("startTime") or "",
            completion_time=status.get("completionTime") or "",
        )

    @property
    def uncounted(self) -> int:
        return len(self.uncounted_succeeded) + len(self.uncounted_failed)

    def json(self) -> Json:
        """As the API has it: zeros are left out, but for what is only there since it is told."""
        found: Json = {"ready": self.ready, "terminating": self.terminating}
        for key, value in (
            ("active", self.active),
            ("succeeded", self.succeeded),
            ("failed", self.failed),
            ("completedIndexes", self.completed_indexes),
            ("startTime", self.start_time),
            ("completionTime", self.completion_time),
            ("conditions", self.conditions),
        ):
            if value:
                found[key] = value
        if self.failed_indexes is not None:
            found["failedIndexes"] = self.failed_indexes
        lists = (("succeeded", self.uncounted_succeeded), ("failed", self.uncounted_failed))
        found["uncountedTerminatedPods"] = {key: list(uids) for key, uids in lists if uids}
        return found

    def count(self, still_tracked: Container[str]) -> None:
        """Count those whose finalizer is gone (upstream: `cleanUncountedPodsWithoutFinalizers`)."""
        succeeded = [uid for uid in self.uncounted_succeeded if uid in still_tracked]
        failed = [uid for uid in self.uncounted_failed if uid in still_tracked]
        self.succeeded += len(self.uncounted_succeeded) - len(succeeded)
        self.failed += len(self.uncounted_failed) - len(failed)
        self.uncounted_succeeded, self.uncounted_failed = succeeded, failed

    def ending(self) -> Ending | None:
        """What an earlier look has found out already."""
        for final in ("Complete", "Failed"):
            found = find_condition(self.conditions, _INTERIM[final])
            if found is not None and found["status"] == "True":
                return Ending(final, found.get("reason", ""), found.get("message", ""))
        return None

    def condition(
        self, type_: str, reason: str, message: str, now: datetime, *, holds: bool = True
    ) -> bool:
        """Set a condition; whether that changes something (upstream: `ensureJobConditionStatus`).

        One that does not hold and never did is not written.
        """
        status = "True" if holds else "False"
        made = {
            "type": type_,
            "status": status,
            "lastProbeTime": timestamp(now),
            "lastTransitionTime": timestamp(now),
            **({"reason": reason} if reason else {}),
            **({"message": message} if message else {}),
        }
        for at, known in enumerate(self.conditions):
            if known["type"] == type_:
                same = (known["status"], known.get("reason", ""), known.get("message", ""))
                if same == (status, reason, message):
                    return False
                self.conditions[at] = made
                return True
        if holds:
            self.conditions.append(made)
        return holds
