"""tar, as `kubectl cp` calls it."""

from __future__ import annotations

import io
import posixpath
from typing import Final

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.commands.command import Command, complain, read_all
from k8slite.kubelet.runtimes.session import Session


async def _tar(command: list[str], box: Box, session: Session) -> int:
    """`tar cf - PATH` and `tar -xmf - -C DIRECTORY`."""
    flags = [one for one in command[1:] if one.startswith("-") and one != "-"]
    mode = next((one.lstrip("-") for one in command[1:] if not one.startswith("--")), "")
    if "x" in mode:
        into = command[command.index("-C") + 1] if "-C" in flags else "/"
        return await _extract(box, session, into)
    if "c" in mode and command[-1] != "-":
        return await _archive(box, session, command[-1])
    return await complain(session, "tar: only cf - PATH and xf - [-C DIRECTORY] are known here")


async def _extract(box: Box, session: Session, into: str) -> int:
    import tarfile  # only copies need it

    data = await read_all(session)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                path = posixpath.join(into, member.name)
                if member.isdir():
                    box.write(path.rstrip("/") + "/", b"")
                elif (content := archive.extractfile(member)) is not None:
                    box.write(path, content.read())
    except (tarfile.TarError, ReadOnly) as error:
        return await complain(session, f"tar: {error}")
    return 0


async def _archive(box: Box, session: Session, path: str) -> int:
    whole = box.path(path).rstrip("/")
    found = [one for one in sorted(box.files) if one == whole or one.startswith(f"{whole}/")]
    if not found:
        return await complain(session, f"tar: {path}: No such file or directory")
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


ARCHIVES: Final[dict[str, Command]] = {"tar": _tar}
