"""Sequences of requests are answered, and watched, as by the recorded server.

Between two requests the controllers do all that they can do at once, so that what they write is
there when the next request comes; the recorded ones were not always as fast.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
import trio.testing

from tests.apiserver.oracle_server import (
    Json,
    Server,
    differences,
    masked,
    need_oracle,
    recorded,
    running,
)
from tests.apiserver.paces import PACES

# Dialogue, step, and the start of the place: why the answer is meant to differ.
MEANT: dict[tuple[str, int, str], str] = {}
# After these steps there was time for another try.
RESTED: Final = frozenset((("t-dep", 6),))
# Names that a controller makes up from a hash of its own, and what follows them.
_HASHES: Final = re.compile(
    r'(\bd-|pod-template-hash=|"pod-template-hash": ")[a-z0-9]{9,10}\b(-[a-z0-9]{5}\b)?'
)
# Where in the dump of an internal type a difference stands: its fields are not all published.
_LINES: Final = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@")


@pytest.mark.parametrize("number", range(6))
async def test_dialogue(
    number: int, autojump_clock: object, score: Callable[[str, int, int], None]
) -> None:
    need_oracle()
    dialogue = recorded("dialogues.json")[number]
    name, steps = dialogue["name"], dialogue["steps"]
    lines, same = [], 0
    async with running(paces=PACES.get(name, ()), scheduler=True) as server:
        await server.create("/api/v1/namespaces", {"metadata": {"name": name}})
        await trio.testing.wait_all_tasks_blocked()
        watching = await _watch(server, dialogue["watch"]) if dialogue["watch"] else None
        last: Json = {}
        for step, case in enumerate(steps):
            server.paced.go_on()
            differs, last = await _step(server, case, last)
            server.paced.go_on()
            same += not differs
            differs = [one for one in differs if not _meant(name, step, one)]
            where = f"{step} {case['request']['method']} {case['request']['path']}"
            lines += [f"{where}: {one}" for one in differs]
            if (name, step) in RESTED:
                await trio.sleep(1)
            else:
                await trio.testing.wait_all_tasks_blocked()
        if watching is not None:
            found = [
                _in_one_order(masked(e)) for e in await watching.all() if e["type"] != "BOOKMARK"
            ]
            wanted = [
                _in_one_order(masked(e)) for e in dialogue["watchEvents"] if e["type"] != "BOOKMARK"
            ]
            lines += [f"watch {one}" for one in differences(found, wanted)]
            watching.close()
    score(f"dialogues.json {name}", same, len(steps))
    assert not lines, "\n".join(lines)


async def _watch(server: Server, path: str) -> Any:
    """From now on: the recorded watches saw only what the dialogue did."""
    revision = server.store.revision
    join = "&" if "?" in path else "?"
    return await server.watch(f"{path}{join}resourceVersion={revision}")


async def _step(server: Server, case: Json, last: Json) -> tuple[list[str], Json]:
    asked = case["request"]
    path, body = asked["path"], asked["body"]
    if "continue=TOKEN" in path:
        path = path.replace("TOKEN", last["metadata"]["continue"])
    if isinstance(body, dict) and body.get("metadata", {}).get("resourceVersion") == "RV":
        body["metadata"]["resourceVersion"] = "1"
    path = path.replace("+", "%20").replace("!", "%21")
    answer = await server.ask(
        asked["method"], path, body, asked["contentType"] or "", accept=asked["accept"] or ""
    )
    found = answer.json
    differs = differences(_comparable(masked(found)), _comparable(masked(case["response"])))
    if answer.status != case["status"]:
        differs.append(f"status: {answer.status}, wanted {case['status']}")
    if answer.warnings != ([case["warning"]] if case["warning"] else []):
        differs.append(f"warnings: {answer.warnings}, wanted {case['warning']}")
    return differs, found if isinstance(found, dict) else {}


def _comparable(answer: Any) -> Any:
    """Without what a controller makes up, and the ages in a Table: they tell the steps' pace."""
    text = _LINES.sub("@@ LINES @@", _HASHES.sub(r"\1HASH", json.dumps(answer)))
    answer = _in_one_order(json.loads(text))
    if isinstance(answer, dict) and answer.get("kind") == "Table":
        names = [column["name"] for column in answer.get("columnDefinitions", ())]
        age = names.index("Age") if "Age" in names else -1
        for row in answer["rows"]:
            if age >= 0:
                row["cells"][age] = "AGE"
        # Rows come by name, and so by hash.
        revision = "deployment.kubernetes.io/revision"
        answer["rows"].sort(
            key=lambda row: row["object"]["metadata"].get("annotations", {}).get(revision, ""),
            reverse=True,
        )
    return answer


def _in_one_order(value: Any) -> Any:
    """Managers by name: they are told in the order of seconds, which pass otherwise here."""
    if isinstance(value, list):
        return [_in_one_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _in_one_order(one) for key, one in value.items()}
    if isinstance(found.get("managedFields"), list):
        found["managedFields"].sort(key=lambda one: (one["manager"], one.get("subresource", "")))
    return found


def _meant(name: str, step: int, difference: str) -> bool:
    return any(
        (name, step) == (meant[0], meant[1]) and difference.startswith(f"{meant[2]}:")
        for meant in MEANT
    )
