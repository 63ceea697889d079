"""What a client shows of itself: fixed, read from a file, or told by a command.

Tokens of pods are renewed by the kubelet, and those of clouds by a helper program, so that what
is shown can change while a client runs.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import trio
from attrs import field, frozen

from k8slite.objects.meta import parse_timestamp

Json = dict[str, Any]

# How long a token's file is not looked at again (upstream: `transport.NewCachedFileTokenSource`
# reads it each minute).
FILE_SECONDS: Final = 60.0
# How long the command may take; it may ask a person, or a slow cloud.
COMMAND_SECONDS: Final = 120.0


class NoCredential(ConnectionError):
    """What to show could not be found out; another attempt may succeed."""


@frozen
class Credential:
    """The Authorization header's value, and a client certificate with its key in PEM; or ""."""

    authorization: str = ""
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


class Credentials(Protocol):
    """Where a client's Credential comes from."""

    async def current(self) -> Credential:
        """What to show now. Raises NoCredential."""
        ...

    def refused(self) -> bool:
        """The server did not take the current one; whether there may be a better one now."""
        ...


@frozen
class Fixed:
    """The same for ever."""

    credential: Credential

    async def current(self) -> Credential:
        await trio.lowlevel.checkpoint()
        return self.credential

    def refused(self) -> bool:
        return False


class TokenFile:
    """A bearer token in a file that somebody else renews; the rest stays as it is."""

    def __init__(self, path: Path, rest: Credential) -> None:
        self._path = path
        self._latest = rest
        self._read_at = float("-inf")

    async def current(self) -> Credential:
        """As the file was at most a minute ago; where it cannot be read, as it was before."""
        await trio.lowlevel.checkpoint()
        if trio.current_time() < self._read_at + FILE_SECONDS:
            return self._latest
        try:
            token = self._path.read_text().strip()
        except OSError as error:
            if not self._latest.authorization:
                raise NoCredential(f"{self._path}: {error.strerror}") from error
            return self._latest
        self._read_at = trio.current_time()
        self._latest = Credential(f"Bearer {token}", self._latest.certificate, self._latest.key)
        return self._latest

    def refused(self) -> bool:
        was_old = self._read_at < trio.current_time()
        self._read_at = float("-inf")
        return was_old


class Command:
    """A program that prints an ExecCredential (`client.authentication.k8s.io`).

    `now` is the time of day, to which the credential's own end is held.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        info: Json,
        rest: Credential,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._command = list(command)
        self._environment = {
            **environment,
            "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode(),
        }
        self._api_version = info["apiVersion"]
        self._rest = rest
        self._now = now
        self._latest: Credential | None = None
        self._until: datetime | None = None
        self._asking = trio.Lock()

    async def current(self) -> Credential:
        """What it said last, unless that has ended."""
        async with self._asking:  # one question at a time: it may be one to a person
            if self._latest is None or (self._until is not None and self._now() >= self._until):
                self._latest = await self._ask()
            return self._latest

    def refused(self) -> bool:
        known, self._latest = self._latest, None
        return known is not None

    async def _ask(self) -> Credential:
        program = self._command[0]
        try:
            with trio.fail_after(COMMAND_SECONDS):
                done = await trio.run_process(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    env=self._environment,
                )
        except OSError as error:
            raise NoCredential(f"{program}: {error.strerror}") from error
        except trio.TooSlowError:
            raise NoCredential(f"{program} did not end within {COMMAND_SECONDS:g} s") from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise NoCredential(f"{program} ended with {done.returncode}: {lines[-1]}")
        try:
            status = self._status(done.stdout)
            until = status.get("expirationTimestamp")
            self._until = parse_timestamp(until) if until else None
        except (ValueError, TypeError, KeyError) as error:
            raise NoCredential(f"{program} printed no credential: {error}") from None
        token = status.get("token")
        return Credential(
            f"Bearer {token}" if token else self._rest.authorization,
            status.get("clientCertificateData") or self._rest.certificate,
            status.get("clientKeyData") or self._rest.key,
        )

    def _status(self, printed: bytes) -> Json:
        found = orjson.loads(printed)
        if found["kind"] != "ExecCredential" or found["apiVersion"] != self._api_version:
            raise ValueError(f"it is not an ExecCredential of {self._api_version}")
        status: Json = found["status"]
        if not status.get("token") and not status.get("clientCertificateData"):
            raise ValueError("it has neither a token nor a certificate")
        return status


def bearer(token: str) -> str:
    """The Authorization header for a token; "" for none."""
    return f"Bearer {token}" if token else ""


def basic(name: str, password: str) -> str:
    """The Authorization header for a name and a password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
