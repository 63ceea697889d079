"""Tokens that other issuers have signed (RFC 7515, 7518), by the keys that they publish (RFC 7517).

Upstream: `github.com/coreos/go-oidc` over `go-jose`. Algorithms with a shared secret, and none at
all, are not known here: who may verify could sign.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Json = dict[str, Any]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_Verify = Callable[[PublicKey, bytes, bytes], None]


class Unsigned(Exception):
    """A token that no key of the issuer has signed; its text says why."""


class Unreadable(ValueError):
    """What is no token at all."""


@frozen
class Key:
    """One published key; its name may be missing."""

    name: str
    key: PublicKey


@frozen
class Token:
    """A token's parts; nothing in them is to be believed before `verify`."""

    header: Json
    claims: Json
    signed: bytes
    signature: bytes

    def verify(self, keys: Sequence[Key], algorithms: Sequence[str]) -> None:
        """Raises Unsigned where none of the keys has signed it, in one of the ways."""
        algorithm = self.header.get("alg")
        check = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        if check is None or algorithm not in algorithms:
            wanted = " ".join(f'"{one}"' for one in algorithms)
            told = algorithm if isinstance(algorithm, str) else ""
            raise Unsigned(
                f"oidc: id token signed with unsupported algorithm, expected [{wanted}] got "
                f'"{told}"'
            )
        name = self.header.get("kid") or ""
        for one in keys:
            if name in ("", one.name):
                try:
                    check(one.key, self.signature, self.signed)
                except InvalidSignature:
                    continue
                return
        raise Unsigned("failed to verify signature: failed to verify id token signature")


def read_token(text: str) -> Token:
    """A compact token, not verified. Raises Unreadable."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Unreadable("malformed token")
    try:
        header, claims = (orjson.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, binascii.Error):
        raise Unreadable("malformed token") from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise Unreadable("malformed token")  # nothing that is critical is understood here
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def read_keys(document: Any) -> tuple[Key, ...]:
    """The keys of a JSON web key set that can be used here. Raises ValueError for no such set."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("it is no set of JSON web keys")
    found = []
    for one in listed:
        read = _KINDS.get(one.get("kty")) if isinstance(one, Mapping) else None
        if read is None:
            continue
        try:
            found.append(Key(str(one.get("kid") or ""), read(one)))
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            continue  # of a form or a size that nobody should rely on
    return tuple(found)


def _decoded(part: str) -> bytes:
    if "=" in part or "+" in part or "/" in part:
        raise ValueError("not base64 as tokens have it")
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _number(one: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_decoded(one[name]), "big")


def _rsa_key(one: Mapping[str, Any]) -> PublicKey:
    return rsa.RSAPublicNumbers(_number(one, "e"), _number(one, "n")).public_key()


def _curve_key(one: Mapping[str, Any]) -> PublicKey:
    curve = _CURVES[one["crv"]]
    return ec.EllipticCurvePublicNumbers(_number(one, "x"), _number(one, "y"), curve).public_key()


def _rsa(digest: hashes.HashAlgorithm, *, probabilistic: bool = False) -> _Verify:
    pad: padding.PSS | padding.PKCS1v15 = padding.PKCS1v15()
    if probabilistic:
        pad = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)

    def verify(key: PublicKey, signature: bytes, signed: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        key.verify(signature, signed, pad, digest)

    return verify


def _curve(name: str, digest: hashes.HashAlgorithm) -> _Verify:
    curve = _CURVES[name]
    half = (curve.key_size + 7) // 8

    def verify(key: PublicKey, signature: bytes, signed: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != curve.name:
            raise InvalidSignature
        if len(signature) != 2 * half:
            raise InvalidSignature
        r, s = (int.from_bytes(one, "big") for one in (signature[:half], signature[half:]))
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))

    return verify


_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_KINDS: Final[Mapping[Any, Callable[[Mapping[str, Any]], PublicKey]]] = {
    "RSA": _rsa_key,
    "EC": _curve_key,
}
ALGORITHMS: Final[Mapping[str, _Verify]] = {
    "RS256": _rsa(hashes.SHA256()),
    "RS384": _rsa(hashes.SHA384()),
    "RS512": _rsa(hashes.SHA512()),
    "ES256": _curve("P-256", hashes.SHA256()),
    "ES384": _curve("P-384", hashes.SHA384()),
    "ES512": _curve("P-521", hashes.SHA512()),
    "PS256": _rsa(hashes.SHA256(), probabilistic=True),
    "PS384": _rsa(hashes.SHA384(), probabilistic=True),
    "PS512": _rsa(hashes.SHA512(), probabilistic=True),
}
