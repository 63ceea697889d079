"""Service account tokens: JSON web tokens that this cluster signs and recognizes.

A token names its account, its audience and, when bound, a pod; it is good while these exist
with the same UIDs and until it expires (upstream: `serviceaccount.Claims`, RFC 7519, ES256).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import timedelta
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

from k8slite.apiserver.storage import Storage
from k8slite.messages import User
from k8slite.objects.meta import timestamp
from k8slite.world import World

Json = dict[str, Any]

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
LEAST_SECONDS: Final = 600  # upstream refuses shorter lives
MOST_SECONDS: Final = 1 << 32
DEFAULT_SECONDS: Final = 3600
_COORDINATE_BYTES: Final = 32  # of P-256


@define(eq=False)
class TokenIssuer:
    """Signs tokens and recognizes them."""

    key: ec.EllipticCurvePrivateKey
    storage: Storage
    world: World
    issuer: str = ISSUER

    _header: Json = field(init=False)

    def __attrs_post_init__(self) -> None:
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        # Upstream's `keyIDFromPublicKey`: whoever has the key can tell its name.
        self._header = {"alg": "ES256", "kid": _base64(hashlib.sha256(der).digest())}

    def public_key(self) -> Json:
        """The key that verifies tokens, as a JSON web key (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (one.to_bytes(_COORDINATE_BYTES, "big") for one in (numbers.x, numbers.y))
        coordinates = {"x": _base64(x), "y": _base64(y)}
        return {"use": "sig", "kty": "EC", "crv": "P-256", **self._header, **coordinates}

    def issue(
        self, account: Json, seconds: int, audiences: list[str], bound_to: Json | None
    ) -> tuple[str, str]:
        """A token for a service account object, and the time at which it expires (RFC 3339)."""
        now = self.world.now()
        expires = now + timedelta(seconds=seconds)
        metadata = account["metadata"]
        private: Json = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if bound_to is not None:
            private[bound_to["kind"].lower()] = {"name": bound_to["name"], "uid": bound_to["uid"]}
        claims = {
            "aud": audiences or [self.issuer],
            "exp": int(expires.timestamp()),
            "iat": int(now.timestamp()),
            "iss": self.issuer,
            "jti": self.world.uid(),
            "kubernetes.io": private,
            "nbf": int(now.timestamp()),
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        signed = f"{_encode(self._header)}.{_encode(claims)}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return f"{signed}.{_base64(signature)}", timestamp(expires)

    def authenticate(self, token: str) -> User | None:
        """The account that a token of ours stands for, or None."""
        claims = self._verified(token)
        if claims is None or claims.get("iss") != self.issuer:
            return None
        now = self.world.now().timestamp()
        if not claims.get("nbf", 0) <= now < claims.get("exp", 0):
            return None
        if self.issuer not in claims.get("aud", ()):
            return None
        private = claims.get("kubernetes.io", {})
        namespace = private.get("namespace", "")
        account = private.get("serviceaccount", {})
        found = self.storage.find("serviceaccounts/", namespace, account.get("name", ""))
        if found is None or found["metadata"]["uid"] != account.get("uid"):
            return None
        extra: dict[str, tuple[str, ...]] = {
            "authentication.kubernetes.io/credential-id": (f"JTI={claims.get('jti', '')}",)
        }
        pod = private.get("pod")
        if pod:
            known = self.storage.find("pods/", namespace, pod["name"])
            if known is None or known["metadata"]["uid"] != pod["uid"]:
                return None
            extra["authentication.kubernetes.io/pod-name"] = (pod["name"],)
            extra["authentication.kubernetes.io/pod-uid"] = (pod["uid"],)
        return User(
            f"system:serviceaccount:{namespace}:{account['name']}",
            ("system:serviceaccounts", f"system:serviceaccounts:{namespace}"),
            account["uid"],
            extra,
        )

    def _verified(self, token: str) -> Json | None:
        signed, _, signature = token.rpartition(".")
        try:
            raw = _unbase64(signature)
            half = _COORDINATE_BYTES
            if len(raw) != 2 * half or _unencode(signed.partition(".")[0]) != self._header:
                return None
            der = encode_dss_signature(
                int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
            )
            self.key.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
            return _unencode(signed.partition(".")[2])
        except (InvalidSignature, ValueError, binascii.Error):
            return None


def _encode(part: Json) -> str:
    return _base64(orjson.dumps(part))


def _unencode(part: str) -> Json:
    found = orjson.loads(_unbase64(part))
    if not isinstance(found, dict):
        raise ValueError("a token's part is an object")
    return found


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
