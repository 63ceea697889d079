"""API errors: each class is named as the Status reason that it stands for.

`type(error).__name__` is the wire's reason, `status_code` the HTTP status; `status()` is the
Status object that upstream's apimachinery builds (`pkg/api/errors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import frozen

Json = dict[str, Any]


@frozen
class Cause:
    """One reason why an object was refused (upstream: `metav1.StatusCause`)."""

    reason: str
    message: str
    field: str = ""

    def json(self) -> Json:
        said = (("reason", self.reason), ("message", self.message), ("field", self.field))
        return {name: text for name, text in said if text or name == "message"}


class ApiError(Exception):
    """What the API answers instead of an object."""

    status_code: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        causes: Sequence[Cause] = (),
        retry_after_seconds: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.causes = tuple(causes)
        self.retry_after_seconds = retry_after_seconds

    @property
    def reason(self) -> str:
        return type(self).__name__

    def status(self) -> Json:
        """The Status object; keys are in no particular order."""
        found: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.status_code,
        }
        if self.reason:
            found["reason"] = self.reason
        if self.details is not None or self.causes or self.retry_after_seconds:
            details = dict(self.details or {})
            if self.causes:
                details["causes"] = [cause.json() for cause in self.causes]
            if self.retry_after_seconds:
                details["retryAfterSeconds"] = self.retry_after_seconds
            found["details"] = details
        return found


class BadRequest(ApiError):
    status_code = 400


class Unauthorized(ApiError):
    status_code = 401


class Forbidden(ApiError):
    status_code = 403


class NotFound(ApiError):
    status_code = 404


class MethodNotAllowed(ApiError):
    status_code = 405


class NotAcceptable(ApiError):
    status_code = 406


class AlreadyExists(ApiError):
    status_code = 409


class Conflict(ApiError):
    status_code = 409


class Expired(ApiError):
    status_code = 410


class Gone(ApiError):
    status_code = 410


class RequestEntityTooLarge(ApiError):
    status_code = 413


class UnsupportedMediaType(ApiError):
    status_code = 415


class Invalid(ApiError):
    status_code = 422


class TooManyRequests(ApiError):
    status_code = 429


class InternalError(ApiError):
    status_code = 500

    @classmethod
    def of(cls, text: str) -> InternalError:
        """What went wrong, in the words of upstream's `NewInternalError`."""
        details = {"causes": [{"message": text}]}
        return cls(f"Internal error occurred: {text}", details=details)


class Unknown(ApiError):
    """An error without a reason of its own (upstream leaves the field out)."""

    @property
    def reason(self) -> str:
        return ""


class ServiceUnavailable(ApiError):
    status_code = 503


class ServerTimeout(ApiError):
    status_code = 500


class Timeout(ApiError):
    status_code = 504


def from_status(status: Mapping[str, Any], code: int) -> ApiError:
    """The error that a Status object stands for; `code` is the HTTP status it came with."""
    wanted = _BY_REASON.get(status.get("reason", ""), Unknown)
    details = status.get("details") or {}
    error = wanted(
        status.get("message", f"the server answered {code}"),
        details={k: v for k, v in details.items() if k not in ("causes", "retryAfterSeconds")},
        causes=[
            Cause(c.get("reason", ""), c.get("message", ""), c.get("field", ""))
            for c in details.get("causes", ())
        ],
        retry_after_seconds=details.get("retryAfterSeconds", 0),
    )
    if error.status_code != code:
        error.status_code = code  # type: ignore[misc]  # the wire's word counts
    return error


_BY_REASON: Mapping[str, type[ApiError]] = {
    error.__name__: error
    for error in (
        AlreadyExists,
        BadRequest,
        Conflict,
        Expired,
        Forbidden,
        Gone,
        InternalError,
        Invalid,
        MethodNotAllowed,
        NotAcceptable,
        NotFound,
        RequestEntityTooLarge,
        ServerTimeout,
        ServiceUnavailable,
        Timeout,
        TooManyRequests,
        Unauthorized,
        UnsupportedMediaType,
    )
}
