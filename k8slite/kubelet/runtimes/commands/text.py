"""Commands that read text and print some of it."""

from __future__ import annotations

import re
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.command import (
    Command,
    complain,
    contents,
    options_of,
    read_all,
)
from k8slite.kubelet.runtimes.session import Session

FOLLOW_SECONDS: Final = 1.0  # how often `tail -f` looks


async def _cat(command: list[str], box: Box, session: Session) -> int:
    code = 0
    for path in [one for one in command[1:] if one != "-u"] or ["-"]:
        if path == "-":
            while piece := await session.read():
                await session.write(piece)
        else:
            found, failed = await contents("cat", [path], box, session)
            code = code or failed
            for _, content in found:
                await session.write(content)
    return code


async def _tee(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "a")
    if asked is None:
        return await complain(session, "tee: unknown option")
    data = await read_all(session)
    await session.write(data)
    for path in asked[1]:
        before = box.files.get(box.path(path), b"") if "a" in asked[0] else b""
        try:
            box.write(path, before + data)
        except ReadOnly as error:
            return await complain(session, f"tee: {path}: {error}")
    return 0


async def _head(command: list[str], box: Box, session: Session) -> int:
    """`head` and `tail`, by lines (-n) or bytes (-c), and `tail -f`."""
    name = command[0].rpartition("/")[2]
    count, unit, follows, paths = 10, "n", False, list[str]()
    words = command[1:]
    while words:
        word = words.pop(0)
        if word in ("-n", "-c") and words and _COUNT.fullmatch(words[0]):
            unit, count = word[1], int(words.pop(0))
        elif found := re.fullmatch(r"-([nc]?)(\d+)", word):
            unit, count = found[1] or "n", int(found[2])
        elif name == "tail" and word in ("-f", "-F"):
            follows = True
        elif word.startswith("-") and word != "-":
            return await complain(session, f"{name}: unknown option {word}")
        else:
            paths.append(word)
    if follows and paths == ["/dev/null"]:
        await trio.sleep_forever()
    found_contents, code = await contents(name, paths, box, session)
    for path, content in found_contents:
        pieces: list[bytes] = (
            content.splitlines(keepends=True)
            if unit == "n"
            else [content[i : i + 1] for i in range(len(content))]
        )
        kept = pieces[:count] if name == "head" else pieces[len(pieces) - min(count, len(pieces)) :]
        await session.write(b"".join(kept))
        if follows:
            await _follow(path, len(content), box, session)
    return code


async def _follow(path: str, seen: int, box: Box, session: Session) -> None:
    while True:
        content = box.files.get(box.path(path), b"")
        seen = min(seen, len(content))
        if content[seen:]:
            await session.write(content[seen:])
            seen = len(content)
        await trio.sleep(FOLLOW_SECONDS)


async def _grep(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "qivcEFowxn")
    if asked is None or not asked[1]:
        return await complain(session, "grep: unknown option or missing pattern", 2)
    letters, (pattern, *paths) = asked[0], asked[1]
    pattern = re.escape(pattern) if "F" in letters else pattern
    pattern = rf"\b(?:{pattern})\b" if "w" in letters else pattern
    pattern = rf"^(?:{pattern})$" if "x" in letters else pattern
    try:
        expression = re.compile(pattern, re.IGNORECASE if "i" in letters else 0)
    except re.error as error:
        return await complain(session, f"grep: {error}", 2)
    found, code = await contents("grep", paths, box, session)
    hits = 0
    for path, content in found:
        prefix = f"{path}:" if len(paths) > 1 else ""
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            match = expression.search(line)
            if (match is None) is not ("v" in letters):
                continue
            hits += 1
            told = match[0] if match is not None and "o" in letters else line
            told = f"{number}:{told}" if "n" in letters else told
            if not ("q" in letters or "c" in letters):
                await session.write(f"{prefix}{told}\n".encode())
    if "c" in letters:
        await session.write(f"{hits}\n".encode())
    return 2 if code else int(not hits)


async def _wc(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "lwc")
    if asked is None:
        return await complain(session, "wc: unknown option")
    letters = asked[0] or "lwc"
    found, code = await contents("wc", asked[1], box, session)
    for path, content in found:
        counts = {"l": content.count(b"\n"), "w": len(content.split()), "c": len(content)}
        numbers = " ".join(str(counts[one]) for one in "lwc" if one in letters)
        await session.write(f"{numbers}{'' if path == '-' else f' {path}'}\n".encode())
    return code


