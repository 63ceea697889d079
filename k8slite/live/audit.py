"""The audit log: the policy that is read, the file that is written, the webhook that is called."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import trio
from attrs import evolve, frozen

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.auditing.policy import Policy, read_policy
from k8slite.apiserver.auditing.webhook import AuditWebhook, Batching, Mode
from k8slite.live.lines import Lines, Turnover
from k8slite.live.world import LiveWorld

# What is left when the cluster stops has so long to get to the webhook.
CLOSING_SECONDS: Final = 5.0


@frozen
class Auditing:
    """What `k8slite up` was told of the audit log."""

    policy: str = ""  # the file's name
    log: str = ""  # the file's name, or "-": standard output
    turnover: Turnover = Turnover()
    webhook: str = ""  # the name of a kubeconfig file
    mode: Mode = "batch"
    batching: Batching = Batching()
    initial_backoff_seconds: float = 10.0


@asynccontextmanager
async def audit_log(asked: Auditing) -> AsyncIterator[AuditLog | None]:
    """The log as `--audit-policy-file`, `--audit-log-*` and `--audit-webhook-*` ask for it.

    None where the policy or both places are missing, as upstream's server has none then either.
    The file is only added to, a line at a time. Raises OSError and ValueError.
    """
    if not asked.policy or not (asked.log or asked.webhook):
        yield None
        return
    with ExitStack() as stack:
        log = AuditLog(_policy(Path(asked.policy)), _written(asked, stack))
        if not asked.webhook:
            yield log
            return
        webhook = _webhook(asked, stack)
        async with trio.open_nursery() as nursery:
            await nursery.start(webhook.run)
            try:
                yield evolve(log, webhook=webhook)
            finally:
                webhook.close()
                nursery.cancel_scope.deadline = trio.current_time() + CLOSING_SECONDS


def _written(asked: Auditing, stack: ExitStack) -> Callable[[bytes], None] | None:
    if asked.log == "-":
        return _to_standard_output
    if not asked.log:
        return None
    return stack.enter_context(closing(Lines(Path(asked.log), turnover=asked.turnover))).write


def _webhook(asked: Auditing, stack: ExitStack) -> AuditWebhook:
    from k8slite.live.access import NoAccess, access
    from k8slite.live.remote import Remote

    try:
        found = access(Path(asked.webhook))
    except NoAccess as error:
        raise ValueError(f"loading audit webhook config: {error}") from None
    parts = urlsplit(found.server)
    remote = stack.enter_context(Remote(evolve(found, server=f"{parts.scheme}://{parts.netloc}")))
    return AuditWebhook(
        remote,
        parts.path.rstrip("/") or "/",
        LiveWorld(),
        asked.mode,
        asked.initial_backoff_seconds,
        asked.batching,
    )


def _policy(path: Path) -> Policy:
    from ruamel.yaml import YAML  # takes longer to load than all the rest of this
    from ruamel.yaml.error import YAMLError

    try:
        return read_policy(YAML(typ="safe", pure=True).load(path.read_text()))
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no audit policy: {reason}") from None


def _to_standard_output(line: bytes) -> None:
    sys.stdout.write(line.decode())
    sys.stdout.flush()
