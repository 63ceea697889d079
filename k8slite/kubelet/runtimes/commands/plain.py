"""Commands that look at nothing but their words, the time and the environment."""

from __future__ import annotations

import math
import re
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.resolving import in_hosts
from k8slite.kubelet.runtimes.session import Session
from k8slite.kubelet.runtimes.shell.arithmetic import value_of
from k8slite.kubelet.runtimes.shell.tree import NotShell


async def _true(command: list[str], box: Box, session: Session) -> int:
    return 0


async def _false(command: list[str], box: Box, session: Session) -> int:
    return 1


async def _echo(command: list[str], box: Box, session: Session) -> int:
    words, end, escapes = command[1:], "\n", False
    while words and words[0] in ("-n", "-e", "-ne", "-en"):
        flags = words.pop(0)
        end = "" if "n" in flags else end
        escapes = escapes or "e" in flags
    text = " ".join(words)
    await session.write(((_escaped(text) if escapes else text) + end).encode())
    return 0


async def _printf(command: list[str], box: Box, session: Session) -> int:
    if len(command) < 2:
        return await complain(session, "printf: usage: printf FORMAT [ARGUMENTS]")
    form, values = _escaped(command[1]), command[2:]
    text = ""
    while True:
        before = len(values)

        def value(found: re.Match[str]) -> str:
            if found[2] == "%":
                return "%"
            given = values.pop(0) if values else ""
            if found[2] in "diu":
                return f"%{found[1]}d" % int(given or "0")
            return f"%{found[1]}s" % (_escaped(given) if found[2] == "b" else given)

        try:
            text += _FORMAT.sub(value, form)
        except ValueError:
            return await complain(session, "printf: invalid number")
        if not values or len(values) == before:
            break
    await session.write(text.encode())
    return 0


async def _date(command: list[str], box: Box, session: Session) -> int:
    """In UTC, whether or not -u asks for it."""
    words = [one for one in command[1:] if one not in ("-u", "--utc")]
    form = "%a %b %e %H:%M:%S UTC %Y"
    if words:
        if len(words) > 1 or not words[0].startswith("+"):
            return await complain(session, f"date: invalid date '{words[0]}'")
        form = words[0][1:].replace("%s", str(int(box.now().timestamp())))
    await session.write(f"{box.now():{form}}\n".encode() if form else b"\n")
    return 0


async def _env(command: list[str], box: Box, session: Session) -> int:
    """`env` and `printenv`; the latter may be asked for single variables."""
    environment = box.environment
    if command[0].endswith("printenv") and len(command) > 1:
        found = [environment[name] for name in command[1:] if name in environment]
        await session.write("".join(f"{value}\n" for value in found).encode())
        return int(len(found) < len(command) - 1)
    if len(command) > 1:
        return await complain(session, f"env: can't execute '{command[1]}'", 127)
    told = "".join(f"{name}={value}\n" for name, value in environment.items())
    await session.write(told.encode())
    return 0


async def _hostname(command: list[str], box: Box, session: Session) -> int:
    """With -i and -I the pod's addresses, with -f and -d what its service makes of its name."""
    whole, _ = in_hosts(box.files, box.hostname) or (box.hostname, ())
    told = {
        "": box.hostname,
        "-s": box.hostname.partition(".")[0],
        "-f": whole,
        "-d": whole.partition(".")[2],
        "-i": " ".join(box.interface.addresses),
        "-I": " ".join(box.interface.addresses) + " ",
    }
    words = "".join(command[1:])
    if words not in told:
        return await complain(session, "hostname: you must be root to change the host name")
    await session.write(f"{told[words]}\n".encode())
    return 0


async def _id(command: list[str], box: Box, session: Session) -> int:
    user, group = box.user
    names = ["(root)" if one == 0 else "" for one in box.user]
    whole = f"uid={user}{names[0]} gid={group}{names[1]}"
    told = {"-u": str(user), "-g": str(group), "": whole}
    if user == 0:
        told |= {"-un": "root", "-gn": "root"}
    words = "".join(command[1:])
    if words not in told:
        return await complain(session, f"id: unknown option {words}")
    await session.write(f"{told[words]}\n".encode())
    return 0


