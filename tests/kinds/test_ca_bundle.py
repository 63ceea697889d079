"""Bundles of certificates: what is good enough, and upstream's words for what is not."""

from __future__ import annotations

from base64 import b64encode

import pytest

from k8slite.kinds.ca_bundle import validate_ca_bundle
from k8slite.live.certificates import Authority

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIDGTCCAgGgAwIBAgIUOS2M\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIDGTCCAgGgAwIBAgIUOS2M\n-----END PRIVATE KEY-----\n"
UNREADABLE = "unable to parse bytes as PEM block"
NONE = "no valid certificate authority data seen"
MALFORMED = "failed to parse certificate: x509: malformed certificate"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of an authority, in PEM."""
    made = Authority(tmp_path_factory.mktemp("authority"), durable=False)
    made.prepare(["127.0.0.1"])
    return made.bundle


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\n", UNREADABLE),
        ("not a cert", UNREADABLE),
        (CERTIFICATE, MALFORMED),
        (f"words before\n{CERTIFICATE}", MALFORMED),
        (KEY, NONE),
        (f"{KEY}words after", UNREADABLE),
        (CERTIFICATE.replace("MII", "Proc-Type: 4,ENCRYPTED\n\nMII", 1), NONE),
        (CERTIFICATE.replace("MII", "M!I", 1), UNREADABLE),
        (CERTIFICATE.replace("END CERT", "END OTHER"), UNREADABLE),
    ],
)
def test_what_is_said_of_a_bundle_without_certificates(text: str, why: str) -> None:
    encoded = b64encode(text.encode()).decode()
    (found,) = validate_ca_bundle(encoded, "spec.caBundle")
    assert found.field == "spec.caBundle"
    assert found.message == f'Invalid value: "{encoded}": unable to load root certificates: {why}'


@pytest.mark.parametrize("around", ["{}", "words\n{}words", f"{CERTIFICATE}{KEY}{{}}"])
def test_one_certificate_is_enough(around: str, authority: str) -> None:
    bundle = b64encode(around.format(authority).encode()).decode()
    assert validate_ca_bundle(bundle, "spec.caBundle") == []


def test_a_bundle_of_many_beginnings_takes_no_longer_than_its_length() -> None:
    data = b"-----BEGIN CERTIFICATE-----\n" * 40_000
    (found,) = validate_ca_bundle(b64encode(data).decode(), "spec.caBundle")
    assert found.message.endswith(UNREADABLE)


def test_no_bundle_is_the_roots_of_the_system() -> None:
    assert validate_ca_bundle("", "spec.caBundle") == []
