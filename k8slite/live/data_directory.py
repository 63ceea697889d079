"""A cluster's files, and the lock that keeps two processes apart.

DIR/lock           held by the process that runs the cluster; marks the directory as ours
DIR/cluster.json   what the running cluster says of itself: its process id, then its URL
DIR/store.db       the store;  DIR/pki/  certificates and keys;  DIR/token  the admin's token
DIR/kubeconfig     for the admin;  DIR/log  what a detached cluster printed
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOTDIR
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import frozen

Json = dict[str, Any]

# Made by a cluster or, with a suffix, half made when it was killed.
_FILES: Final = (
    "cluster.json",
    "cluster.json.new",
    "kubeconfig",
    "kubeconfig.new",
    "lock",
    "log",
    "store.db",
    "store.db-journal",
    "store.db-shm",
    "store.db-wal",
    "store.db.lock",
    "store.db.new",
    "store.db.restored",
    "token",
    "token.new",
)

# Commands that ask whether somebody holds the lock hold it themselves for a moment.
_LOCK_ATTEMPTS: Final = 5
_LOCK_AGAIN_SECONDS: Final = 0.01


class DirectoryInUse(Exception):
    """Another process runs a cluster on this directory."""


class ForeignDirectory(Exception):
    """The directory holds files of something else, which a cluster would overwrite."""


class NoCluster(Exception):
    """No cluster runs on this directory."""


@frozen
class DataDirectory:
    """One cluster's place on disk."""

    path: Path

    @property
    def store(self) -> Path:
        return self.path / "store.db"

    @property
    def pki(self) -> Path:
        return self.path / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def token(self) -> Path:
        return self.path / "token"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the directory and keep others off it.

        Raises DirectoryInUse, ForeignDirectory or OSError.
        """
        self.claim()
        descriptor = self._locked()
        try:
            # What a killed predecessor said of itself is true no longer.
            self._state_file.unlink(missing_ok=True)
            yield
        finally:
            self._state_file.unlink(missing_ok=True)
            os.close(descriptor)

    def claim(self) -> None:
        """Make the directory, or see that it is ours, or has nothing that we would touch.

        Raises ForeignDirectory or OSError.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except FileExistsError:
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(self.path)) from None
        if self._lock_file.exists():
            return
        for name in ("pki", *_FILES):
            # A detached start has written its log before.
            if name not in ("log", "lock") and (self.path / name).exists():
                raise ForeignDirectory(
                    f"{self.path} is not a cluster's directory, but has a {name}; "
                    "choose another --data-dir"
                )

    def running(self) -> bool:
        """Whether some process holds the directory."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def write_state(self, state: Json) -> None:
        """Say who runs here; only while the directory is held."""
        replace_file(self._state_file, orjson.dumps(state, option=orjson.OPT_INDENT_2))

    def state(self) -> Json:
        """What the running cluster said of itself; no `url` while it starts. Raises NoCluster."""
        if not self.running():
            raise NoCluster(f"no cluster is running on {self.path}")
        try:
            found: Json = orjson.loads(self._state_file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise NoCluster(f"{self.path} is in use, but not by a running cluster") from None
        return found

    def remove(self) -> None:
        """Delete the cluster's files, and the directory when nothing else is in it.

        Raises FileNotFoundError where there is no cluster, DirectoryInUse, or OSError.
        """
        if not self._lock_file.exists():
            raise FileNotFoundError(f"there is no cluster at {self.path}")
        with self.held():
            if self.pki.exists():
                shutil.rmtree(self.pki)
            for name in _FILES:
                (self.path / name).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def _state_file(self) -> Path:
        return self.path / "cluster.json"

    def _locked(self) -> int:
        """A descriptor that holds the lock."""
        for attempt in range(_LOCK_ATTEMPTS):
            if attempt:
                time.sleep(_LOCK_AGAIN_SECONDS)
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.stat(self._lock_file)):
                    return descriptor
            except (BlockingIOError, FileNotFoundError):
                pass  # it is held, or a `reset` has deleted it in this moment
            os.close(descriptor)
        raise DirectoryInUse(
            f"{self.path} is in use by {self._holder()}; stop that cluster with "
            f"`k8slite down --data-dir {self.path}` or choose another --data-dir or --name"
        )

    def _holder(self) -> str:
        try:
            return f"process {orjson.loads(self._state_file.read_bytes())['pid']}"
        except (OSError, ValueError, KeyError):
            return "another process"


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file for its owner only, in one step: a crash leaves the former one or this one.

    Where it is not to be `durable` it is of a process that nobody comes after: it is just written.
    """
    if not durable:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        return
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def default_path(name: str) -> Path:
    """Where a named cluster keeps its files: $K8SLITE_HOME/NAME, or ~/.k8slite/NAME."""
    home = os.environ.get("K8SLITE_HOME")
    return (Path(home) if home else Path.home() / ".k8slite") / name
