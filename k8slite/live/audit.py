"""The audit log's two files: the policy that is read, and the log that is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.auditing.policy import Policy, read_policy


@contextmanager
def audit_log(policy: str, log: str) -> Iterator[AuditLog | None]:
    """The log as `--audit-policy-file` and `--audit-log-path` ask for it ("-": standard output).

    None where one of them is missing, as upstream's server has none then either. The file is only
    added to, a line at a time. Raises OSError and ValueError.
    """
    if not policy or not log:
        yield None
        return
    rules = _policy(Path(policy))
    if log == "-":
        yield AuditLog(rules, _to_standard_output)
        return
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        yield AuditLog(rules, lambda line: _write(descriptor, line))
    finally:
        os.close(descriptor)


def _policy(path: Path) -> Policy:
    from ruamel.yaml import YAML  # takes longer to load than all the rest of this
    from ruamel.yaml.error import YAMLError

    try:
        return read_policy(YAML(typ="safe", pure=True).load(path.read_text()))
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no audit policy: {reason}") from None


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _to_standard_output(line: bytes) -> None:
    sys.stdout.write(line.decode())
    sys.stdout.flush()
