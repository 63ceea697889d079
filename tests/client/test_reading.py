"""A watch's line is read once for all who get the same bytes."""

import pytest

from k8slite.client import reading
from k8slite.client.reading import REMEMBERED_LINES, read
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import PartialObject
from k8slite.objects.codec import dumps


def line(name: str) -> bytes:
    metadata = {"name": name, "resourceVersion": "7", "labels": {"a": "b"}}
    return dumps({"type": "ADDED", "object": {"metadata": metadata}})


def test_equal_bytes_are_one_line_and_one_model() -> None:
    first, second = read(line("a")), read(bytes(bytearray(line("a"))))
    assert second is first
    assert (first.kind, first.revision) == ("ADDED", 7)
    assert first.model(Pod) is second.model(Pod)
    assert first.model(PartialObject).metadata == first.model(Pod).metadata


def test_only_the_latest_lines_are_remembered() -> None:
    first = read(line("first"))
    for number in range(REMEMBERED_LINES):
        read(line(f"other-{number}"))
    assert len(reading._recent) == REMEMBERED_LINES
    assert read(line("first")) is not first


def test_an_error_has_no_revision() -> None:
    found = read(dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}))
    assert (found.kind, found.revision, found.obj["code"]) == ("ERROR", 0, 410)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises((ValueError, KeyError)):
        read(b"{}")
