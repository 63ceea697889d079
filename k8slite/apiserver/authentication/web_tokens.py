"""JSON web tokens (RFC 7519), signed with ES256 by the cluster's key.

What a signature is good for is the business of who issues a token. The signature is deterministic
(RFC 6979), so that the same claims make the same token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import orjson
from attrs import define, field
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

Json = dict[str, Any]

_COORDINATE_BYTES: Final = 32  # of P-256
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
# Clients show the same token with each request; as many are remembered.
_REMEMBERED: Final = 1024


@define(eq=False)
class WebTokens:
    """Signs claims and reads signed ones."""

    key: ec.EllipticCurvePrivateKey
    _header: Json = field(init=False)
    # The claims of a token of ours, None for another's; not to be changed.
    read: Callable[[str], Json | None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        # Upstream's `keyIDFromPublicKey`: whoever has the key can tell its name.
        self._header = {"alg": "ES256", "kid": base64_url(hashlib.sha256(der).digest())}
        self.read = lru_cache(_REMEMBERED)(self._read)

    def public_key(self) -> Json:
        """The key that verifies tokens, as a JSON web key (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (one.to_bytes(_COORDINATE_BYTES, "big") for one in (numbers.x, numbers.y))
        coordinates = {"x": base64_url(x), "y": base64_url(y)}
        return {"use": "sig", "kty": "EC", "crv": "P-256", **self._header, **coordinates}

    def signed(self, claims: Json) -> str:
        """A token that says this."""
        text = f"{_encode(self._header)}.{_encode(claims)}"
        r, s = decode_dss_signature(self.key.sign(text.encode(), _ALGORITHM))
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return f"{text}.{base64_url(signature)}"

    def _read(self, token: str) -> Json | None:
        signed, _, signature = token.rpartition(".")
        try:
            raw = _unbase64(signature)
            half = _COORDINATE_BYTES
            if len(raw) != 2 * half or _unencode(signed.partition(".")[0]) != self._header:
                return None
            der = encode_dss_signature(
                int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
            )
            self.key.public_key().verify(der, signed.encode(), _ALGORITHM)
            return _unencode(signed.partition(".")[2])
        except (InvalidSignature, ValueError, binascii.Error):
            return None


def base64_url(data: bytes) -> str:
    """Base64 as web tokens have it: for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(part: Json) -> str:
    return base64_url(orjson.dumps(part))


def _unencode(part: str) -> Json:
    found = orjson.loads(_unbase64(part))
    if not isinstance(found, dict):
        raise ValueError("a token's part is an object")
    return found


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