async def _sort(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "rnu")
    if asked is None:
        return await complain(session, "sort: unknown option")
    letters = asked[0]
    found, code = await contents("sort", asked[1], box, session)
    every = [line for _, content in found for line in content.decode().splitlines()]

    def key(line: str) -> tuple[int, str]:
        number = re.match(r"\s*(-?\d+)", line) if "n" in letters else None
        return (int(number[1]) if number else 0, line)

    ordered = sorted(every, key=key, reverse="r" in letters)
    kept = list(dict.fromkeys(ordered)) if "u" in letters else ordered
    await session.write("".join(f"{line}\n" for line in kept).encode())
    return code


async def _cut(command: list[str], box: Box, session: Session) -> int:
    text = " ".join(command[1:])
    found = re.fullmatch(r"(?:-d ?(\S| ) )?-f ?(\d+)(?: -d ?(\S| ))?((?: \S+)*)", text)
    if found is None:
        return await complain(session, "cut: only -d CHARACTER and -f NUMBER are known here")
    separator, number = found[1] or found[3] or "\t", int(found[2])
    read, code = await contents("cut", found[4].split(), box, session)
    for _, content in read:
        for line in content.decode(errors="replace").splitlines():
            parts = line.split(separator)
            told = line if len(parts) == 1 else parts[number - 1] if number <= len(parts) else ""
            await session.write(f"{told}\n".encode())
    return code


async def _awk(command: list[str], box: Box, session: Session) -> int:
    """The one program that everybody writes: {print $N "text", $M}."""
    words, separator = command[1:], None
    if words[:1] == ["-F"]:
        separator, words = words[1], words[2:]
    elif words and words[0].startswith("-F"):
        separator, words = words[0][2:], words[1:]
    found = _PRINT.fullmatch(words[0]) if words else None
    if found is None:
        return await complain(session, 'awk: only {print ...} of $N and "text" is known here', 2)
    wanted = [part.groups() for part in _PRINTED.finditer(found[1])] or [("0", None, "")]
    read, code = await contents("awk", words[1:], box, session)
    for _, content in read:
        for line in content.decode(errors="replace").splitlines():
            fields = [line, *line.split(separator)]
            told = ""
            for number, text, comma in wanted:
                if number == "NF":
                    told += fields[-1]
                elif number is not None:
                    told += fields[int(number)] if int(number) < len(fields) else ""
                told += (text or "") + (" " if comma else "")
            await session.write(f"{told}\n".encode())
    return code


async def _tr(command: list[str], box: Box, session: Session) -> int:
    words = command[1:]
    deletes = words[:1] == ["-d"]
    sets = [_characters(word) for word in words[deletes:]]
    if len(sets) != (1 if deletes else 2) or not all(sets):
        return await complain(session, "tr: only SET1 SET2 and -d SET are known here")
    text = (await read_all(session)).decode(errors="replace")
    first, last = sets[0], sets[-1]
    changed = {
        ord(one): None if deletes else last[min(position, len(last) - 1)]
        for position, one in enumerate(first)
    }
    await session.write(text.translate(changed).encode())
    return 0


def _characters(text: str) -> str:
    for name, characters in _CLASSES.items():
        text = text.replace(name, characters)
    text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")

    def between(found: re.Match[str]) -> str:
        return "".join(chr(one) for one in range(ord(found[1]), ord(found[2]) + 1))

    return re.sub(r"(\w)-(\w)", between, text)


_PRINT: Final = re.compile(r"\s*\{\s*print((?:\s*(?:\$(?:\d+|NF)|\"[^\"]*\"|,))*)\s*;?\s*\}\s*")
_PRINTED: Final = re.compile(r"\s*(?:\$(\d+|NF)|\"([^\"]*)\")\s*(,?)")
_COUNT: Final = re.compile(r"\d+")
_CLASSES: Final = {"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9"}
TEXT: Final[dict[str, Command]] = {
    "awk": _awk,
    "cat": _cat,
    "cut": _cut,
    "grep": _grep,
    "head": _head,
    "sort": _sort,
    "tail": _head,
    "tee": _tee,
    "tr": _tr,
    "wc": _wc,
}
