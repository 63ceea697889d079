"""One request to a resource, as the verbs pass it around: what it asks for, who asks, in which
form the answer goes, and what is said on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, evolve, field

from k8slite.apiserver.attributes import Asked, unnoted
from k8slite.apiserver.rendering import Form
from k8slite.apiserver.request_info import RequestInfo
from k8slite.apiserver.versions import Views
from k8slite.apiserver.write_options import dry_run, manager_name
from k8slite.kinds.kind import Kind
from k8slite.messages import Request, Response, User

Json = dict[str, Any]


@define(eq=False)
class Call:
    """One request to a resource, as the verbs pass it around."""

    request: Request
    info: RequestInfo
    kind: Kind
    user: User
    form: Form
    authorize: Callable[[User, RequestInfo], None]  # raises Forbidden
    warnings: list[str] = field(factory=list)
    note: Callable[[str, str], None] = unnoted  # takes annotations for the audit log

    def asked(self, kind: Kind, *, name: str = "") -> Asked:
        """The write that this request asks for."""
        return Asked(
            kind,
            self.user,
            self.info.namespace if kind.namespaced else "",
            name or self.info.name,
            self.info.subresource,
            dry_run(self.request),
            manager_name(self.request),
            self.kind,
            views=Views() if kind.converts else None,
            warn=self.warnings.append,
            note=self.note,
        )

    def may_create(self) -> None:
        """Raises Forbidden where a change may not make the object that is not there."""
        self.authorize(self.user, evolve(self.info, verb="create"))

    def answer(self, status: int, obj: Json) -> Response:
        """An answer that is no stored object, in the form that was asked for."""
        return self.response(status, self.form.document(obj))

    def response(self, status: int, body: bytes) -> Response:
        """An answer with what was said on the way in Warning headers (RFC 7234)."""
        return Response(status, body, self.headers())

    def headers(self, media_type: str = "") -> tuple[tuple[str, str], ...]:
        """The headers of an answer, warnings among them; of the form's media type, or another."""
        return (("Content-Type", media_type or self.form.content_type), *self.warning_headers())

    def warning_headers(self) -> tuple[tuple[str, str], ...]:
        """What was said on the way; a refusal has it too."""
        return warning_headers(self.warnings)


def warning_headers(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """A Warning header for each text, once; upstream: `net.NewWarningHeader`."""
    found = []
    for text in dict.fromkeys(texts):
        if not text.isprintable():
            continue  # a header holds one line (upstream drops it, too)
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        found.append(("Warning", f'299 - "{quoted}"'))
    return tuple(found)
