"""A cluster's files, and the lock that keeps two processes apart.

DIR/lock           held by the process that runs the cluster
DIR/cluster.json   what it was started with, and its process id
DIR/store.db       the store;  DIR/pki/  certificates and keys;  DIR/token  the admin's token
DIR/kubeconfig     for the admin;  DIR/log  what a detached cluster printed
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import frozen

Json = dict[str, Any]

_FILES: Final = (
    "cluster.json",
    "kubeconfig",
    "lock",
    "log",
    "store.db",
    "store.db-shm",
    "store.db-wal",
    "store.db.lock",
    "token",
)


class DirectoryInUse(Exception):
    """Another process runs a cluster on this directory."""


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
        """Make the directory and keep others off it. Raises DirectoryInUse or OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DirectoryInUse(
                    f"{self.path} is in use by {self._holder()}; stop that cluster with "
                    f"`k8slite down --data-dir {self.path}` or choose another --data-dir or --name"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def running(self) -> bool:
        """Whether some process holds the directory."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
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
        """Say who runs here. Replaces the file in one step, so that no reader sees half of it."""
        draft = self.path / "cluster.json.new"
        draft.write_bytes(orjson.dumps(state, option=orjson.OPT_INDENT_2))
        draft.replace(self.path / "cluster.json")

    def state(self) -> Json:
        """What the running cluster said of itself. Raises NoCluster."""
        if not self.running():
            raise NoCluster(f"no cluster is running on {self.path}")
        try:
            found: Json = orjson.loads((self.path / "cluster.json").read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise NoCluster(f"the cluster on {self.path} is still starting") from None
        return found

    def remove(self) -> None:
        """Delete the cluster's files, and the directory when nothing else is in it."""
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.pki, ignore_errors=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def _holder(self) -> str:
        try:
            return f"process {orjson.loads((self.path / 'cluster.json').read_bytes())['pid']}"
        except (OSError, ValueError, KeyError):
            return "another process"


def default_path(name: str) -> Path:
    """Where a named cluster keeps its files: $K8SLITE_HOME/NAME, or ~/.k8slite/NAME."""
    home = os.environ.get("K8SLITE_HOME")
    return (Path(home) if home else Path.home() / ".k8slite") / name
