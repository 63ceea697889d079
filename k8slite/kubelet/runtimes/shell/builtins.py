"""Commands that change the shell itself, and so cannot be others' (POSIX, 2.14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from k8slite.kubelet.runtimes.shell.state import Complaint, Exit, Left, State

Builtin = Callable[[State, list[str]], Awaitable[int]]


async def _colon(state: State, words: list[str]) -> int:
    return 0


async def _cd(state: State, words: list[str]) -> int:
    wanted = words[1] if len(words) > 1 else state.variables.get("HOME", "/")
    path = state.box.path(wanted)
    if not state.box.is_directory(path):
        await state.session.write_error(f"sh: cd: can't cd to {wanted}\n".encode())
        return 2
    state.box.directory = state.variables["PWD"] = path
    return 0


async def _exit(state: State, words: list[str]) -> int:
    raise Exit(_code(words, state.last_code))


async def _return(state: State, words: list[str]) -> int:
    raise Left("return", code=_code(words, state.last_code))


async def _break(state: State, words: list[str]) -> int:
    raise Left("break", max(_code(words, 1), 1))


async def _continue(state: State, words: list[str]) -> int:
    raise Left("continue", max(_code(words, 1), 1))


async def _export(state: State, words: list[str]) -> int:
    if len(words) == 1 or words[1] == "-p":
        told = "".join(f"export {n}='{state.variables.get(n, '')}'\n" for n in state.exported)
        await state.session.write(told.encode())
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if equals:
            state.variables[name] = value
        if name and not name.startswith("-"):
            state.exported[name] = None
    return 0


async def _local(state: State, words: list[str]) -> int:
    """As an assignment: functions do not keep variables to themselves here."""
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if equals:
            state.variables[name] = value
    return 0


async def _read(state: State, words: list[str]) -> int:
    names = [one for one in words[1:] if not one.startswith("-")] or ["REPLY"]
    line, found = await state.session.read_line()
    text = line.decode(errors="replace").rstrip("\n")
    parts = text.split(None, len(names) - 1) if len(names) > 1 else [text.strip()]
    for position, name in enumerate(names):
        state.variables[name] = parts[position].rstrip() if position < len(parts) else ""
    return int(not found)


async def _set(state: State, words: list[str]) -> int:
    rest = words[1:]
    while rest and rest[0][:1] in "-+" and rest[0][:1] and rest[0] != "--":
        flag, on = rest.pop(0), True
        on = flag[0] == "-"
        letters = flag[1:]
        if letters == "o" and rest:
            name = rest.pop(0)
            letters = _LONG_OPTIONS.get(name, "")
        for letter in letters:
            state.options[letter] = on
    if rest:
        state.arguments[1:] = rest[1:] if rest[0] == "--" else rest
    return 0


async def _shift(state: State, words: list[str]) -> int:
    count = _code(words, 1)
    if count >= len(state.arguments):
        return 1
    del state.arguments[1 : 1 + count]
    return 0


async def _trap(state: State, words: list[str]) -> int:
    for name in words[2:]:
        signal = _SIGNALS.get(name.removeprefix("SIG"), name.removeprefix("SIG"))
        if words[1] == "-":
            state.traps.pop(signal, None)
        else:
            state.traps[signal] = words[1]
    return 0


async def _unset(state: State, words: list[str]) -> int:
    for name in words[1:]:
        state.variables.pop(name, None)
        state.functions.pop(name, None)
        state.exported.pop(name, None)
    return 0


async def _wait(state: State, words: list[str]) -> int:
    wanted = [int(one) for one in words[1:] if one.isdecimal()]
    for number, job in list(state.jobs.items()):
        if not wanted or number in wanted:
            await job.wait()
    return 0


def _code(words: list[str], default: int) -> int:
    if len(words) < 2:
        return default
    if not words[1].removeprefix("-").isdecimal():
        raise Complaint(f"{words[0]}: Illegal number: {words[1]}")
    return int(words[1])


_LONG_OPTIONS: Final = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f"}
_SIGNALS: Final = {"0": "EXIT", "2": "INT", "15": "TERM"}
BUILTINS: Final[Mapping[str, Builtin]] = {
    ":": _colon,
    "break": _break,
    "cd": _cd,
    "continue": _continue,
    "exit": _exit,
    "export": _export,
    "local": _local,
    "read": _read,
    "readonly": _export,
    "return": _return,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "unset": _unset,
    "wait": _wait,
}
