"""Whether a `caBundle` has a certificate that a server's own can be checked against.

Upstream asks this of the conversion webhooks of CustomResourceDefinitions alone
(`apiserver/pkg/util/webhook.ValidateCABundle`); bundles of admission webhooks and of APIServices
are found to be bad when they are used. The words are those of `client-go/transport`.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid

_BEGIN: Final = re.compile(rb"^-----BEGIN (.*)-----[ \t\r]*\n", re.MULTILINE)
_END: Final = re.compile(rb"^-----END (.*)-----[ \t\r]*$\n?", re.MULTILINE)
_HEADER: Final = re.compile(rb"[^\n:]*:[^\n]*\n\s*")


def validate_ca_bundle(bundle: str, path: str) -> list[Cause]:
    """A bundle, in base64; one that is empty stands for the roots that the system trusts."""
    data = b64decode(bundle)
    if not data:
        return []
    wrong = _complaint(data)
    return [invalid(path, bundle, f"unable to load root certificates: {wrong}")] if wrong else []


def _complaint(data: bytes) -> str:
    """Why none of these is a certificate, or "" where one is, whatever comes with it."""
    first = ""
    for type_, encoded in _blocks(data):
        if type_ is None:
            return first or "unable to parse bytes as PEM block"
        # A block with headers, such as an encrypted one, is passed over.
        if type_ != b"CERTIFICATE" or _HEADER.match(encoded):
            continue
        wrong = _unparsable(b64decode(encoded))
        if not wrong:
            return ""
        first = first or wrong
    return first or "no valid certificate authority data seen"


def _blocks(data: bytes) -> Iterator[tuple[bytes | None, bytes]]:
    """The type and the content of each block of PEM, and None for a rest without any.

    What is no block is passed over, and each byte looked at once (Go: `pem.Decode`).
    """
    at = known = 0
    while (begin := _BEGIN.search(data, at)) and (end := _END.search(data, begin.end())):
        at = end.end()
        content = data[begin.end() : end.start()]
        if begin[1] == end[1] and _is_base64(content):
            known = at
            yield begin[1], content
    if known < len(data):
        yield None, data[known:]


def _is_base64(content: bytes) -> bool:
    at = 0
    while header := _HEADER.match(content, at):
        at = header.end()
    try:
        b64decode(b"".join(content[at:].split()), validate=True)
    except binascii.Error:
        return False
    return True


def _unparsable(certificate: bytes) -> str:
    from cryptography import x509  # only definitions with webhooks need it

    try:
        x509.load_der_x509_certificate(certificate)
    except ValueError:
        return "failed to parse certificate: x509: malformed certificate"
    return ""
