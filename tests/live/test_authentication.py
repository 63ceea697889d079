"""`--authentication-config` and its older relatives: read, and read again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import trio

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.cli import authentication
from k8slite.cli.place import Complaint
from k8slite.live.authentication import Authentication, Reloading
from k8slite.objects.measures import exposition
from k8slite.sim.world import SimulatedWorld
from tests.apiserver.issuer import URL, Issuer, signed
from tests.apiserver.test_issued_tokens import API, claims, configuration


def asked(*arguments: str) -> Authentication:
    parser = argparse.ArgumentParser()
    authentication.FLAGS.add_to(parser)
    parsed = parser.parse_args(arguments)
    again = parser.parse_args(authentication.FLAGS.given(parsed))
    assert again == parsed, "as a detached process gets them"
    return authentication.asked(parsed)


def test_nothing_is_asked_for() -> None:
    assert not asked().is_asked_for
    assert asked("--anonymous-auth=false").anonymous == Anonymous(enabled=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--oidc-issuer-url", URL],
            "oidc-issuer-url and oidc-client-id must be specified together",
        ),
        (
            ["--oidc-issuer-url", URL, "--authentication-config", "f"],
            "authentication-config file and oidc-\\* flags are mutually exclusive",
        ),
        (["--anonymous-auth", "maybe"], "neither true nor false"),
        (
            ["--oidc-issuer-url", URL, "--oidc-client-id", "me", "--oidc-required-claim", "a"],
            "a is not NAME=VALUE",
        ),
        (
            ["--oidc-issuer-url", URL, "--oidc-client-id", "me", "--oidc-ca-file", "/none"],
            "--oidc-ca-file: /none: No such file",
        ),
    ],
)
def test_flags_that_do_not_go_together(arguments: list[str], told: str) -> None:
    with pytest.raises(Complaint, match=told):
        asked(*arguments)


async def test_the_older_flags(autojump_clock: object) -> None:
    found = asked(
        *("--oidc-issuer-url", URL, "--oidc-client-id", "me", "--oidc-groups-claim", "groups"),
        *("--oidc-groups-prefix", "g:", "--oidc-required-claim", "a=b,c=d"),
        *("--oidc-signing-algs", "ES256"),
    )
    sort = found.tokens(Issuer(), SimulatedWorld(1), found.content())
    token = signed(claims(groups=["x"], a="b", c="d"))
    await sort.ask(token, API)
    recognized = sort.recognize(token, API)
    assert recognized is not None
    assert (recognized.user.name, recognized.user.groups) == (f"{URL}#jane", ("g:x",))
    named = ("--oidc-issuer-url", URL, "--oidc-client-id", "me")
    for prefix, wanted in (("-", ""), ("p:", "p:")):
        document = asked(*named, "--oidc-username-prefix", prefix).document
        assert document is not None
        assert document["jwt"][0]["claimMappings"]["username"]["prefix"] == wanted
    assert asked(*named).algorithms == ("RS256",)


async def test_a_file_that_changes(
    autojump_clock: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(configuration()))
    found = Authentication(str(file))
    content = found.content()
    sort = found.tokens(Issuer(), SimulatedWorld(1), content)
    reloading = Reloading(found, sort, content)
    token = signed(claims())

    async def name() -> str | None:
        await sort.ask(token, API)
        recognized = sort.recognize(token, API)
        return recognized.user.name if recognized is not None else None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reloading.run)
        assert await name() == "oidc:jane"
        file.write_text("jwt: [")
        await trio.sleep(3)
        assert await name() == "oidc:jane", "what cannot be read changes nothing"
        file.unlink()
        await trio.sleep(3)
        assert await name() == "oidc:jane"
        mappings = {"username": {"claim": "sub", "prefix": "new:"}}
        file.write_text(json.dumps(configuration(claimMappings=mappings)))
        await trio.sleep(3)
        assert await name() == "new:jane"
        nursery.cancel_scope.cancel()
    assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR"]
    text = exposition(reloading.families())
    assert 'automatic_reloads_total{status="failure"} 2' in text
    assert 'automatic_reloads_total{status="success"} 1' in text


def test_files_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("kind: Other")
    with pytest.raises(ValueError, match=r"config\.yaml: it is not an AuthenticationConfiguration"):
        Authentication(str(file)).tokens(Issuer(), SimulatedWorld(1), file.read_bytes())
    file.write_text(json.dumps({**configuration(), "anonymous": {"enabled": True}}))
    with pytest.raises(ValueError, match="--anonymous-auth flag cannot be set"):
        both = Authentication(str(file), None, Anonymous())
        both.tokens(Issuer(), SimulatedWorld(1), both.content())
