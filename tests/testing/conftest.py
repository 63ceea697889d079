"""Little projects of other people, each with the built wheel in front of everything else."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest

from k8slite.testing import forgotten

# They are run as projects of their own, see `test_examples`.
collect_ignore_glob = ["examples/*"]

ROOT = Path(__file__).resolve().parents[2]
# A plugin that `make test-suites` may have installed warns of settings that a project lacks.
PLAIN = ("-p", "no:asyncio")
BUILD = "import sys, setuptools.build_meta as build; build.build_wheel(sys.argv[1])"
TIMEOUT_SECONDS = 240.0  # a project that hangs, on the slowest of machines


class Outcome:
    """How a project's tests went."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of pytest's last line: {"passed": 2, "failed": 1}."""
        last = [line for line in self.text.splitlines() if " in " in line][-1]
        found = re.findall(r"(\d+) (passed|failed|errors?|skipped|warnings?)", last)
        return {word: int(number) for number, word in found}


Project = Callable[..., Outcome]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the wheel installs; built once for all workers."""
    if int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools is too old to build the wheel: make setup")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    site = base / "k8slite-site"
    with (base / "k8slite-site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not site.exists():
            _build(base / "k8slite-build", site)
    return site


def _build(source: Path, site: Path) -> None:
    source.mkdir()
    shutil.copytree(
        ROOT / "k8slite", source / "k8slite", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(source)], cwd=source, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site.with_suffix(".new"))
    site.with_suffix(".new").rename(site)


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Project:
    """Runs pytest on files that are given by name, as somebody who has installed the wheel."""

    def run(files: Mapping[str, str], *arguments: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        if not (tmp_path / "pytest.ini").exists():
            (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *PLAIN, *arguments],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "PYTHONPATH": str(installed),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        return Outcome(ran.returncode, ran.stdout)

    return run


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test of ours leaves a cluster."""
    before = forgotten.running()
    yield
    assert forgotten.running().keys() <= before.keys()
