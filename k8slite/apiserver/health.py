"""/healthz, /livez and /readyz: is the server alive, and may clients come?

Mirrors upstream's `apiserver/pkg/server/healthz`: `ok`, or a list of checks with `?verbose` or
when one fails; every check has a path of its own; `?exclude=` leaves one out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import define, field

from k8slite.messages import Request, Response
from k8slite.objects.errors import NotFound
from k8slite.objects.measures import Family, Reading

# None, or why the check fails.
Check = Callable[[], str | None]

_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))


@define(eq=False)
class Health:
    """Named checks; `ready` holds those that count for /readyz only."""

    alive: Mapping[str, Check]
    ready: Mapping[str, Check]
    # By name, path and how it went: how often. The newest is what /metrics/slis tells as a gauge.
    _counts: dict[tuple[str, str, str], int] = field(factory=dict)
    _newest: dict[tuple[str, str], bool] = field(factory=dict)

    def answer(self, request: Request) -> Response:
        """Answer one of the three paths, or a check's own. Raises NotFound."""
        path, slash, single = request.path.lstrip("/").partition("/")
        if slash and not single:
            raise NotFound("the server could not find the requested resource", details={})
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
            elif why := self._asked(name, path, check):
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

    def families(self) -> Iterable[Family]:
        """What /metrics/slis tells of the checks that were made (`prometheus/slis`)."""
        yield Reading(
            "kubernetes_healthcheck",
            "[STABLE] This metric records the result of a single healthcheck.",
            lambda: [(key, float(well)) for key, well in sorted(self._newest.items())],
            ("name", "type"),
        )
        yield Reading(
            "kubernetes_healthchecks_total",
            "[STABLE] This metric records the results of all healthcheck.",
            lambda: [(key, float(count)) for key, count in sorted(self._counts.items())],
            ("name", "type", "status"),
            "counter",
        )

    def _asked(self, name: str, path: str, check: Check) -> str | None:
        why = check()
        self._newest[name, path] = not why
        key = name, path, "error" if why else "success"
        self._counts[key] = self._counts.get(key, 0) + 1
        return why
