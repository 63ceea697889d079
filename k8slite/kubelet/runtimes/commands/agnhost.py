"""What Kubernetes' image agnhost does that needs no network (upstream: `test/images/agnhost`).

    pause, entrypoint-tester, etc-hosts, mounttest

A container with another of its subcommands runs for ever, as one does that is not known.
"""

from __future__ import annotations

import json
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.commands.filing import shown_mode
from k8slite.kubelet.runtimes.session import Session

LOOP_SECONDS: Final = 2.0  # between two looks at a file
RETRY_SECONDS: Final = 180.0  # how long it looks, unless told otherwise
_NEW_FILE: Final = b"mount-tester new file\n"


async def _agnhost(command: list[str], box: Box, session: Session) -> int:
    subcommand = command[1] if len(command) > 1 else "pause"
    known = SUBCOMMANDS.get(subcommand)
    if known is None:
        return await complain(session, f"Error: unknown command {json.dumps(subcommand)}")
    return await known(command, box, session)


async def _pause(command: list[str], box: Box, session: Session) -> int:
    await session.write(b"Paused\n")
    await trio.sleep_forever()


async def _tell_arguments(command: list[str], box: Box, session: Session) -> int:
    await session.write(f"[{' '.join(command)}]\n".encode())
    return 0


async def _etc_hosts(command: list[str], box: Box, session: Session) -> int:
    await session.write(box.files["/etc/hosts"])
    return 0


async def _mounttest(command: list[str], box: Box, session: Session) -> int:
    """Look at files in this order, whatever the flags' own: what is new is seen by what follows."""
    flags: dict[str, str] = {}
    words = command[2:]
    while words:
        name, equals, value = words.pop(0).removeprefix("--").partition("=")
        flags[name] = value if equals else (words.pop(0) if words else "")
    wrong = 0
    for name in _ORDER:
        path = flags.get(name)
        if path:
            told = _told(name, path, box)
            wrong += told is None
            failed = f"error of {name} for {json.dumps(path)}: no such file or directory"
            await session.write(f"{failed if told is None else told}\n".encode())
    loop = flags.get("file_content_in_loop")
    if loop:
        expects = flags.get("break_on_expected_content", "true") == "true"
        seconds = float(flags.get("retry_time", RETRY_SECONDS))
        wrong += await _look_again(loop, seconds, expects, box, session)
    return int(bool(wrong))


def _told(name: str, path: str, box: Box) -> str | None:
    """What there is to say of a file; None where it is not there (or cannot be written)."""
    if name.startswith("new_file_"):
        try:
            box.write(path, _NEW_FILE)
            box.set_mode(path, int(name.removeprefix("new_file_"), 8))
        except ReadOnly:
            return None
        return _told("file_content", path, box)
    whole, quoted = box.path(path), json.dumps(path)
    content = box.files.get(whole)
    directory = content is None and box.is_directory(path)
    if content is None and not directory:
        return None
    mount = box.files.mount_of(whole) or box.files.mount_of(f"{whole}/")
    memory = mount is not None and mount.medium == "Memory"
    return {
        "fs_type": lambda: f"mount type of {quoted}: {'tmpfs' if memory else 'ext2/ext3'}",
        "file_mode": lambda: (
            f"mode of file {quoted}: {shown_mode(box.mode(path), directory=directory)}"
        ),
        "file_perm": lambda: (
            f"perms of file {quoted}: {shown_mode(box.mode(path), directory=False)}"
        ),
        "file_owner": lambda: f"owner UID of {quoted}: 0\nowner GID of {quoted}: 0",
        "file_content": lambda: (
            f"content of file {quoted}: {(content or b'').decode(errors='replace')}"
        ),
    }[name]()


async def _look_again(path: str, seconds: float, expects: bool, box: Box, session: Session) -> int:
    until = trio.current_time() + seconds
    there = False
    while trio.current_time() < until:
        if box.refresh is not None:
            await box.refresh()
        content = box.files.get(box.path(path))
        there = content is not None
        if content is None:
            text = f"Error reading file {path}: open {path}: no such file or directory, retrying"
            await session.write(f"{text}\n".encode())
        else:
            told = f"content of file {json.dumps(path)}: {content.decode(errors='replace')}\n"
            await session.write(told.encode())
            if expects and content == _NEW_FILE:
                break
        await trio.sleep(LOOP_SECONDS)
    return int(not there)


_ORDER: Final = (
    "fs_type",
    "new_file_0644",
    "new_file_0666",
    "new_file_0660",
    "new_file_0777",
    "file_mode",
    "file_perm",
    "file_owner",
    "file_content",
)
SUBCOMMANDS: Final[dict[str, Command]] = {
    "entrypoint-tester": _tell_arguments,
    "etc-hosts": _etc_hosts,
    "mounttest": _mounttest,
    "pause": _pause,
}
AGNHOST: Final[dict[str, Command]] = {"agnhost": _agnhost, "agnhost-2": _agnhost}
