"""What commands in a pretended container find around them: a small tree of files, a host's name.

Files live as long as their container; those under a mount live as long as their volume, and every
container that mounts it sees the same.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Final

from attrs import define, field, frozen

from k8slite.kubelet.runtimes.network import Interface

# All files of a container together; what is more does not belong into a test's memory.
FILES_MOST_BYTES: Final = 64 * 1024 * 1024
_DIRECTORIES: Final = ("/", "/bin", "/dev", "/etc", "/home", "/root", "/tmp", "/usr", "/var")


class ReadOnly(Exception):
    """It cannot be written to, in the words of an operating system."""


@frozen(eq=False)
class Mount:
    """A volume's files, by their path in it. `path` ends with a slash; that of a mount which is
    but one file does not, and the file's own path is empty."""

    path: str
    files: MutableMapping[str, bytes]
    read_only: bool = False
    modes: dict[str, int] = field(factory=dict)  # of files, by their paths in the whole volume
    below: str = ""  # where in the volume the mount begins
    medium: str = ""  # "Memory", or "" for a disk


@frozen(eq=False)
class Below(MutableMapping[str, bytes]):
    """The part of a tree that is in one of its directories, which ends with a slash."""

    tree: MutableMapping[str, bytes]
    directory: str

    def __getitem__(self, path: str) -> bytes:
        return self.tree[self.directory + path]

    def __setitem__(self, path: str, content: bytes) -> None:
        self.tree[self.directory + path] = content

    def __delitem__(self, path: str) -> None:
        del self.tree[self.directory + path]

    def __iter__(self) -> Iterator[str]:
        for path in self.tree:
            if path.startswith(self.directory) and path != self.directory:
                yield path[len(self.directory) :]

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Files(MutableMapping[str, bytes]):
    """Contents by absolute path; a directory's ends with a slash, and has none."""

    def __init__(
        self, own: Mapping[str, bytes] | None = None, mounts: tuple[Mount, ...] = ()
    ) -> None:
        self._own = dict(own or {})
        self.mounts = tuple(sorted(mounts, key=lambda mount: -len(mount.path)))

    def mount_of(self, path: str) -> Mount | None:
        """The innermost mount that a path is in."""
        for one in self.mounts:
            if path == one.path or (one.path.endswith("/") and path.startswith(one.path)):
                return one
        return None

    def __getitem__(self, path: str) -> bytes:
        files, inside = self._place(path)
        return files[inside]

    def __setitem__(self, path: str, content: bytes) -> None:
        files, inside = self._place(path)
        files[inside] = content

    def __delitem__(self, path: str) -> None:
        files, inside = self._place(path)
        del files[inside]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        for mount in self.mounts:
            whole = not mount.path.endswith("/")
            yield from (mount.path + inside for inside in mount.files if inside or whole)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _place(self, path: str) -> tuple[MutableMapping[str, bytes], str]:
        mount = self.mount_of(path)
        return (self._own, path) if mount is None else (mount.files, path[len(mount.path) :])


@define(eq=False)
class Box:
    """What a command finds around it: its container, as far as there is one."""

    hostname: str
    now: Callable[[], datetime]
    environment: Mapping[str, str] = field(factory=dict)
    files: Files = field(factory=Files)
    directory: str = "/"
    modes: dict[str, int] = field(factory=dict)  # of files that are not under a mount
    user: tuple[int, int] = (0, 0)  # user and group
    read_only: bool = False  # but for what is mounted
    no_new_privileges: bool = False
    privileged: bool = False
    # Sees that the files are what they should be by now; called before each command.
    refresh: Callable[[], Awaitable[None]] | None = None
    interface: Interface = field(factory=Interface)  # its pod's end of the network

    def path(self, path: str) -> str:
        """A path from the root, without dots."""
        return posixpath.normpath(posixpath.join(self.directory, path)).replace("//", "/")

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory of that name."""
        inside = self.path(path).rstrip("/") + "/"
        return (
            self.path(path) in _DIRECTORIES
            or any(mount.path.startswith(inside) for mount in self.files.mounts)
            or any(one.startswith(inside) for one in self.files)
        )

    def mode(self, path: str) -> int:
        """Who may do what with a file, as in 0o644; everybody everything with a directory."""
        modes, key = self._mode(path)
        return modes.get(key, 0o644 if self.path(path) in self.files else 0o777)

    def set_mode(self, path: str, mode: int) -> None:
        """Change that. Raises ReadOnly."""
        self._check(self.path(path))
        modes, key = self._mode(path)
        modes[key] = mode

    def _mode(self, path: str) -> tuple[dict[str, int], str]:
        whole = self.path(path)
        mount = self.files.mount_of(whole) or self.files.mount_of(f"{whole}/")
        if mount is None:
            return self.modes, whole
        return mount.modes, mount.below + whole[len(mount.path) :]

    def inside(self, path: str) -> list[str]:
        """The names in a directory, in order."""
        whole = self.path(path).rstrip("/") + "/"
        paths = [*self.files, *(mount.path for mount in self.files.mounts)]
        names = [one[len(whole) :].partition("/")[0] for one in paths if one.startswith(whole)]
        return sorted(dict.fromkeys(name for name in names if name))

    def write(self, path: str, content: bytes) -> None:
        """Have a file, or with a slash at its end a directory. Raises ReadOnly."""
        whole = self.path(path) + "/" * path.endswith("/")
        self._check(whole)
        if len(content) + sum(map(len, self.files.values())) > FILES_MOST_BYTES:
            raise ReadOnly("No space left on device")
        self.files[whole] = content

    def remove(self, path: str) -> bool:
        """Have it no more, with all that is in it; whether it was there. Raises ReadOnly."""
        whole = self.path(path)
        gone = [one for one in self.files if one == whole or one.startswith(f"{whole}/")]
        for one in gone:
            self._check(one)
        for one in gone:
            del self.files[one]
        parent = posixpath.dirname(whole)
        if gone and not self.is_directory(parent):
            self.files[f"{parent}/"] = b""  # it stays, though nothing is in it
        return bool(gone)

    def _check(self, path: str) -> None:
        mount = self.files.mount_of(path)
        if (mount is None and self.read_only) or (mount is not None and mount.read_only):
            raise ReadOnly("Read-only file system")
