"""What the headers of every answer say, whatever was asked: its date, its number for the audit log,
that nobody may keep it, and what flow control makes of the request.

Only those have them who ask from outside: nobody in this process would read them. Upstream:
`WithAuditInit`, `WithCacheControl`, and what Go's server adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from attrs import define

from k8slite.messages import Request, Response
from k8slite.world import World

AUDIT_HEADER: Final = "Audit-Id"
_UNKEPT: Final = ("Cache-Control", "no-cache, private")


@define(eq=False)
class AnswerHeaders:
    """Adds them."""

    world: World
    _second: datetime | None = None
    _date: tuple[str, str] = ("Date", "")

    def number(self, request: Request) -> str:
        """By what the audit log knows a request: as the client has it, or a new one."""
        return request.headers.get("audit-id", "") or self.world.uid()

    def added(self, response: Response, number: str, more: Iterable[tuple[str, str]]) -> Response:
        """An answer with what every answer says, where it does not say so itself."""
        headers, added = response.headers, (_UNKEPT, self._dated(), *more, (AUDIT_HEADER, number))
        if len(headers) > 1:
            said = {name.lower() for name, _ in headers}
            added = tuple(one for one in added if one[0].lower() not in said)
        return Response(response.status, response.body, headers + added, response.conversation)

    def _dated(self) -> tuple[str, str]:
        now = self.world.now().replace(microsecond=0)
        if now != self._second:
            self._second = now
            self._date = ("Date", format_datetime(now, usegmt=True))
        return self._date
