"""Subcommands that serve nobody: they wait, or look around and say what they see."""

from __future__ import annotations

import hashlib
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost.flags import Flags
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.commands.serving import GO_TERMINATED_CODE
from k8slite.kubelet.runtimes.network import NoSuchHost
from k8slite.kubelet.runtimes.session import Session


async def _pause(command: list[str], box: Box, session: Session) -> int:
    await session.write(b"Paused\n")
    await session.stopped()
    return GO_TERMINATED_CODE


async def _tell_arguments(command: list[str], box: Box, session: Session) -> int:
    await session.write(f"[{' '.join(command)}]\n".encode())
    return 0


async def _etc_hosts(command: list[str], box: Box, session: Session) -> int:
    await session.write(box.files["/etc/hosts"])
    return 0


async def _dns_suffix(command: list[str], box: Box, session: Session) -> int:
    found = [words[1:] for words in _resolver(box) if words[0] == "search"]
    await session.write(f"{','.join(found[-1] if found else [])}\n".encode())
    return 0


async def _dns_servers(command: list[str], box: Box, session: Session) -> int:
    found = [words[1] for words in _resolver(box) if words[0] == "nameserver"]
    await session.write(f"{','.join(found)}\n".encode())
    return 0


def _resolver(box: Box) -> list[list[str]]:
    text = box.files.get("/etc/resolv.conf", b"").decode()
    return [words for words in map(str.split, text.splitlines()) if len(words) > 1]


async def _logs_generator(command: list[str], box: Box, session: Session) -> int:
    """Lines that differ, by and by; what upstream leaves to chance follows from the host here."""
    try:
        flags = Flags(command[2:], {"t": "log-lines-total", "d": "run-duration"})
        total, seconds = flags.number("log-lines-total", 0), flags.seconds("run-duration")
    except ValueError as error:
        return await complain(session, f"Error: {error}")
    if total <= 0 or seconds <= 0:
        return await complain(session, "Invalid total number of lines, or duration", 255)
    for number in range(total):
        dice = hashlib.sha256(f"{box.hostname}/{number}".encode()).digest()
        method, namespace = _METHODS[dice[0] % 3], _NAMESPACES[dice[1] % 3]
        pod = "".join(_LETTERS[one % len(_LETTERS)] for one in dice[3 : 6 + dice[2] % 2])
        status = 200 + int.from_bytes(dice[8:10], "big") % 400
        line = f"{number} {method} /api/v1/namespaces/{namespace}/pods/{pod} {status}"
        head = f"I{box.now():%m%d %H:%M:%S.%f}       1 logs_generator.go:76]"
        await session.write_error(f"{head} {line}\n".encode())
        await trio.sleep(seconds / total)
    return 0


async def _connect(command: list[str], box: Box, session: Session) -> int:
    """Connect with HOST:PORT; what goes wrong begins with one of five words."""
    try:
        flags = Flags(command[2:])
        limit = flags.seconds("timeout")
    except ValueError as error:
        return await complain(session, f"Error: {error}")
    where = flags.operands[0] if flags.operands else ""
    host, colon, port = where.rpartition(":")
    if not colon or not port.isdecimal():
        return await complain(session, f"UNKNOWN: address {where}: missing port in address")
    with trio.move_on_after(limit or float("inf")):
        try:
            if flags.text("protocol", "tcp") != "udp":
                await box.interface.connect(host.strip("[]"), int(port))
                return 0
            data = f"{flags.text('udp-data', 'hostname')}\n".encode()
            if await box.interface.send(host.strip("[]"), int(port), data) is None:
                await trio.sleep_forever()
            return 0
        except NoSuchHost as error:
            return await complain(session, f"DNS: {error}")
        except ConnectionRefusedError:
            return await complain(session, "REFUSED")
        except TimeoutError:
            return await complain(session, "TIMEOUT")
        except OSError as error:
            return await complain(session, f"OTHER: {error}")
    return await complain(session, "TIMEOUT")


async def _privileges(command: list[str], box: Box, session: Session) -> int:
    """The effective user of a program that is root's and says so in its mode (setuid)."""
    user = box.user[0] if box.no_new_privileges else 0
    await session.write(f"Effective uid: {user}\n".encode())
    return 0


async def _pause_image(command: list[str], box: Box, session: Session) -> int:
    await session.stopped()
    await session.write_error(b"Shutting down, got signal: Terminated\n")
    return 0


_METHODS: Final = ("GET", "POST", "PUT")
_NAMESPACES: Final = ("kube-system", "default", "ns")
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
# The programs of small images beside agnhost.
IMAGES: Final[dict[str, Command]] = {"nnp": _privileges, "pause": _pause_image}
PLAIN: Final[dict[str, Command]] = {
    "connect": _connect,
    "dns-server-list": _dns_servers,
    "dns-suffix": _dns_suffix,
    "entrypoint-tester": _tell_arguments,
    "etc-hosts": _etc_hosts,
    "logs-generator": _logs_generator,
    "nonewprivs": _privileges,
    "pause": _pause,
}
