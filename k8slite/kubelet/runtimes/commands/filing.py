"""Commands about files: what there is, what it is called, what is in it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Final

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.command import Command, complain, options_of
from k8slite.kubelet.runtimes.session import Session
from k8slite.kubelet.runtimes.shell.patterns import expression_of


async def _ls(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "1alhRrt")
    if asked is None:
        return await complain(session, "ls: unknown option")
    letters, paths = asked
    code = 0
    for path in paths or [box.directory]:
        if box.path(path) in box.files:
            names = [path]
        elif box.is_directory(path):
            names = box.inside(path)
            names = names if "a" in letters else [one for one in names if one[0] != "."]
        else:
            code = await complain(session, f"ls: {path}: No such file or directory")
            continue
        if "l" in letters:
            names = [_long(box, path, name) for name in names]
        await session.write("".join(f"{name}\n" for name in names).encode())
    return code


def _long(box: Box, path: str, name: str) -> str:
    whole = box.path(path) if name == path else box.path(posixpath.join(path, name))
    content = box.files.get(whole)
    mode = shown_mode(box.mode(whole), directory=content is None)
    size = 4096 if content is None else len(content)
    return f"{mode}    1 root     root     {size:9d} {box.now():%b %e %H:%M} {name}"


def shown_mode(mode: int, *, directory: bool) -> str:
    """A mode as `ls -l` shows it."""
    letters = (letter if mode >> (8 - n) & 1 else "-" for n, letter in enumerate("rwxrwxrwx"))
    return ("d" if directory else "-") + "".join(letters)


async def _test(command: list[str], box: Box, session: Session) -> int:
    name, words = command[0], command[1:]
    closing = {"[": "]", "[[": "]]"}.get(name)
    if closing is not None:
        if words[-1:] != [closing]:
            return await complain(session, f"sh: {name}: missing {closing}", 2)
        words = words[:-1]
    try:
        return int(not _Condition(words, box, patterns=name == "[[").value())
    except ValueError as error:
        return await complain(session, f"sh: {name}: {error}", 2)


class _Condition:
    """What `test` is asked (POSIX: test), with ! and -a and -o."""

    def __init__(self, words: list[str], box: Box, *, patterns: bool) -> None:
        self._words = words
        self._box = box
        self._patterns = patterns

    def value(self) -> bool:
        """Raises ValueError."""
        words = self._words
        for operator in ("-o", "-a"):
            if operator in words[1:-1] and len(words) > 3:
                at = words.index(operator, 1)
                sides = [self._part(words[:at]), self._part(words[at + 1 :])]
                return any(sides) if operator == "-o" else all(sides)
        if words[:1] == ["!"] and len(words) > 1:
            return not self._part(words[1:])
        if len(words) < 2:
            return bool(words and words[0])
        if len(words) == 2:
            return self._unary(words[0], words[1])
        if len(words) == 3:
            return self._binary(*words)
        raise ValueError(f"{words[0]}: unexpected operator")

    def _part(self, words: list[str]) -> bool:
        return _Condition(words, self._box, patterns=self._patterns).value()

    def _unary(self, operator: str, operand: str) -> bool:
        if operator in ("-n", "-z"):
            return bool(operand) is (operator == "-n")
        content = self._box.files.get(self._box.path(operand))
        if operator == "-s":
            return bool(content)
        if operator == "-d":
            return content is None and self._box.is_directory(operand)
        if operator in ("-e", "-r", "-w", "-x"):
            return content is not None or self._box.is_directory(operand)
        if operator == "-f":
            return content is not None
        if operator in ("-L", "-h", "-p", "-S", "-b", "-c", "-t"):
            return False
        raise ValueError(f"{operator}: unknown operand")

    def _binary(self, left: str, operator: str, right: str) -> bool:
        if operator in ("=", "=="):
            if self._patterns:
                return bool(expression_of([(right, False)]).fullmatch(left))
            return left == right
        if operator == "!=":
            return left != right
        if operator == "=~" and self._patterns:
            return re.search(right, left) is not None
        if operator not in _COMPARED:
            raise ValueError(f"{operator}: unknown operand")
        for one in (left, right):
            if not one.strip().lstrip("+-").isdecimal():
                raise ValueError(f"{one}: bad number")
        return _COMPARED[operator](int(left), int(right))


async def _mkdir(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "pv")
    if asked is None:
        return await complain(session, "mkdir: unknown option")
    return await _each("mkdir", asked[1], session, lambda path: box.write(f"{path}/", b""))


async def _touch(command: list[str], box: Box, session: Session) -> int:
    def touch(path: str) -> None:
        if not box.is_directory(path):
            box.write(path, box.files.get(box.path(path), b""))

    return await _each("touch", [one for one in command[1:] if one[:1] != "-"], session, touch)


async def _rm(command: list[str], box: Box, session: Session) -> int:
    asked = options_of(command, "rRfv")
    if asked is None:
        return await complain(session, "rm: unknown option")
    letters, paths = asked

    def remove(path: str) -> None:
        if not box.remove(path) and "f" not in letters:
            raise ReadOnly("No such file or directory")

    return await _each("rm: can't remove", paths, session, remove, quote=True)


async def _mv(command: list[str], box: Box, session: Session) -> int:
    """`mv` and `cp`, of files and of directories with all that is in them."""
    name = posixpath.basename(command[0])
    asked = options_of(command, "vfrRap")
    if asked is None or len(asked[1]) < 2:
        return await complain(session, f"{name}: unknown option or missing operand")
    letters, paths = asked
    into = paths.pop()

    async def told(path: str, target: str) -> None:
        if "v" in letters:
            told = f"'{path}' -> '{target}'" if name == "cp" else f"renamed '{path}' -> '{target}'"
            await session.write(f"{told}\n".encode())

    for path in paths:
        whole = box.path(path)
        target = posixpath.join(into, posixpath.basename(whole)) if box.is_directory(into) else into
        there = [one for one in box.files if one == whole or one.startswith(f"{whole}/")]
        if not there:
            return await complain(
                session, f"{name}: can't stat '{path}': No such file or directory"
            )
        try:
            for one in there:
                box.write(box.path(target) + one[len(whole) :], box.files[one])
            if name == "mv":
                box.remove(path)
        except ReadOnly as error:
            return await complain(session, f"{name}: can't create '{target}': {error}")
        await told(path, target)
    return 0


async def _chmod(command: list[str], box: Box, session: Session) -> int:
    """`chmod` and `chown`; everything belongs to root, who may do all."""
    operands = [one for one in command[1:] if one[:1] != "-"]
    octal = re.fullmatch(r"0?([0-7]{3})", operands[0]) if operands else None

    def look(path: str) -> None:
        if box.path(path) not in box.files and not box.is_directory(path):
            raise ReadOnly("No such file or directory")
        if command[0].endswith("chmod") and octal is not None:
            box.set_mode(path, int(octal[1], 8))

    return await _each(posixpath.basename(command[0]), operands[1:], session, look)


async def _basename(command: list[str], box: Box, session: Session) -> int:
    """`basename` and `dirname`."""
    if len(command) < 2:
        return await complain(session, f"{command[0]}: missing operand")
    path = command[1].rstrip("/") or "/"
    found = posixpath.basename(path) if "base" in command[0] else posixpath.dirname(path) or "."
    if len(command) > 2 and found != command[2]:
        found = found.removesuffix(command[2])
    await session.write(f"{found}\n".encode())
    return 0


async def _each(
    name: str,
    paths: Sequence[str],
    session: Session,
    act: Callable[[str], None],
    *,
    quote: bool = False,
) -> int:
    """Do something to each of the files; 1 if one of them cannot be had."""
    code = 0
    for path in paths:
        try:
            act(path)
        except ReadOnly as error:
            said = f"{name} '{path}'" if quote else f"{name}: {path}"
            code = await complain(session, f"{said}: {error}")
    return code


_COMPARED: Final = {
    "-eq": int.__eq__,
    "-ne": int.__ne__,
    "-lt": int.__lt__,
    "-le": int.__le__,
    "-gt": int.__gt__,
    "-ge": int.__ge__,
}
FILING: Final[dict[str, Command]] = {
    "[": _test,
    "[[": _test,
    "basename": _basename,
    "chmod": _chmod,
    "chown": _chmod,
    "cp": _mv,
    "dirname": _basename,
    "ls": _ls,
    "mkdir": _mkdir,
    "mv": _mv,
    "rm": _rm,
    "rmdir": _rm,
    "test": _test,
    "touch": _touch,
}
