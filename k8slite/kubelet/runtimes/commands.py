"""The few commands that pretended containers know, for `kubectl exec` and its like.

    true false echo cat date env hostname sleep pwd ls test mkdir rm tar, and sh (or bash), which
    takes commands from -c or stdin, joined by ; && ||, with quotes, $NAME and $?, > and >>, exit

There are no processes and no disk: `cat`, `ls`, `test` and `tar` (so that `kubectl cp` works) look
at a small tree of files that a container has for as long as it runs. What else is asked for is not
found, as it would not be in an empty image.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import trio
from attrs import define, evolve, field

from k8slite.kubelet.runtimes.session import ExecFailed, Session
from k8slite.kubelet.runtimes.shell import Line, NotShell, lines_of

NOT_FOUND: Final = 127
# All files of a container together; what is more does not belong into a test's memory.
FILES_MOST_BYTES: Final = 64 * 1024 * 1024


@define(eq=False)
class Box:
    """What a command finds around it: its container, as far as there is one."""

    hostname: str
    now: Callable[[], datetime]
    environment: Mapping[str, str] = field(factory=dict)
    files: dict[str, bytes] = field(factory=dict)  # by absolute path


class Ended(Exception):
    """`exit`: the shell ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def run(command: Sequence[str], box: Box, session: Session) -> int:
    """Run a command as a container runtime would; returns its exit code. Raises ExecFailed."""
    name = posixpath.basename(command[0]) if command else ""
    if name not in _COMMANDS or name == "exit":
        raise ExecFailed(
            "failed to exec in container: failed to start exec: OCI runtime exec failed: exec "
            f'failed: unable to start container process: exec: "{name and command[0]}": executable '
            "file not found in $PATH: unknown"
        )
    try:
        return await _COMMANDS[name](list(command), box, session)
    except Ended as ended:
        return ended.code


# Commands


async def _true(command: list[str], box: Box, session: Session) -> int:
    return 0


async def _false(command: list[str], box: Box, session: Session) -> int:
    return 1


async def _echo(command: list[str], box: Box, session: Session) -> int:
    bare = command[1:2] == ["-n"]
    await session.write((" ".join(command[2 if bare else 1 :]) + "\n" * (not bare)).encode())
    return 0


async def _cat(command: list[str], box: Box, session: Session) -> int:
    code = 0
    for path in command[1:] or ["-"]:
        if path == "-":
            while piece := await session.read():
                await session.write(piece)
        elif (found := box.files.get(_path(path))) is not None:
            await session.write(found)
        else:
            why = "Is a directory" if _is_directory(box, path) else "No such file or directory"
            code = await _complain(session, f"cat: {path}: {why}")
    return code


async def _date(command: list[str], box: Box, session: Session) -> int:
    """In UTC, whether or not -u asks for it."""
    words = [one for one in command[1:] if one not in ("-u", "--utc")]
    form = "%a %b %e %H:%M:%S UTC %Y"
    if words:
        if len(words) > 1 or not words[0].startswith("+"):
            return await _complain(session, f"date: invalid date '{words[0]}'")
        form = words[0][1:]
    await session.write(f"{box.now():{form}}\n".encode() if form else b"\n")
    return 0


async def _env(command: list[str], box: Box, session: Session) -> int:
    told = "".join(f"{name}={value}\n" for name, value in box.environment.items())
    await session.write(told.encode())
    return 0


async def _hostname(command: list[str], box: Box, session: Session) -> int:
    await session.write(f"{box.hostname}\n".encode())
    return 0


async def _pwd(command: list[str], box: Box, session: Session) -> int:
    await session.write(b"/\n")
    return 0


async def _sleep(command: list[str], box: Box, session: Session) -> int:
    text = command[1] if len(command) == 2 else ""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        return await _complain(session, f"sleep: invalid time interval '{text}'")
    await trio.sleep(seconds)
    return 0


async def _exit(command: list[str], box: Box, session: Session) -> int:
    text = command[1] if len(command) > 1 else box.environment.get("?", "0")
    raise Ended(int(text) % 256 if text.isdecimal() else 2)


async def _ls(command: list[str], box: Box, session: Session) -> int:
    code = 0
    for path in [one for one in command[1:] if not one.startswith("-")] or ["/"]:
        inside = _path(path).rstrip("/") + "/"
        names = {
            one[len(inside) :].partition("/")[0] for one in box.files if one.startswith(inside)
        }
        if _path(path) in box.files:
            await session.write(f"{path}\n".encode())
        elif names or _is_directory(box, path):
            await session.write("".join(f"{name}\n" for name in sorted(names) if name).encode())
        else:
            code = await _complain(session, f"ls: {path}: No such file or directory")
    return code


async def _test(command: list[str], box: Box, session: Session) -> int:
    if len(command) != 3 or command[1] not in ("-d", "-e", "-f"):
        await _complain(session, "test: only -d, -e and -f with one path are known here")
        return 2
    is_file, is_directory = _path(command[2]) in box.files, _is_directory(box, command[2])
    return int(not {"-d": is_directory, "-f": is_file, "-e": is_file or is_directory}[command[1]])


async def _mkdir(command: list[str], box: Box, session: Session) -> int:
    for path in command[1:]:
        if not path.startswith("-"):
            box.files[_path(path).rstrip("/") + "/"] = b""
    return 0


