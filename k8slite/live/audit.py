"""The audit log's two files: the policy that is read, and the log that is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import frozen

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.auditing.policy import Policy, read_policy
from k8slite.live.lines import Lines, Turnover


@frozen
class Auditing:
    """What `k8slite up` was told of the audit log."""

    policy: str = ""  # the file's name
    log: str = ""  # the file's name, or "-": standard output
    turnover: Turnover = Turnover()


@contextmanager
def audit_log(asked: Auditing) -> Iterator[AuditLog | None]:
    """The log as `--audit-policy-file` and `--audit-log-*` ask for it.

    None where policy or log are missing, as upstream's server has none then either. The file is
    only added to, a line at a time. Raises OSError and ValueError.
    """
    if not asked.policy or not asked.log:
        yield None
        return
    rules = _policy(Path(asked.policy))
    if asked.log == "-":
        yield AuditLog(rules, _to_standard_output)
        return
    with closing(Lines(Path(asked.log), turnover=asked.turnover)) as lines:
        yield AuditLog(rules, lines.write)


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
