"""Flags of `up` that are about the audit log, as kube-apiserver has them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from k8slite.cli.flags import Flags, said, truth
from k8slite.cli.place import Complaint

if TYPE_CHECKING:
    from k8slite.live.audit import Auditing

FLAGS: Final = Flags(
    "the audit log, as of kube-apiserver",
    (
        ("audit-policy-file", "FILE", "what is audited"),
        ("audit-log-path", "FILE", "'-': standard output"),
        ("audit-log-maxsize", "N", "megabytes after which the file is put aside (100)"),
        ("audit-log-maxbackup", "N", "how many of those are kept (all)"),
        ("audit-log-maxage", "N", "for how many days (for ever)"),
        ("audit-webhook-config-file", "FILE", "a kubeconfig: where events are sent too"),
        ("audit-webhook-mode", "MODE", "batch, blocking or blocking-strict (batch)"),
        ("audit-webhook-initial-backoff", "TIME", "before the second attempt (10s)"),
        ("audit-webhook-batch-buffer-size", "N", "events that wait at the most (10000)"),
        ("audit-webhook-batch-max-size", "N", "events of a batch at the most (400)"),
        ("audit-webhook-batch-max-wait", "TIME", "for a batch to be full (30s)"),
        ("audit-webhook-batch-throttle-enable", "BOOL", "whether batches are throttled (true)"),
        ("audit-webhook-batch-throttle-qps", "X", "batches a second (10)"),
        ("audit-webhook-batch-throttle-burst", "N", "batches at once (15)"),
    ),
)


def auditing(parsed: argparse.Namespace) -> Auditing:
    """What becomes of the audit log. Raises Complaint."""
    from k8slite.apiserver.auditing.webhook import MODES, Batching
    from k8slite.live.audit import Auditing
    from k8slite.live.lines import MEGABYTE, Turnover

    turnover = Turnover(
        int(_number(parsed, "audit-log-maxsize", 100)) * MEGABYTE,
        int(_number(parsed, "audit-log-maxbackup", 0, least=0)),
        int(_number(parsed, "audit-log-maxage", 0, least=0)),
    )
    batch = "audit-webhook-batch-"
    mode = said(parsed, "audit-webhook-mode") or "batch"
    if mode not in MODES:
        known = ", ".join(MODES)
        raise Complaint(f"invalid audit webhook mode {mode}, allowed modes are {known!r}")
    throttle = f"{batch}throttle-enable"
    throttled = truth(throttle, said(parsed, throttle).lower() or "true")
    default = Batching()
    batching = Batching(
        int(_number(parsed, f"{batch}buffer-size", default.buffer_size)),
        int(_number(parsed, f"{batch}max-size", default.max_size)),
        _seconds(parsed, f"{batch}max-wait", default.max_wait_seconds),
        throttled,
        _number(parsed, f"{batch}throttle-qps", default.throttle_qps),
        int(_number(parsed, f"{batch}throttle-burst", default.throttle_burst)),
    )
    webhook: dict[str, Any] = {"mode": mode, "batching": batching}
    webhook["initial_backoff_seconds"] = _seconds(parsed, "audit-webhook-initial-backoff", 10.0)
    file = said(parsed, "audit-webhook-config-file")
    return Auditing(parsed.audit_policy_file, parsed.audit_log_path, turnover, file, **webhook)


def _number(
    parsed: argparse.Namespace, name: str, default: float, *, least: float = 0.001
) -> float:
    text = said(parsed, name)
    try:
        found = float(text) if text else default
    except ValueError:
        raise Complaint(f"--{name}={text} is no number") from None
    if not least <= found < float("inf"):
        raise Complaint(f"invalid --{name} {text}, must be a positive number")
    return found


def _seconds(parsed: argparse.Namespace, name: str, default: float) -> float:
    from k8slite.objects.go_duration import SECOND, nanoseconds_of

    text = said(parsed, name)
    try:
        found = nanoseconds_of(text) / SECOND if text else default
    except ValueError:
        raise Complaint(f"--{name}={text} is no span of time, such as 30s") from None
    if found < 0:
        raise Complaint(f"invalid --{name} {text}, must be a positive number")
    return found
