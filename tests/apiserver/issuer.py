"""An issuer of tokens in the test's own process, with keys of every sort."""

from __future__ import annotations

import base64
import json
from typing import Any

from attrs import define, field
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler, Request, Response

Json = dict[str, Any]

URL = "https://issuer.example.com"
RSA = rsa.generate_private_key(65537, 2048)
CURVES = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}
_DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def key_set(*names: str) -> Json:
    """The public keys of these names: "rsa", "ES256" and so on."""
    found: list[Json] = []
    for name in names:
        if name == "rsa":
            public = RSA.public_key().public_numbers()
            found.append(
                {"kty": "RSA", "kid": name, "n": _number(public.n), "e": _number(public.e)}
            )
        else:
            point = CURVES[name].public_key().public_numbers()
            size = (CURVES[name].key_size + 7) // 8
            x, y = (encoded(one.to_bytes(size, "big")) for one in (point.x, point.y))
            found.append({"kty": "EC", "kid": name, "crv": _NAMES[name], "x": x, "y": y})
    return {"keys": found}


def signed(claims: Any, algorithm: str = "ES256", *, name: str | None = None, **header: Any) -> str:
    """A token in compact form."""
    known = name if name is not None else "rsa" if algorithm[0] != "E" else algorithm
    said = {"alg": algorithm, "kid": known, **header}
    text = f"{encoded(json.dumps(said).encode())}.{encoded(json.dumps(claims).encode())}"
    digest = _DIGESTS[algorithm[2:]]
    if algorithm.startswith("ES"):
        key = CURVES[algorithm]
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(digest)))
        size = (key.key_size + 7) // 8
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    elif algorithm.startswith("PS"):
        salt = padding.PSS(padding.MGF1(digest), digest.digest_size)
        signature = RSA.sign(text.encode(), salt, digest)
    else:
        signature = RSA.sign(text.encode(), padding.PKCS1v15(), digest)
    return f"{text}.{encoded(signature)}"


@define
class Issuer:
    """Answers for its documents, as long as it is told to."""

    keys: Json = field(factory=lambda: key_set("ES256"))
    name: str = URL
    status: int = 200
    refuses: bool = False
    asked: list[str] = field(factory=list)
    endpoints: list[Endpoint] = field(factory=list)

    def __call__(self, endpoint: Endpoint) -> Handler:
        self.endpoints.append(endpoint)

        async def handle(request: Request) -> Response:
            self.asked.append(request.path)
            if self.refuses:
                raise ConnectionRefusedError("connection refused")
            documents = {
                "/.well-known/openid-configuration": {
                    "issuer": self.name,
                    "jwks_uri": f"{URL}/keys",
                },
                "/keys": self.keys,
            }
            document = documents.get(request.path)
            status = self.status if document is not None else 404
            return Response(status, json.dumps(document).encode())

        return handle
