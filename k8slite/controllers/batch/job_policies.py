"""What a Job's policies say of failed pods and of indexes that succeeded. Pure.

Mirrors `pod_failure_policy.go` and `success_policy.go`: of the rules the first that matches counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from k8slite.controllers.batch import job_indexes
from k8slite.controllers.batch.job_indexes import Indexes
from k8slite.kinds.batch.models import (
    Job,
    OnExitCodes,
    OnPodCondition,
    PodFailureRule,
    SuccessRule,
)
from k8slite.kinds.core.models import Condition, ContainerStatus, Pod


@frozen
class Judgement:
    """What is to be done about a failed pod."""

    action: str = ""  # Ignore, Count, FailIndex, FailJob; "" where no rule matched
    message: str = ""  # why the Job fails, with FailJob

    @property
    def counted(self) -> bool:
        """Whether it counts towards the Job's failures."""
        return self.action != "Ignore"


def judge(job: Job, pod: Pod) -> Judgement:
    """What the Job's pod failure policy says of a failed pod."""
    policy = job.spec.pod_failure_policy
    for number, rule in enumerate(policy.rules if policy is not None else ()):
        found = _matched(rule, pod)
        if found:
            message = f"{found} matching {rule.action} rule at index {number}"
            return Judgement(rule.action, message if rule.action == "FailJob" else "")
    return Judgement()


def success(job: Job, succeeded: Indexes) -> str:
    """The message of the first rule of the success policy that is met, "" for none."""
    policy = job.spec.success_policy
    if policy is None or not succeeded:
        return ""
    for number, rule in enumerate(policy.rules):
        if _met(rule, succeeded, job.spec.completions or 0):
            return f"Matched rules at index {number}"
    return ""


def _matched(rule: PodFailureRule, pod: Pod) -> str:
    """What of a pod matches a rule, as the message says it."""
    name = pod.metadata.full_name
    if rule.on_exit_codes is not None:
        status = pod.status
        for statuses in (status.container_statuses, status.init_container_statuses):
            found = _container(rule.on_exit_codes, statuses)
            if found is not None and found.state.terminated is not None:
                code = found.state.terminated.exit_code
                return f"Container {found.name} for pod {name} failed with exit code {code}"
        return ""
    condition = _condition(rule.on_pod_conditions, pod.status.conditions)
    return f"Pod {name} has condition {condition.type}" if condition is not None else ""


def _container(wanted: OnExitCodes, statuses: Sequence[ContainerStatus]) -> ContainerStatus | None:
    for status in statuses:
        terminated = status.state.terminated
        if terminated is None or terminated.exit_code == 0:
            continue
        if wanted.container_name not in (None, status.name):
            continue
        if (terminated.exit_code in wanted.values) == (wanted.operator == "In"):
            return status
    return None


def _condition(
    wanted: Sequence[OnPodCondition], conditions: Sequence[Condition]
) -> Condition | None:
    for condition in conditions:
        for pattern in wanted:
            if (condition.type, condition.status) == (pattern.type, pattern.status):
                return condition
    return None


def _met(rule: SuccessRule, succeeded: Indexes, completions: int) -> bool:
    if rule.succeeded_indexes is None:
        return rule.succeeded_count is not None and len(succeeded) >= rule.succeeded_count
    wanted = job_indexes.parse(rule.succeeded_indexes, completions)
    there = wanted.overlap(succeeded)
    enough = len(wanted) if rule.succeeded_count is None else rule.succeeded_count
    return bool(wanted) and there >= min(enough, len(wanted))
