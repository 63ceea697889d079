"""Commands about names and ports of others: nslookup, dig, getent, nc, ip."""

from __future__ import annotations

from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.command import Command, complain, options_of, read_all
from k8slite.kubelet.runtimes.network import NoSuchHost
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Request
from k8slite.messages import read_all as read_body

_TTL_SECONDS: Final = 30
_NOT_FOUND_CODE: Final = 2  # of getent
_TIMEOUT_SECONDS: Final = 5.0


async def _nslookup(command: list[str], box: Box, session: Session) -> int:
    names = [word for word in command[1:] if word[:1] != "-"]
    if not names:
        return await complain(session, "nslookup: missing operand")
    server = next(iter(box.interface.resolver().servers), "")
    await session.write(f"Server:\t\t{server}\nAddress:\t{server}:53\n\n".encode())
    try:
        whole, addresses = await box.interface.looked_up(names[0])
    except TimeoutError:
        return await complain(session, ";; connection timed out; no servers could be reached")
    except NoSuchHost:
        whole = names[0]
        addresses = ()
    if not addresses:
        await session.write(f"** server can't find {whole}: NXDOMAIN\n\n".encode())
        return 1
    for address in addresses:
        await session.write(f"Name:\t{whole}\nAddress: {address}\n".encode())
    await session.write(b"\n")
    return 0


async def _dig(command: list[str], box: Box, session: Session) -> int:
    """Records A, AAAA, CNAME, SRV of services and pods; all that is not an answer is left out."""
    flags = [word for word in command[1:] if word[:1] == "+"]
    words = [word for word in command[1:] if word[:1] not in "+-@"]
    kind = next((word.upper() for word in words if word.upper() in _KINDS), "A")
    names = [word for word in words if word.upper() not in _KINDS and word.upper() != "IN"]
    if not names:
        return await complain(session, "dig: missing name")
    interface, found = box.interface, list[tuple[str, str]]()
    searching = "+search" in flags
    for whole in interface.resolver().candidates(names[0]) if searching else [names[0]]:
        found = await _records(kind, whole.rstrip("."), box)
        if found:
            names[0] = whole
            break
    for of_kind, value in found:
        line = value
        if "+short" not in flags:
            line = f"{names[0].rstrip('.')}.\t{_TTL_SECONDS}\tIN\t{of_kind}\t{value}"
        await session.write(f"{line}\n".encode())
    return 0


async def _records(kind: str, name: str, box: Box) -> list[tuple[str, str]]:
    routes = box.interface.network.routes
    if routes is None:
        return []
    if kind == "SRV":
        targets = await routes.targets(name)
        return [("SRV", f"0 100 {one.port} {one.host}.") for one in targets]
    alias = await routes.alias(name)
    if alias:
        return [("CNAME", f"{alias.rstrip('.')}.")]
    if kind not in ("A", "AAAA", "ANY"):
        return []
    six = kind == "AAAA"
    return [(kind, one) for one in await routes.addresses(name) if (":" in one) is six]


async def _getent(command: list[str], box: Box, session: Session) -> int:
    if command[1:2] not in (["hosts"], ["ahosts"], ["ahostsv4"]) or len(command) < 3:
        return await complain(session, "getent: only hosts are known here")
    try:
        whole, addresses = await box.interface.looked_up(command[2])
    except NoSuchHost:
        return _NOT_FOUND_CODE
    for address in addresses:
        await session.write(f"{address:<15} {whole}\n".encode())
    return 0 if addresses else _NOT_FOUND_CODE


async def _nc(command: list[str], box: Box, session: Session) -> int:
    """Connect, and if there is something on stdin send it: a datagram, or as HTTP what is none."""
    words, timeout = list[str](), _TIMEOUT_SECONDS
    rest = command[:1]
    source = list(command[1:])
    while source:
        word = source.pop(0)
        if word in ("-w", "-q", "-i") and source:
            value = source.pop(0)
            timeout = float(value) if word == "-w" and value.isdecimal() else timeout
        else:
            rest.append(word)
    asked = options_of(rest, "zvtunN4")
    if asked is None or len(asked[1]) != 2 or not asked[1][1].isdecimal():
        return await complain(session, "nc: only nc [-zvtun] [-w SECONDS] HOST PORT is known here")
    letters, words = asked
    host, port = words[0], int(words[1])
    protocol = "udp" if "u" in letters else "tcp"
    try:
        with trio.move_on_after(timeout):
            if protocol == "udp":
                data = b"" if "z" in letters else await read_all(session)
                answer = await box.interface.send(host, port, data) if data else b""
                await session.write(answer or b"")
                return 0
            await box.interface.connect(host, port)
            if "v" in letters:
                said = f"Connection to {host} {port} port [{protocol}/*] succeeded!"
                await complain(session, said)
            if "z" not in letters:
                await session.write(await _spoken(host, port, await read_all(session), box))
            return 0
    except NoSuchHost:
        return await complain(session, f"nc: bad address '{host}'")
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        why = "Connection refused" if refused else str(error)
        said = f"connect to {host} port {port} ({protocol}) failed: {why}"
        return await complain(session, f"nc: {said}") if "v" in letters or not refused else 1
    return await complain(session, "nc: timed out")


async def _spoken(host: str, port: int, data: bytes, box: Box) -> bytes:
    """What a server of HTTP answers to bytes that were typed."""
    line, _, head = data.decode(errors="replace").replace("\r\n", "\n").partition("\n")
    words = line.split()
    if not data.strip():
        return b""
    if len(words) < 2 or not words[1].startswith("/"):
        return (
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\n\r\n400 Bad Request"
        )
    pairs = (one.partition(":") for one in head.split("\n\n")[0].splitlines())
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
    path, _, query = words[1].partition("?")
    asked = Request(
        words[0],
        path,
        tuple((one.partition("=")[0], one.partition("=")[2]) for one in query.split("&") if one),
        headers,
    )
    response = await box.interface.call(host, port, asked)
    body = await read_body(response)
    lines = [f"HTTP/1.1 {response.status} "]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def _ip(command: list[str], box: Box, session: Session) -> int:
    """`ip addr`, and `ip link add` and its like, which only the privileged may."""
    words = [word for word in command[1:] if word[:1] != "-"]
    if words[:1] == ["link"] and words[1:2] in (["add"], ["del"], ["delete"], ["set"]):
        if box.privileged:
            return 0
        return await complain(session, "ip: RTNETLINK answers: Operation not permitted", 2)
    if words[:1] not in (["a"], ["addr"], ["address"]):
        return await complain(session, "ip: only addr and link add are known here")
    lines = ["1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536", "    inet 127.0.0.1/8 scope host lo"]
    lines.append("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500")
    for one in box.interface.addresses:
        lines.append(f"    inet{'6' if ':' in one else ''} {one}/24 scope global eth0")
    await session.write("".join(f"{line}\n" for line in lines).encode())
    return 0


_KINDS: Final = ("A", "AAAA", "ANY", "CNAME", "PTR", "SRV", "TXT")
NAMES: Final[dict[str, Command]] = {
    "dig": _dig,
    "getent": _getent,
    "ip": _ip,
    "nc": _nc,
    "nslookup": _nslookup,
}
