"""Third parties verify tokens with what the server publishes."""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.apiserver.oracle_server import running

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_token_is_verified_with_the_published_key(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        found = await server.get("/.well-known/openid-configuration")
        assert found["jwks_uri"].startswith("https://") and found["jwks_uri"].endswith(
            "/openid/v1/jwks"
        )
        answer = await server.ask("GET", "/openid/v1/jwks")
        assert ("Content-Type", "application/jwk-set+json") in answer.headers
        [key] = answer.json["keys"]
        await server.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        made = await server.create(f"{ACCOUNTS}/robot/token", {"spec": {}})
        head, claims, signature = made["status"]["token"].split(".")
        assert json.loads(decoded(head))["kid"] == key["kid"]
        assert json.loads(decoded(claims))["iss"] == found["issuer"]
        x, y = (int.from_bytes(decoded(key[part]), "big") for part in ("x", "y"))
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        raw = decoded(signature)
        r, s = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
        public.verify(
            encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256())
        )
