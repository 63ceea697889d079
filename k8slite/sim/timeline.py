"""A run as one self-contained page: a lane for each process, dots for commits, bands for faults.

Nothing is fetched; the run is embedded as JSON, with every "<" escaped, so that no name in it can
end the script. Stretches of virtual time without events are drawn short.
"""

from __future__ import annotations

import json
from typing import Any, Final

from k8slite.objects.codec import loads
from k8slite.sim.difference import difference
from k8slite.sim.outcome import (
    Broke,
    Committed,
    Delivered,
    Entry,
    Healed,
    Outcome,
    Record,
    Refused,
    Struck,
)
from k8slite.sim.story import plan_in_words, summary

STORE: Final = "store"
ENTRIES_MOST: Final = 20_000  # that a browser still draws at once


def timeline(record: Record, outcome: Outcome) -> str:
    """The page as text."""
    entries = [_drawn(one) for one in record.entries if _matters(one)][:ENTRIES_MOST]
    lanes = list(dict.fromkeys([STORE, *(str(one["lane"]) for one in entries)]))
    data = {
        "title": f"{record.scenario}, seed {record.order.seed}",
        "plan": plan_in_words(record.order.plan),
        "summary": summary(outcome),
        "broken": bool(outcome.violations or outcome.error),
        "lanes": lanes,
        "entries": entries,
    }
    embedded = json.dumps(data).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return _PAGE.replace("@DATA@", embedded)


def _matters(entry: Entry) -> bool:
    return not isinstance(entry, Committed) or entry.number > 0


def _drawn(entry: Entry) -> dict[str, Any]:
    lane, kind, text, lines = STORE, "mark", "", list[str]()
    if isinstance(entry, Committed):
        lane, kind = entry.process or STORE, "write"
        before = loads(entry.before) if entry.before is not None else None
        now = loads(entry.now) if entry.now is not None else None
        if before is not None and now is not None:
            text, lines = f"changes {entry.key}", difference(before, now)
        else:
            text = f"{'deletes' if now is None else 'creates'} {entry.key}"
        text += f" (revision {entry.revision})"
    elif isinstance(entry, Delivered):
        lane, kind = entry.process, "event"
        text = f"learns of {entry.kind} {entry.resource} {entry.key} (revision {entry.revision})"
    elif isinstance(entry, Refused):
        lane, kind, text = entry.process, "refused", f"{entry.request}: {entry.answer}"
    elif isinstance(entry, Struck):
        lane = getattr(entry.fault, "process", STORE)
        kind, text = "fault", entry.what
    elif isinstance(entry, Healed):
        kind, text = "healed", "all faults end"
    elif isinstance(entry, Broke):
        kind, text = "broken", f"{entry.violation.invariant}: {entry.violation.message}"
    return {"at": round(entry.seconds, 4), "lane": lane, "kind": kind, "text": text, "lines": lines}


_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A simulated run</title>
<style>
:root { color-scheme: light dark; --line: #8884; --write: #2a7de1; --event: #8a8f98;
  --fault: #e5484d; --healed: #30a46c; --refused: #f5a524; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.2rem; }
h1 { font-size: 1.1rem; margin: 0 } p { margin: .2rem 0 } .broken { color: var(--fault) }
svg { width: 100%; border: 1px solid var(--line); border-radius: 6px; cursor: grab; display: block }
text { fill: currentColor; font-size: 12px } input { font: inherit; width: 22rem; margin: .6rem 0 }
pre { white-space: pre-wrap; min-height: 8rem; padding: .6rem; border: 1px solid var(--line);
  border-radius: 6px } circle { cursor: pointer }
</style>
<h1></h1><p id="plan"></p><p id="summary"></p>
<input placeholder="only what contains ..." aria-label="filter"><svg></svg>
<pre>Click on a dot. The wheel zooms, dragging moves.</pre>
<script>
const run = @DATA@;
const $ = (name) => document.querySelector(name);
$("h1").textContent = run.title;
$("#plan").textContent = run.plan.join("; ");
$("#summary").textContent = run.summary;
$("#summary").className = run.broken ? "broken" : "";
const svg = $("svg"), space = "http://www.w3.org/2000/svg";
const laneHeight = 46, left = 200;
const radius = { write: 5, event: 3, fault: 8, broken: 9, healed: 7, refused: 5, mark: 4 };
const colour = { write: "--write", event: "--event", fault: "--fault", broken: "--fault",
  healed: "--healed", refused: "--refused", mark: "--event" };
// Time is drawn by its logarithm between one entry and the next: silence is short.
let x = 0, last = 0, total = 0;
for (const entry of run.entries) {
  x += 4 + 14 * Math.log1p(Math.max(0, entry.at - last) * 4);
  last = entry.at; entry.x = x; total = x;
}
let zoom = 1, shift = 0, wanted = "";
const make = (name, values, parent) => {
  const one = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(values)) one.setAttribute(key, value);
  parent.appendChild(one);
  return one;
};
function draw() {
  svg.replaceChildren();
  const height = laneHeight * run.lanes.length + 30, width = svg.clientWidth;
  svg.setAttribute("height", height);
  const rows = new Map(run.lanes.map((lane, row) => [lane, laneHeight * row + 30]));
  for (const [lane, y] of rows) {
    make("line", { x1: left, x2: width, y1: y, y2: y, stroke: "var(--line)" }, svg);
    make("text", { x: 8, y: y + 4 }, svg).textContent = lane;
  }
  const scale = Math.max((width - left - 30) / (total || 1), 0.02) * zoom;
  let labelled = -100;
  for (const entry of run.entries) {
    const cx = left + 10 + entry.x * scale + shift;
    if (cx < left || cx > width) continue;
    const text = entry.lane + " " + entry.text;
    if (wanted && !text.includes(wanted)) continue;
    const y = rows.get(entry.lane) ?? 30, fill = `var(${colour[entry.kind]})`;
    if (entry.kind === "fault" || entry.kind === "broken" || entry.kind === "healed")
      make("line", { x1: cx, x2: cx, y1: 10, y2: height, stroke: fill, opacity: 0.5 }, svg);
    if (entry.kind === "write" || entry.kind === "event")
      make("line", { x1: cx, x2: cx, y1: y, y2: 30, stroke: fill, opacity: 0.25 }, svg);
    if (cx - labelled > 70) {
      make("text", { x: cx, y: 12, opacity: 0.6 }, svg).textContent = "+" + entry.at + "s";
      labelled = cx;
    }
    const dot = make("circle", { cx, cy: y, r: radius[entry.kind], fill }, svg);
    make("title", {}, dot).textContent = text;
    dot.onclick = () => {
      $("pre").textContent = "+" + entry.at + "s " + [text, ...entry.lines].join("\\n  ");
    };
  }
}
svg.onwheel = (event) => {
  event.preventDefault();
  const factor = event.deltaY < 0 ? 1.2 : 1 / 1.2, at = event.offsetX - left - 10;
  shift = at - (at - shift) * factor; zoom *= factor; draw();
};
svg.onpointermove = (event) => { if (event.buttons) { shift += event.movementX; draw(); } };
$("input").oninput = (event) => { wanted = event.target.value; draw(); };
addEventListener("resize", draw);
draw();
</script></html>
"""
