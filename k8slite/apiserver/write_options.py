"""What a write is asked for besides its body: dry run, by whom, by force.

Upstream: `metav1.CreateOptions`, `UpdateOptions`, `PatchOptions` and their validation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from k8slite.apiserver.request_info import flag
from k8slite.messages import Request
from k8slite.objects.fields import forbidden, invalid, not_supported, refuse, required, too_long

APPLY: Final = "application/apply-patch+yaml"
_OPTIONS: Final = {
    "POST": "CreateOptions",
    "PUT": "UpdateOptions",
    "PATCH": "PatchOptions",
    "DELETE": "DeleteOptions",
}
_MANAGER_MOST_BYTES: Final = 128


def dry_run(request: Request) -> bool:
    """Whether nothing is to be kept. Raises Invalid."""
    values = [value for key, value in request.query if key == "dryRun" and value]
    if any(value != "All" for value in values):
        cause = not_supported("dryRun", values, ["All"])
        raise refuse(_OPTIONS[request.method], "meta.k8s.io", "", [cause])
    return bool(values)


def manager_name(request: Request) -> str:
    """Who is noted as the writer: what the client says, or else the first word of its user agent.

    Raises Invalid.
    """
    name = request.parameter("fieldManager")
    if name:
        causes = []
        if len(name.encode()) > _MANAGER_MOST_BYTES:
            causes.append(too_long("fieldManager", _MANAGER_MOST_BYTES))
        if not name.isprintable():
            causes.append(invalid("fieldManager", name, "should only contain printable characters"))
        if causes:
            raise refuse(_OPTIONS[request.method], "meta.k8s.io", "", causes)
        return name
    return _first_word(request.headers.get("user-agent", ""))


@lru_cache(maxsize=256)  # there are as many as there are programs
def _first_word(user_agent: str) -> str:
    agent = user_agent.partition("/")[0]
    shown = "".join(letter for letter in agent if letter.isprintable())
    return shown.encode()[:_MANAGER_MOST_BYTES].decode(errors="ignore") or "unknown"


def is_forced(request: Request, media_type: str) -> bool:
    """Whether an apply takes what others own. Raises Invalid for what is no apply."""
    force = request.parameter("force")
    causes = []
    if media_type == APPLY:
        if not request.parameter("fieldManager"):
            causes.append(required("fieldManager", "is required for apply patch"))
    elif force:
        causes.append(forbidden("force", "may not be specified for non-apply patch"))
    if causes:
        raise refuse("PatchOptions", "meta.k8s.io", "", causes)
    return flag(force)
