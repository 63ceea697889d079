"""The few commands that pretended containers know."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import trio

from k8slite.kubelet.runtimes import commands
from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.session import ExecFailed, Session


class Ran:
    """A command and what came of it."""

    def __init__(self, box: Box | None = None) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.box = box or Box("web", lambda: moment, {"A": "one two", "PATH": "/bin"})
        self.out = b""
        self.err = b""

    async def __call__(self, *command: str, given: bytes = b"", tty: bool = False) -> int:
        self.out = self.err = b""
        send, stdin = trio.open_memory_channel[bytes](10)
        resized, sizes = trio.open_memory_channel(0)
        if given:
            send.send_nowait(given)
        send.close()
        with stdin, resized, sizes:
            session = Session(stdin, sizes, self._write, tty)
            return await commands.run(command, self.box, session)

    async def _write(self, data: bytes, error: bool) -> None:
        if error:
            self.err += data
        else:
            self.out += data


@pytest.mark.parametrize(
    ("text", "out", "err", "code"),
    [
        ("echo a b", "a b\n", "", 0),
        ("echo -n a", "a", "", 0),
        ("date", "Fri Jan  2 03:04:05 UTC 2026\n", "", 0),
        ("date -u +%Y-%m-%d", "2026-01-02\n", "", 0),
        ("date foo", "", "date: invalid date 'foo'\n", 1),
        ("echo $A '$A' \"$A\" ${A}x", "one two $A one two one twox\n", "", 0),
        ("true && echo yes || echo no", "yes\n", "", 0),
        ("false && echo yes || echo no", "no\n", "", 0),
        ("false; echo $?", "1\n", "", 0),
        ("exit 7; echo never", "", "", 7),
        ("false; exit", "", "", 1),
        ("hostname\npwd", "web\n/\n", "", 0),
        (
            "echo 'a b c' | awk '{print $2, $1}'; echo x:y | awk -F: '{ print $2 }'",
            "b a\ny\n",
            "",
            0,
        ),
        ("sysctl none", "", "sysctl: error: 'none' is an unknown key\n", 1),
        ("echo text > /tmp/a; echo more >> /tmp/a; cat /tmp/a", "text\nmore\n", "", 0),
        ("echo problem >&2", "", "problem\n", 0),
        ("cat /none 2>&1", "cat: /none: No such file or directory\n", "", 1),
        ("cat /none 2>/dev/null || echo none", "none\n", "", 0),
        ("mkdir -p /data/x; test -d /data && ls /data; rm -rf /data; test -e /data", "x\n", "", 1),
        ("nothing here", "", "sh: nothing: not found\n", 127),
        ("rm /none", "", "rm: can't remove '/none': No such file or directory\n", 1),
        ("echo 'open", "", "sh: syntax error: unterminated quoted string\n", 2),
        ("&& true", "", 'sh: syntax error: unexpected "&&"\n', 2),
        ("echo a | cat", "a\n", "", 0),
    ],
)
async def test_a_shell(text: str, out: str, err: str, code: int) -> None:
    ran = Ran()
    assert (await ran("sh", "-c", text), ran.out, ran.err) == (code, out.encode(), err.encode())


async def test_a_shell_reads_lines() -> None:
    ran = Ran()
    assert await ran("sh", given=b"echo one\nhostname\nexit 3\necho never\n") == 3
    assert ran.out == b"one\nweb\n"
    assert await ran("/bin/bash", given=b"echo \rtyped\r", tty=True) == 127
    assert ran.out.startswith(b"/ # echo \r\n")


async def test_commands_without_a_shell() -> None:
    ran = Ran()
    assert (await ran("cat", given=b"as it is"), ran.out) == (0, b"as it is")
    assert (await ran("env"), ran.out) == (0, b"A=one two\nPATH=/bin\n")
    assert (await ran("false"), await ran("true")) == (1, 0)
    with pytest.raises(ExecFailed, match=r'exec: "mysql": executable file not found in \$PATH'):
        await ran("mysql", "-u", "root")


async def test_sleeping_takes_time(autojump_clock: object) -> None:
    began = trio.current_time()
    assert await Ran()("sleep", "30s") == 0
    assert trio.current_time() - began == pytest.approx(30)


def archive(files: Sequence[tuple[str, bytes]]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as made:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return data.getvalue()


async def test_files_come_and_go_as_archives() -> None:
    ran = Ran()
    given = archive([("a/one", b"1"), ("a/two", b"22")])
    assert await ran("tar", "-xmf", "-", "-C", "/tmp", given=given) == 0
    assert (await ran("cat", "/tmp/a/two"), ran.out) == (0, b"22")
    assert await ran("tar", "cf", "-", "/tmp/a") == 0
    with tarfile.open(fileobj=io.BytesIO(ran.out)) as found:
        assert found.getnames() == ["tmp/a/one", "tmp/a/two"]
    assert (await ran("tar", "cf", "-", "/none"), ran.err) == (
        1,
        b"tar: /none: No such file or directory\n",
    )
    assert await ran("tar", "xf", "-", given=b"no archive at all") == 1
    # Nothing gets out of the container, wherever an archive says that it belongs.
    assert await ran("tar", "xf", "-", "-C", "/tmp", given=archive([("../../../x", b"x")])) == 0
    assert ran.box.files["/x"] == b"x"
