"""Recorded conversations on the wire, and their replay over a TLS socket.

A transcript is a YAML file: `about`, and `steps` in order. A step sends a request

    send: GET /api/v1/namespaces/NAMESPACE/configmaps    method and target
    headers: {Accept: application/json}                  optional
    body: {...}                                          optional; a mapping is sent as JSON
    on: watcher                                          which connection, "main" if absent
    credentials: none                                    no client certificate

and says what is to come back: `status`, `expect_headers` (these, among others; a list for a header
that comes several times, null for one that is not there) and `expect_body`. With `stream: true`
only the head of the answer is read, and later steps read on: `read: watcher` with `lines`, one
chunk each, and `end: true` where the stream is to end.

In what is expected, `<uid>`, `<time>`, `<revision>`, `<text>` and `<anything>` stand for what
differs from run to run; `<revision as NAME>` also remembers it for `$NAME` in later steps. A
mapping with the key `...` may have more keys than are written.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TIMEOUT_SECONDS = 90.0
_MASKS = {
    "uid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "revision": r"[1-9]\d*",
    "text": r"(?s).+",
}
_MASK = re.compile(r"<(\w+)(?: as (\w+))?>")


class Connection:
    """One TLS connection that speaks HTTP/1.1 as it is written, and forgives nothing."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        plain = socket.create_connection(address, TIMEOUT_SECONDS)
        self.socket = context.wrap_socket(plain, server_hostname=address[0])
        self.received = b""
        self.host = f"{address[0]}:{address[1]}"

    def send(self, line: str, headers: dict[str, str], body: bytes) -> None:
        """Send one request."""
        all_headers = {"Host": self.host, **headers}
        if body:
            all_headers["Content-Length"] = str(len(body))
        lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """The status and the headers of the next answer, names in lower case."""
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [line.split(": ", 1) for line in lines]
        return int(status), [(name.lower(), value) for name, value in pairs]

    def body(self, headers: list[tuple[str, str]]) -> bytes:
        """The whole body that belongs to a head."""
        found = dict(headers)
        if found.get("transfer-encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        return self._exactly(int(found.get("content-length", "0")))

    def chunk(self) -> bytes:
        """The next chunk of a stream; b"" is its end."""
        size = int(self._until(b"\r\n"), 16)
        data = self._exactly(size)
        assert self._exactly(2) == b"\r\n"
        return data

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.received:
            self._receive()
        found, _, self.received = self.received.partition(mark)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            self._receive()
        found, self.received = self.received[:count], self.received[count:]
        return found

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the server hung up after {self.received!r}"
        self.received += data


class Replay:
    """One conversation, step by step."""

    def __init__(
        self, address: tuple[str, int], contexts: dict[str, ssl.SSLContext], namespace: str
    ) -> None:
        self.address = address
        self.contexts = contexts
        self.known = {"NAMESPACE": namespace}
        self.connections: dict[str, Connection] = {}

    def run(self, path: Path) -> None:
        """Go through a transcript; fails at the first step that is answered otherwise."""
        transcript = YAML(typ="safe", pure=True).load(path.read_text())
        try:
            for number, step in enumerate(transcript["steps"], 1):
                try:
                    self._step(self._filled(step))
                except (AssertionError, OSError) as error:
                    what = step.get("send") or f"read {step['read']}"
                    error.add_note(f"{path.name}, step {number}: {what}")
                    raise
        finally:
            for connection in self.connections.values():
                connection.close()

    def _step(self, step: dict[str, Any]) -> None:
        if "read" in step:
            connection = self.connections[step["read"]]
            for line in step.get("lines", ()):
                found = connection.chunk()
                assert found.endswith(b"\n") and found.count(b"\n") == 1, found
                self._compare(json.loads(found), line, "line")
            if step.get("end"):
                assert connection.chunk() == b""
            return
        name = step.get("on", "main")
        if name not in self.connections:
            context = self.contexts[step.get("credentials", "certificate")]
            self.connections[name] = Connection(self.address, context)
        connection = self.connections[name]
        headers, body = dict(step.get("headers", {})), step.get("body", b"")
        if isinstance(body, dict | list):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        connection.send(step["send"], headers, body.encode() if isinstance(body, str) else body)
        status, found = connection.head()
        self._compare_headers(found, step.get("expect_headers", {}))
        if step.get("stream"):
            assert status == step["status"]
            return
        content = b"" if step["send"].startswith("HEAD ") else connection.body(found)
        assert status == step["status"], content
        if "expect_body" in step:
            wanted = step["expect_body"]
            read = content.decode() if isinstance(wanted, str) else json.loads(content)
            self._compare(read, wanted, "body")

    def _compare_headers(self, found: list[tuple[str, str]], wanted: dict[str, Any]) -> None:
        for name, value in wanted.items():
            values = [one for key, one in found if key == name.lower()]
            expected = value if isinstance(value, list) else [] if value is None else [value]
            self._compare(values, expected, name)

    def _compare(self, found: Any, wanted: Any, where: str) -> None:
        if isinstance(wanted, dict):
            assert isinstance(found, dict), f"{where}: {found!r}"
            keys = set(wanted) - {"..."}
            extra = set(found) - keys if "..." not in wanted else set()
            assert not extra and keys <= set(found), f"{where} has the keys {sorted(found)}"
            for key in sorted(keys):
                self._compare(found[key], wanted[key], f"{where}.{key}")
        elif isinstance(wanted, list):
            assert isinstance(found, list) and len(found) == len(wanted), f"{where}: {found!r}"
            for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
                self._compare(one, other, f"{where}[{index}]")
        elif isinstance(wanted, str) and (mask := _MASK.fullmatch(wanted)):
            if mask[1] != "anything":
                assert isinstance(found, str), f"{where}: {found!r}"
                assert re.fullmatch(_MASKS[mask[1]], found), f"{where}: {found!r}"
            if mask[2]:
                self.known[mask[2]] = found
        else:
            assert found == wanted, f"{where}: {found!r} is not {wanted!r}"

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        if isinstance(value, str):
            value = value.replace("NAMESPACE", self.known["NAMESPACE"])
            return re.sub(r"\$([a-z]\w*)", lambda found: self.known[found[1]], value)
        return value
