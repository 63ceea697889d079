"""Wrong requests are refused in the recorded server's words."""

from __future__ import annotations

from collections.abc import Callable

from tests.apiserver.oracle_server import differences, masked, need_oracle, recorded, running
from tests.apiserver.test_oracle_defaults import without_chosen

# Number of the case: why its answer is meant to differ.
MEANT: dict[int, str] = {}


async def test_errors(autojump_clock: object, score: Callable[[str, int, int], None]) -> None:
    need_oracle()
    cases = recorded("errors.json")
    lines, same = [], 0
    async with running() as server:
        for number, case in enumerate(cases):
            asked = case["request"]
            body = asked["body"]
            if isinstance(body, str):
                body = body.encode()
            elif body and body.get("metadata", {}).get("resourceVersion") == "RV":
                body["metadata"]["resourceVersion"] = "1"
            answer = await server.ask(
                asked["method"], asked["path"], body, asked.get("contentType") or ""
            )
            differs = differences(
                without_chosen(masked(answer.json)), without_chosen(masked(case["response"]))
            )
            if answer.status != case["status"]:
                differs.append(f"status: {answer.status}, wanted {case['status']}")
            wanted = [case["warning"]] if case["warning"] else []
            if answer.warnings != wanted:
                differs.append(f"warnings: {answer.warnings}, wanted {wanted}")
            same += not differs
            if number in MEANT:
                assert differs, f"case {number} is not different any more"
                continue
            lines += [f"{number} {asked['method']} {asked['path']}: {line}" for line in differs]
    score("errors.json", same, len(cases))
    assert not lines, "\n".join(lines)
