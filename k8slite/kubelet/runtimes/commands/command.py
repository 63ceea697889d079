"""What a command is: its words, what it finds, its streams; an exit code comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.session import Session

Command = Callable[[list[str], Box, Session], Awaitable[int]]


async def complain(session: Session, text: str, code: int = 1) -> int:
    """Say what is wrong; the exit code."""
    await session.write_error(f"{text}\n".encode())
    return code


def options_of(words: Sequence[str], known: str) -> tuple[str, list[str]] | None:
    """The letters of a command's options and its operands; None for an unknown option."""
    letters, operands, rest = "", list[str](), list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("-") and word != "-":
            if any(letter not in known for letter in word[1:]):
                return None
            letters += word[1:]
        else:
            operands.append(word)
    return letters, operands + rest


async def read_all(session: Session) -> bytes:
    """Everything that there will be on stdin."""
    data = bytearray()
    while piece := await session.read():
        data += piece
    return bytes(data)


async def contents(
    name: str, paths: Sequence[str], box: Box, session: Session
) -> tuple[list[tuple[str, bytes]], int]:
    """What is in files (or stdin), and 1 if one of them is not there."""
    found, code = list[tuple[str, bytes]](), 0
    for path in paths or ["-"]:
        if path == "-":
            found.append((path, await read_all(session)))
        elif (content := box.files.get(box.path(path))) is not None:
            found.append((path, content))
        else:
            why = "Is a directory" if box.is_directory(path) else "No such file or directory"
            code = await complain(session, f"{name}: {path}: {why}")
    return found, code
