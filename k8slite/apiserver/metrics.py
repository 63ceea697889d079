"""Counters and gauges in Prometheus text, under upstream's names.

One registry per API server; a counter is a plain dict, so that counting a request costs next to
nothing. Durations are of trio's clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

Labels = tuple[tuple[str, str], ...]

# Upstream's buckets of apiserver_request_duration_seconds, the coarser half of them.
_BUCKETS: Final = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
Sample = tuple[Labels, float]
# A gauge read when somebody asks: name, help, and the samples.
Gauge = tuple[str, str, Callable[[], Iterable[Sample]]]


@define(eq=False)
class Metrics:
    """What /metrics tells."""

    gauges: list[Gauge] = field(factory=list)
    counters: list[Gauge] = field(factory=list)  # counted elsewhere, and read the same way
    _requests: dict[tuple[str, str, str, str, str, int], int] = field(factory=dict)
    _durations: dict[tuple[str, str, str, str], list[float]] = field(factory=dict)

    def count(
        self,
        verb: str,
        group: str,
        version: str,
        resource: str,
        subresource: str,
        code: int,
        *,
        times: int = 1,
    ) -> None:
        """One request more, or so many."""
        key = (verb, group, version, resource, subresource, code)
        self._requests[key] = self._requests.get(key, 0) + times

    def observe(self, verb: str, group: str, version: str, resource: str, seconds: float) -> None:
        """How long one request took."""
        key = (verb, group, version, resource)
        found = self._durations.get(key)
        if found is None:
            # One counter a bucket, one for what is longer, then the sum.
            found = self._durations[key] = [0.0] * (len(_BUCKETS) + 2)
        found[bisect_left(_BUCKETS, seconds)] += 1
        found[-1] += seconds

    def text(self) -> str:
        """The exposition format, version 0.0.4."""
        lines = [
            "# HELP apiserver_request_total Counter of apiserver requests by verb, group, version, "
            "resource and HTTP response code.",
            "# TYPE apiserver_request_total counter",
        ]
        for key in sorted(self._requests):
            verb, group, version, resource, subresource, code = key
            labels = _labels(
                (
                    ("code", str(code)),
                    ("group", group),
                    ("resource", resource),
                    ("subresource", subresource),
                    ("verb", verb.upper()),
                    ("version", version),
                )
            )
            lines.append(f"apiserver_request_total{labels} {self._requests[key]}")
        lines += self._histogram()
        for sort, found in (("counter", self.counters), ("gauge", self.gauges)):
            for name, help_text, samples in found:
                lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {sort}"]
                lines += [f"{name}{_labels(labels)} {value:.12g}" for labels, value in samples()]
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        name = "apiserver_request_duration_seconds"
        lines = [
            f"# HELP {name} Response latency distribution in seconds.",
            f"# TYPE {name} histogram",
        ]
        for key in sorted(self._durations):
            verb, group, version, resource = key
            counts = self._durations[key]
            base = (
                ("group", group),
                ("resource", resource),
                ("verb", verb.upper()),
                ("version", version),
            )
            total = 0.0
            for bound, count in zip((*map(str, _BUCKETS), "+Inf"), counts[:-1], strict=True):
                total += count
                lines.append(f"{name}_bucket{_labels((*base, ('le', bound)))} {total:g}")
            lines.append(f"{name}_sum{_labels(base)} {counts[-1]:g}")
            lines.append(f"{name}_count{_labels(base)} {total:g}")
        return lines


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels) + "}" if labels else ""
