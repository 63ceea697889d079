"""All commands, and how one is run: for a container runtime, and for a shell."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Final

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost import AGNHOST
from k8slite.kubelet.runtimes.commands.agnhost.plain import IMAGES
from k8slite.kubelet.runtimes.commands.archives import ARCHIVES
from k8slite.kubelet.runtimes.commands.command import Command
from k8slite.kubelet.runtimes.commands.fetching import FETCHING
from k8slite.kubelet.runtimes.commands.filing import FILING
from k8slite.kubelet.runtimes.commands.names import NAMES
from k8slite.kubelet.runtimes.commands.plain import PLAIN
from k8slite.kubelet.runtimes.commands.text import TEXT
from k8slite.kubelet.runtimes.commands.web import WEB
from k8slite.kubelet.runtimes.session import ExecFailed, Session
from k8slite.kubelet.runtimes.shell.execution import NOT_FOUND, Shell
from k8slite.kubelet.runtimes.shell.parser import parsed
from k8slite.kubelet.runtimes.shell.tree import NotShell


async def run(command: Sequence[str], box: Box, session: Session) -> int:
    """Run a command as a container runtime would; returns its exit code. Raises ExecFailed."""
    code = await run_known(command, box, session)
    if code is None:
        name = posixpath.basename(command[0]) if command else ""
        raise ExecFailed(
            "failed to exec in container: failed to start exec: OCI runtime exec failed: exec "
            f'failed: unable to start container process: exec: "{name and command[0]}": executable '
            "file not found in $PATH: unknown"
        )
    return code


async def run_known(command: Sequence[str], box: Box, session: Session) -> int | None:
    """Run a command; None where it is not known."""
    known = COMMANDS.get(posixpath.basename(command[0])) if command else None
    if known is None:
        return None
    if box.refresh is not None:
        await box.refresh()
    return await known(list(command), box, session)


async def _sh(command: list[str], box: Box, session: Session) -> int:
    shell = shell_of(command, box, session)
    text, arguments = script_of(command)
    if text is None and arguments:
        content = box.files.get(box.path(arguments[0]))
        if content is None:
            await session.write_error(f"sh: can't open '{arguments[0]}'\n".encode())
            return NOT_FOUND
        text = content.decode(errors="replace")
    if text is None:
        return await _interactive(shell, session)
    try:
        return await shell.main(text, arguments or ["sh"])
    except NotShell as error:
        await session.write_error(f"sh: {error}\n".encode())
        return 2


def shell_of(command: Sequence[str], box: Box, session: Session) -> Shell:
    """A shell with the options that a command asks for."""
    shell = Shell(box, session, run_known)
    flags = [word for word in command[1:] if word[:1] == "-" and word[:2] != "--"]
    for letter in flags[0][1:] if flags else "":
        if letter in "eux":
            shell.state.options[letter] = True
    return shell


def script_of(command: Sequence[str]) -> tuple[str | None, list[str]]:
    """The text after -c, if any, and what becomes $0, $1 and so on."""
    words = list(command[1:])
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        flag = words.pop(0)
        if "c" in flag and not flag.startswith("--") and words:
            return words[0], words[1:]
    return None, words


async def _interactive(shell: Shell, session: Session) -> int:
    """Lines from stdin, each run as soon as it is whole."""
    prompt = b"/ # " if session.tty else b""
    await session.write(prompt)
    text, code, ended = "", 0, False
    while not ended:
        piece = await session.read()
        if session.tty:
            await session.write(piece.replace(b"\r", b"\r\n"))  # what is typed is seen
        ended = not piece or (session.tty and b"\x04" in piece)  # control-D
        if piece and not (session.tty and ended):
            text += piece.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        whole, _, rest = (text, "", "") if ended else text.rpartition("\n")
        if whole.strip():
            try:
                parsed(whole)
            except NotShell as error:
                if "end of file" in str(error) and not ended:
                    continue
            text = rest
            try:
                code, last = await shell.line(whole)
            except NotShell as error:
                await session.write_error(f"sh: {error}\n".encode())
                code, last = 2, False
            if last:
                return code
        if not ended:
            await session.write(prompt)
    return code


SHELLS: Final = frozenset({"ash", "bash", "sh"})
COMMANDS: Final[dict[str, Command]] = {
    **AGNHOST,
    **PLAIN,
    **FILING,
    **TEXT,
    **ARCHIVES,
    **FETCHING,
    **NAMES,
    **IMAGES,
    **WEB,
    "ash": _sh,
    "bash": _sh,
    "sh": _sh,
}