async def _whoami(command: list[str], box: Box, session: Session) -> int:
    if box.user[0]:
        return await complain(session, f"whoami: unknown uid {box.user[0]}")
    await session.write(b"root\n")
    return 0


async def _sysctl(command: list[str], box: Box, session: Session) -> int:
    code = 0
    for name in command[1:]:
        found = box.files.get(f"/proc/sys/{name.replace('.', '/')}")
        if found is None:
            code = await complain(session, f"sysctl: error: '{name}' is an unknown key")
        else:
            await session.write(f"{name} = ".encode() + found)
    return code


async def _uname(command: list[str], box: Box, session: Session) -> int:
    told = {"-n": box.hostname, "-m": "x86_64", "-s": "Linux", "": "Linux", "-r": "6.12.0-k8slite"}
    whole = f"Linux {box.hostname} 6.12.0-k8slite #1 SMP x86_64 GNU/Linux"
    await session.write(f"{told.get(''.join(command[1:]), whole)}\n".encode())
    return 0


async def _pwd(command: list[str], box: Box, session: Session) -> int:
    await session.write(f"{box.directory}\n".encode())
    return 0


async def _sleep(command: list[str], box: Box, session: Session) -> int:
    seconds = 0.0
    if len(command) == 1:
        return await complain(session, "sleep: missing operand")
    for word in command[1:]:
        found = _DURATION.fullmatch(word)
        if found is None:
            return await complain(session, f"sleep: invalid time interval '{word}'")
        seconds += math.inf if found[1] else float(found[2]) * _UNITS[found[3]]
    await trio.sleep(seconds)
    return 0


async def _seq(command: list[str], box: Box, session: Session) -> int:
    if not command[1:] or len(command) > 4 or not all(map(_is_number, command[1:])):
        return await complain(session, "seq: invalid number")
    numbers = [int(word) for word in command[1:]]
    first, step = numbers[0] if len(numbers) > 1 else 1, numbers[1] if len(numbers) > 2 else 1
    if step == 0:
        return await complain(session, "seq: invalid number")
    found = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    if len(found) > _NUMBERS_MOST:
        return await complain(session, "seq: too many numbers")
    await session.write("".join(f"{number}\n" for number in found).encode())
    return 0


async def _expr(command: list[str], box: Box, session: Session) -> int:
    words = command[1:]
    if len(words) == 3 and words[1] in ("=", "!=") and not all(map(_is_number, words[::2])):
        found = str(int((words[0] == words[2]) is (words[1] == "=")))
    else:
        text = " ".join("==" if word == "=" else word for word in words)
        try:
            found = str(value_of(text, {})) if text else ""
        except NotShell:
            return await complain(session, "expr: syntax error", 2)
    await session.write(f"{found}\n".encode())
    return int(found in ("", "0"))


def _is_number(word: str) -> bool:
    return word.removeprefix("-").isdecimal()


def _escaped(text: str) -> str:
    """With what a backslash stands for."""

    def value(found: re.Match[str]) -> str:
        if found[1][0] in "01234567":
            return chr(int(found[1], 8))
        return _ESCAPES.get(found[1], found[0])

    return re.sub(r"\\([0-7]{1,4}|.)", value, text)


_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b"}
_FORMAT: Final = re.compile(r"%(-?0?\d*(?:\.\d+)?)([sdiub%])")
_DURATION: Final = re.compile(r"(inf(?:inity)?)|(\d+(?:\.\d*)?|\.\d+)([smhd]?)")
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBERS_MOST: Final = 1_000_000
PLAIN: Final[dict[str, Command]] = {
    "date": _date,
    "echo": _echo,
    "env": _env,
    "expr": _expr,
    "false": _false,
    "hostname": _hostname,
    "id": _id,
    "printenv": _env,
    "printf": _printf,
    "pwd": _pwd,
    "seq": _seq,
    "sleep": _sleep,
    "sysctl": _sysctl,
    "true": _true,
    "uname": _uname,
    "whoami": _whoami,
}
