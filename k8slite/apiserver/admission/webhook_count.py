"""What /metrics is told of one call of a webhook.

Upstream: `admission/plugin/webhook/{mutating,validating}/dispatcher.go`.
"""

from __future__ import annotations

from typing import Final

import trio
from attrs import define

from k8slite.apiserver.metrics import WAITED, Metrics

_CODE_MOST: Final = 600  # greater ones are told as this one
_UNREACHED: Final = 503


@define(eq=False)
class WebhookCount:
    """One call; `sort` is admit or validating."""

    metrics: Metrics
    name: str
    sort: str
    operation: str
    began: float = -1  # negative: it was not even called

    def begin(self) -> None:
        """The webhook is asked now."""
        self.began = trio.current_time()

    def allowed(self) -> None:
        """It lets the write pass."""
        self._end(200, is_refused=False)

    def refused(self, code: int) -> None:
        """It refuses with this status."""
        self._reject("no_error", code)
        self._end(code, is_refused=True)

    def failed(self, *, is_passed_by: bool) -> None:
        """It could not be asked, or gave no answer that can be used."""
        if is_passed_by:
            self.metrics.webhook_fail_open.add(self.name, self.sort)
        else:
            self._reject("calling_webhook_error", _UNREACHED)
        self._end(_UNREACHED, is_refused=not is_passed_by)

    def _reject(self, error: str, code: int) -> None:
        shown = str(min(code, _CODE_MOST))
        self.metrics.webhook_rejections.add(self.name, self.sort, self.operation, error, shown)

    def _end(self, code: int, *, is_refused: bool) -> None:
        rejected = "true" if is_refused else "false"
        shown = str(min(code, _CODE_MOST))
        self.metrics.webhook_requests.add(self.name, self.sort, self.operation, shown, rejected)
        if self.began >= 0:
            seconds = trio.current_time() - self.began
            waited = WAITED.get([0.0, 0.0])
            if self.sort == "admit":
                waited[0] += seconds
            else:
                waited[1] = max(waited[1], seconds)
            self.metrics.webhooks.observe(seconds, self.name, self.sort, self.operation, rejected)
