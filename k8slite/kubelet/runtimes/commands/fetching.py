"""Commands that fetch something over HTTP: wget (as busybox has it) and curl.

They reach other pretended containers, by address or name, and nobody outside.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

import trio
from attrs import define, evolve, field

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.command import Command, complain, read_all
from k8slite.kubelet.runtimes.network import NoSuchHost
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Request, Response
from k8slite.messages import read_all as read_body

REDIRECTS_MOST: Final = 10
_WGET_SECONDS: Final = 900.0  # busybox
_FOREVER: Final = float("inf")


@define
class _Wanted:
    """What is to be fetched, and how."""

    url: str = ""
    method: str = "GET"
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    output: str = "-"
    connect_seconds: float = _FOREVER
    seconds: float = _FOREVER
    flags: set[str] = field(factory=set)
    report: str = ""  # curl -w


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"


async def _fetch(wanted: _Wanted, box: Box, follow: bool) -> Response:
    """The answer. Raises OSError, and ValueError for what is no URL."""
    url = _url(wanted.url)
    for _ in range(REDIRECTS_MOST):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        headers = {"host": parts.netloc, **wanted.headers}
        path = unquote(parts.path or "/")
        asked = Request(wanted.method, path, query, headers, wanted.body)
        response = await box.interface.call(parts.hostname, port, asked, tls=tls)
        location = _header(response, "location")
        if not (follow and location and 300 <= response.status < 400):
            return response
        await read_body(response)
        url = urljoin(url, location)
        if response.status == 303:
            wanted = evolve(wanted, method="GET", body=b"")
    raise OSError("too many redirections")


def _header(response: Response, name: str) -> str:
    return next((value for key, value in response.headers if key.lower() == name), "")


def _head(response: Response) -> str:
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return "\r\n".join([*lines, "", ""])


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def _keep(wanted: _Wanted, data: bytes, box: Box, session: Session) -> str:
    """Put what was fetched where it belongs; why it cannot be."""
    if wanted.output == "-":
        await session.write(data)
        return ""
    if wanted.output != "/dev/null":
        try:
            box.write(wanted.output, data)
        except ReadOnly as error:
            return str(error)
    return ""


async def _wget(command: list[str], box: Box, session: Session) -> int:
    wanted = _asked_of_wget(command[1:])
    if wanted is None or not wanted.url:
        return await complain(session, "wget: missing URL, or an option that is not known here")
    quiet = "q" in wanted.flags
    host = urlsplit(_url(wanted.url)).hostname or ""
    response, body = None, b""
    try:
        with trio.move_on_after(wanted.seconds):
            response = await _fetch(wanted, box, follow=True)
            body = await read_body(response)
    except NoSuchHost:
        return await complain(session, f"wget: bad address '{host}'")
    except ConnectionRefusedError:
        text = f"can't connect to remote host ({host}): Connection refused"
        return await complain(session, f"wget: {text}")
    except TimeoutError:
        response = None
    except ValueError:
        return await complain(session, f"wget: not an http or ftp url: {wanted.url}")
    except OSError as error:
        return await complain(session, f"wget: error getting response: {error}")
    if response is None:
        return await complain(session, "wget: download timed out")
    if "S" in wanted.flags:
        shown = _head(response).rstrip().replace("\r\n", "\n  ")
        await session.write_error(f"  {shown}\n".encode())
    if response.status >= 400:
        said = f"{response.status} {_phrase(response.status)}"
        return await complain(session, f"wget: server returned error: HTTP/1.1 {said}")
    if not quiet:
        await session.write_error(f"Connecting to {urlsplit(_url(wanted.url)).netloc}\n".encode())
    if "spider" in wanted.flags:
        return 0 if quiet else await complain(session, "remote file exists", 0)
    failed = await _keep(wanted, body, box, session)
    if failed:
        return await complain(session, f"wget: can't open '{wanted.output}': {failed}")
    if not quiet:
        told = f"saving to '{wanted.output}'" if wanted.output != "-" else "writing to stdout"
        await session.write_error(f"{told}\n".encode())
    return 0


def _asked_of_wget(words: Sequence[str]) -> _Wanted | None:
    wanted = _Wanted(output="", seconds=_WGET_SECONDS, headers={"user-agent": "Wget"})
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in _WGET_LONG:
            value = value if equals else (rest.pop(0) if rest else "")
            if not _tell(wanted, _WGET_LONG[name], value):
                return None
        elif word in ("--spider", "--quiet", "--no-check-certificate"):
            wanted.flags.add({"--quiet": "q"}.get(word, word[2:]))
        elif word[:1] == "-" and word[:2] != "--" and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in "qScs":
                    wanted.flags.add(letter)
                elif letter in "OTtYUP":
                    value, letters = letters or (rest.pop(0) if rest else ""), ""
                    if not _tell(wanted, letter, value):
                        return None
                else:
                    return None
        elif word[:1] == "-":
            return None
        else:
            wanted.url = word
    if not wanted.output:
        path = urlsplit(_url(wanted.url)).path
        wanted.output = posixpath.basename(path) or "index.html"
    return wanted


def _tell(wanted: _Wanted, option: str, value: str) -> bool:
    """Note an option that has a value; False for one that cannot be."""
    if option == "O":
        wanted.output = value
    elif option == "T":
        if not value.isdecimal():
            return False
        wanted.seconds = float(value)
    elif option == "header":
        name, _, text = value.partition(":")
        wanted.headers[name.strip().lower()] = text.strip()
    elif option == "post":
        wanted.method, wanted.body = "POST", value.encode()
        wanted.headers.setdefault("content-type", "application/x-www-form-urlencoded")
    elif option == "U":
        wanted.headers["user-agent"] = value
    return True


async def _curl(command: list[str], box: Box, session: Session) -> int:
    wanted = await _asked_of_curl(command[1:], box, session)
    if isinstance(wanted, str):
        return await complain(session, f"curl: {wanted}", 2)
    silent = "s" in wanted.flags and "S" not in wanted.flags
    parts = urlsplit(_url(wanted.url))
    where = f"{parts.hostname} port {parts.port or (443 if parts.scheme == 'https' else 80)}"

    async def failed(code: int, text: str) -> int:
        if wanted.report:
            await session.write(_reported(wanted.report, None, b"").encode())
        return code if silent else await complain(session, f"curl: ({code}) {text}", code)

    response, body = None, b""
    try:
        with trio.move_on_after(wanted.seconds):
            response = await _fetch(wanted, box, follow="L" in wanted.flags)
            body = await read_body(response)
    except NoSuchHost:
        return await failed(6, f"Could not resolve host: {parts.hostname}")
    except ConnectionRefusedError:
        told = f"Failed to connect to {where} after 0 ms: Couldn't connect to server"
        return await failed(7, told)
    except TimeoutError:
        return await failed(28, f"Failed to connect to {where}: Timeout was reached")
    except ValueError:
        return await failed(3, "URL rejected: Malformed input to a URL function")
    except OSError:
        return await failed(52, "Empty reply from server")
    if response is None:
        milliseconds = int(wanted.seconds * 1000)
        told = f"Operation timed out after {milliseconds} milliseconds with 0 bytes received"
        return await failed(28, told)
    if "f" in wanted.flags and response.status >= 400:
        return await failed(22, f"The requested URL returned error: {response.status}")
    shown = _head(response).encode() if {"i", "I"} & wanted.flags else b""
    content = shown if "I" in wanted.flags else shown + body
    problem = await _keep(wanted, content, box, session)
    if wanted.report:
        await session.write(_reported(wanted.report, response, body).encode())
    return await failed(23, f"Failure writing output: {problem}") if problem else 0


def _reported(text: str, response: Response | None, body: bytes) -> str:
    """What `-w` asks for."""
    status = f"{response.status if response else 0:03d}"
    text = text.replace("%{http_code}", status).replace("%{response_code}", status)
    text = text.replace("%{size_download}", str(len(body)))
    return text.replace("\\n", "\n").replace("\\t", "\t")


async def _asked_of_curl(words: Sequence[str], box: Box, session: Session) -> _Wanted | str:
    """What is asked for, or why it cannot be."""
    wanted = _Wanted(headers={"user-agent": "curl/8.14.1", "accept": "*/*"})
    rest = list(words)
    method = ""
    while rest:
        word = rest.pop(0)
        if word[:2] == "--":
            long, equals, value = word.partition("=")
            letters = _CURL_LONG.get(long, "")
            if not letters:
                return f"option {word}: is unknown"
            rest = [value, *rest] if equals else rest
        elif word[:1] == "-" and len(word) > 1:
            letters = word[1:]
        else:
            wanted.url = word
            continue
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _CURL_FLAGS:
                wanted.flags.add(letter)
                continue
            if letter not in _CURL_VALUES:
                return f"option -{letter}: is unknown"
            if not letters and not rest:
                return f"option -{letter}: requires parameter"
            value, letters = (letters, "") if letters else (rest.pop(0), "")
            if letter == "X":
                method = value
            elif letter in "dF":
                data = await _given(value, box, session)
                wanted.body = wanted.body + b"&" + data if wanted.body else data
                wanted.headers.setdefault("content-type", "application/x-www-form-urlencoded")
                wanted.method = "POST"
            elif letter == "H":
                name, _, text = value.partition(":")
                wanted.headers[name.strip().lower()] = text.strip()
            elif letter in "oA":
                if letter == "o":
                    wanted.output = value
                else:
                    wanted.headers["user-agent"] = value
            elif letter == "w":
                wanted.report = value
            elif letter in "mC":
                try:
                    wanted.seconds = min(wanted.seconds, float(value))
                except ValueError:
                    return f"option -{letter}: expected a proper numerical parameter"
    if not wanted.url:
        return "no URL specified"
    wanted.method = method or ("HEAD" if "I" in wanted.flags else wanted.method)
    return wanted


async def _given(value: str, box: Box, session: Session) -> bytes:
    """Data, or with an @ what is in a file or on stdin."""
    if not value.startswith("@"):
        return value.encode()
    return await read_all(session) if value == "@-" else box.files.get(box.path(value[1:]), b"")


_WGET_LONG: Final = {
    "--header": "header",
    "--output-document": "O",
    "--post-data": "post",
    "--timeout": "T",
    "--tries": "t",
    "--user-agent": "U",
}
_CURL_FLAGS: Final = frozenset("sSfkLiIvqgN46")
_CURL_VALUES: Final = frozenset("XdFHoAwmCr")
# Long options by the letters that say the same; C is for those that have none of their own.
_CURL_LONG: Final = {
    "--connect-timeout": "C",
    "--data": "d",
    "--data-binary": "d",
    "--data-raw": "d",
    "--fail": "f",
    "--globoff": "g",
    "--head": "I",
    "--header": "H",
    "--include": "i",
    "--interface": "r",
    "--insecure": "k",
    "--ipv4": "4",
    "--location": "L",
    "--max-time": "m",
    "--no-buffer": "N",
    "--output": "o",
    "--request": "X",
    "--retry": "r",
    "--show-error": "S",
    "--silent": "s",
    "--user-agent": "A",
    "--verbose": "v",
    "--write-out": "w",
}
FETCHING: Final[dict[str, Command]] = {"curl": _curl, "wget": _wget}
