"""Reads as a replica answers them that has stopped at a revision.

A list is asked as of that revision; a GET of one object becomes the list that has only it.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps, loads

_REASONS: Final = {
    409: (
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    ),
    410: ("Expired", "The provided resource version is too old."),
    429: ("TooManyRequests", "the server is busy; try again"),
    500: ("InternalError", "the server failed"),
    503: ("ServiceUnavailable", "the server is not available"),
}


def resource_of(path: str) -> tuple[str, str]:
    """ "pods" or "deployments.apps", and the subresource, of a path."""
    parts = path.split("/")
    begin, group = (3, "") if parts[1] == "api" else (4, parts[2] if len(parts) > 2 else "")
    if (
        len(parts) > begin + 2
        and parts[begin] == "namespaces"
        and parts[begin + 2]
        not in (
            "status",
            "finalize",
        )
    ):
        begin += 2
    if len(parts) <= begin:
        return path, ""
    plural = f"{parts[begin]}.{group}" if group else parts[begin]
    return plural, parts[begin + 2] if len(parts) > begin + 2 else ""


def in_the_past(request: Request, revision: int) -> tuple[Request, str]:
    """A list as of a revision; of an object, the list that has only it, and its name."""
    kept = [
        one for one in request.query if one[0] not in ("resourceVersion", "resourceVersionMatch")
    ]
    kept += [("resourceVersion", str(revision)), ("resourceVersionMatch", "Exact")]
    path, name = request.path, ""
    parts = path.split("/")
    begin = 3 if parts[1] == "api" else 4
    if len(parts) > begin + 2 and parts[begin] == "namespaces":
        begin += 2
    if len(parts) == begin + 2:
        path, name = "/".join(parts[:-1]), parts[-1]
        kept.append(("fieldSelector", f"metadata.name={name}"))
    return evolve(request, path=path, query=tuple(kept)), name


def only(response: Response, request: Request, name: str) -> Response:
    """A list's one item as the answer to a GET of it."""
    if response.status != 200 or not isinstance(response.body, bytes):
        return response
    found = loads(response.body)
    if not found["items"]:
        resource, _ = resource_of(request.path)
        return refusal(404, "NotFound", f'{resource} "{name}" not found')
    item = found["items"][0]
    item.setdefault("apiVersion", found["apiVersion"])
    item.setdefault("kind", found["kind"].removesuffix("List"))
    return evolve(response, body=dumps(item))


def refusal(status: int, reason: str = "", message: str = "") -> Response:
    """A Status in the answer's place; without `reason` that of its code."""
    known = _REASONS.get(status, ("InternalError", "the server failed"))
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason or known[0],
        "message": message or known[1],
        "code": status,
    }
    return Response(status, dumps(body))
