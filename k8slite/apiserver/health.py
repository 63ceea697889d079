"""/healthz, /livez and /readyz: is the server alive, and may clients come?

Mirrors upstream's `apiserver/pkg/server/healthz`: `ok`, or a list of checks with `?verbose` or
when one fails; every check has a path of its own; `?exclude=` leaves one out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define

from k8slite.messages import Request, Response
from k8slite.objects.errors import NotFound

# None, or why the check fails.
Check = Callable[[], str | None]

_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))


@define(eq=False)
class Health:
    """Named checks; `ready` holds those that count for /readyz only."""

    alive: Mapping[str, Check]
    ready: Mapping[str, Check]

    def answer(self, request: Request) -> Response:
        """Answer one of the three paths, or a check's own. Raises NotFound."""
        path, _, single = request.path.lstrip("/").partition("/")
        checks = dict(self.alive)
        if path == "readyz":
            checks.update(self.ready)
        if single:
            if single not in checks:
                raise NotFound("the server could not find the requested resource", details={})
            checks = {single: checks[single]}
        excluded = {value for key, value in request.query if key == "exclude"}
        lines, failed = [], []
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
            elif why := check():
                lines.append(f"[-]{name} failed: {why}")
                failed.append(name)
            else:
                lines.append(f"[+]{name} ok")
        unknown = sorted(excluded - checks.keys())
        if unknown:
            listed = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
        if failed:
            text = "\n".join([*lines, f"{path} check failed", ""])
            return Response(500, text.encode(), _TEXT)
        if any(key == "verbose" for key, _ in request.query):
            return Response(200, "\n".join([*lines, f"{path} check passed", ""]).encode(), _TEXT)
        return Response(200, b"ok", _TEXT)
