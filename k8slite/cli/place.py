"""Which cluster a command is about."""

from __future__ import annotations

import argparse
from pathlib import Path

from k8slite.live.data_directory import DataDirectory, default_path


class Complaint(Exception):
    """What is wrong, in one line, for the person who typed the command."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """--name and --data-dir, which every command has."""
    parser.add_argument("--name", default="default", help="which cluster (default: default)")
    parser.add_argument("--data-dir", metavar="DIR", help="where its files are")


def directory(parsed: argparse.Namespace) -> DataDirectory:
    """The data directory that the arguments name."""
    if parsed.data_dir:
        return DataDirectory(Path(parsed.data_dir).expanduser().absolute())
    if (
        not parsed.name
        or "/" in parsed.name
        or "\0" in parsed.name
        or parsed.name.startswith((".", "-"))
    ):
        raise Complaint(f"--name {parsed.name!r} cannot be the name of a directory")
    return DataDirectory(default_path(parsed.name))


def reason(error: BaseException) -> str:
    """An error's message in one line; a group's is that of its first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def context_name(parsed: argparse.Namespace) -> str:
    """The kubeconfig's context: k8slite, or k8slite-NAME for further clusters."""
    return "k8slite" if parsed.name == "default" else f"k8slite-{parsed.name}"
