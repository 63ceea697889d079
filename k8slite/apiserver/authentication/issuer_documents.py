"""What a third party needs to verify service account tokens (OpenID Connect discovery).

Mirrors `pkg/serviceaccount/openidmetadata.go`.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from k8slite.apiserver.authentication.service_account_tokens import TokenIssuer
from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps

CONFIGURATION: Final = "/.well-known/openid-configuration"
KEYS: Final = "/openid/v1/jwks"
_CACHED: Final = ("Cache-Control", "public, max-age=3600")


@frozen
class IssuerDocuments:
    """The two documents of an issuer."""

    tokens: TokenIssuer
    address: str  # host and port at which the keys are served

    def answer(self, request: Request) -> Response | None:
        """One of the documents; None for other paths."""
        if request.path == CONFIGURATION:
            found = {
                "issuer": self.tokens.issuer,
                "jwks_uri": f"https://{self.address}{KEYS}",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }
            headers = (("Content-Type", "application/json"), _CACHED)
            return Response(200, dumps(found), headers)
        if request.path == KEYS:
            keys = {"keys": [self.tokens.tokens.public_key()]}
            headers = (("Content-Type", "application/jwk-set+json"), _CACHED)
            return Response(200, dumps(keys), headers)
        return None
