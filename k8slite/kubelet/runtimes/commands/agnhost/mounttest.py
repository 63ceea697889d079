"""agnhost mounttest: looks at files, and says what it sees of them."""

from __future__ import annotations

import json
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.agnhost.flags import Flags
from k8slite.kubelet.runtimes.commands.filing import shown_mode
from k8slite.kubelet.runtimes.session import Session

LOOP_SECONDS: Final = 2.0  # between two looks at a file
RETRY_SECONDS: Final = 180  # how long it looks, unless told otherwise
_NEW_FILE: Final = b"mount-tester new file\n"


async def mounttest(command: list[str], box: Box, session: Session) -> int:
    """Look at files in this order, whatever the flags' own: what is new is seen by what follows."""
    flags = Flags(command[2:])
    wrong = 0
    for name in _ORDER:
        path = flags.text(name)
        if path:
            told = _told(name, path, box)
            wrong += told is None
            failed = f"error of {name} for {json.dumps(path)}: no such file or directory"
            await session.write(f"{failed if told is None else told}\n".encode())
    loop = flags.text("file_content_in_loop")
    if loop:
        expects = flags.true("break_on_expected_content", True)
        seconds = flags.number("retry_time", RETRY_SECONDS)
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