async def _rm(command: list[str], box: Box, session: Session) -> int:
    code = 0
    for path in [one for one in command[1:] if not one.startswith("-")]:
        below = _path(path).rstrip("/") + "/"
        gone = [one for one in box.files if one == _path(path) or one.startswith(below)]
        for one in gone:
            del box.files[one]
        if not gone and "-f" not in command and "-rf" not in command:
            code = await _complain(session, f"rm: can't remove '{path}': No such file or directory")
    return code


async def _tar(command: list[str], box: Box, session: Session) -> int:
    """As `kubectl cp` calls it: `tar cf - PATH` and `tar -xmf - -C DIRECTORY`."""
    flags = [one for one in command[1:] if one.startswith("-") and one != "-"]
    mode = next((one.lstrip("-") for one in command[1:] if not one.startswith("--")), "")
    if "x" in mode:
        into = command[command.index("-C") + 1] if "-C" in flags else "/"
        return await _extract(box, session, into)
    if "c" in mode and command[-1] != "-":
        return await _archive(box, session, command[-1])
    return await _complain(session, "tar: only cf - PATH and xf - [-C DIRECTORY] are known here")


async def _extract(box: Box, session: Session, into: str) -> int:
    import tarfile  # only copies need it

    data = bytearray()
    while piece := await session.read():
        data += piece
        if len(data) + sum(map(len, box.files.values())) > FILES_MOST_BYTES:
            return await _complain(session, "tar: write error: No space left on device")
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                path = _path(posixpath.join(into, member.name))
                if member.isdir():
                    box.files[path.rstrip("/") + "/"] = b""
                elif (content := archive.extractfile(member)) is not None:
                    box.files[path] = content.read()
    except tarfile.TarError as error:
        return await _complain(session, f"tar: {error}")
    return 0


async def _archive(box: Box, session: Session, path: str) -> int:
    whole = _path(path).rstrip("/")
    found = [one for one in sorted(box.files) if one == whole or one.startswith(f"{whole}/")]
    if not found:
        await session.write_error(f"tar: {path}: No such file or directory\n".encode())
        return 1
    import tarfile  # only copies need it

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for one in found:
            member = tarfile.TarInfo(one.strip("/"))
            member.mode = 0o644
            if one.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            member.size = len(box.files[one])
            archive.addfile(member, io.BytesIO(box.files[one]))
    await session.write(data.getvalue())
    return 0


async def _sh(command: list[str], box: Box, session: Session) -> int:
    if command[1:2] == ["-c"]:
        return await _lines(command[2] if len(command) > 2 else "", box, session)
    code, text = 0, ""
    prompt = b"/ # " if session.tty else b""
    await session.write(prompt)
    while piece := await session.read():
        if session.tty:
            await session.write(piece.replace(b"\r", b"\r\n"))  # what is typed is seen
        if session.tty and b"\x04" in piece:  # control-D
            break
        text += piece.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        whole, _, text = text.rpartition("\n")
        if whole:
            code = await _lines(whole, box, session)
        await session.write(prompt)
    return await _lines(text, box, session) if text.strip() else code


async def _lines(text: str, box: Box, session: Session) -> int:
    """Commands of a shell, one after the other, as far as && and || let them."""
    code = 0
    try:
        found = lines_of(text)
    except NotShell as error:
        await session.write_error(f"sh: {error}\n".encode())
        return 2
    for line in found:
        if (line.joined == "&&" and code) or (line.joined == "||" and not code):
            continue
        code = await _line(
            line, evolve(box, environment={**box.environment, "?": str(code)}), session
        )
    return code


async def _line(line: Line, box: Box, session: Session) -> int:
    words = line.expanded(box.environment)
    if not words:
        return 0
    known = _COMMANDS.get(posixpath.basename(words[0]))
    if known is None:
        await session.write_error(f"sh: {words[0]}: not found\n".encode())
        return NOT_FOUND
    if not (line.output or line.error):
        return await known(words, box, session)
    kept: dict[bool, bytearray] = {False: bytearray(), True: bytearray()}

    async def write(data: bytes, error: bool) -> None:
        target = line.error if error else line.output
        if target in ("&1", "&2"):
            error, target = target == "&2", ""
        if target:
            kept[error].extend(data)
        else:
            await (session.write_error(data) if error else session.write(data))

    code = await known(words, box, session.writing(write))
    for target, data in ((line.output, kept[False]), (line.error, kept[True])):
        if target.startswith("&") or target in ("", "/dev/null"):
            continue
        before = box.files.get(_path(target), b"") if line.appends else b""
        box.files[_path(target)] = before + bytes(data)
    return code


async def _complain(session: Session, text: str) -> int:
    await session.write_error(f"{text}\n".encode())
    return 1


def _path(path: str) -> str:
    return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")


def _is_directory(box: Box, path: str) -> bool:
    whole = _path(path)
    inside = whole.rstrip("/") + "/"
    return whole in ("/", "/tmp") or any(one.startswith(inside) for one in box.files)


Command = Callable[[list[str], Box, Session], Awaitable[int]]
_COMMANDS: Final[Mapping[str, Command]] = {
    "cat": _cat,
    "date": _date,
    "echo": _echo,
    "env": _env,
    "printenv": _env,
    "exit": _exit,
    "false": _false,
    "hostname": _hostname,
    "ls": _ls,
    "mkdir": _mkdir,
    "pwd": _pwd,
    "rm": _rm,
    "sh": _sh,
    "bash": _sh,
    "sleep": _sleep,
    "tar": _tar,
    "test": _test,
    "true": _true,
}
