"""Flags of `up` that say whose tokens are believed, as kube-apiserver has them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from k8slite.cli.flags import Flags, said, truth
from k8slite.cli.place import Complaint, reason

if TYPE_CHECKING:
    from k8slite.live.authentication import Authentication

FLAGS: Final = Flags(
    "authentication, as of kube-apiserver",
    (
        ("authentication-config", "FILE", "an AuthenticationConfiguration: issuers of tokens"),
        ("anonymous-auth", "BOOL", "whether one may ask without proof (true)"),
        ("oidc-issuer-url", "URL", "an issuer of OpenID Connect"),
        ("oidc-client-id", "NAME", "for whom its tokens must be"),
        ("oidc-ca-file", "FILE", "who signs for its server"),
        ("oidc-username-claim", "NAME", "what names the user (sub)"),
        ("oidc-username-prefix", "TEXT", "'-' for none (the issuer and #, but not of emails)"),
        ("oidc-groups-claim", "NAME", "what lists the groups"),
        ("oidc-groups-prefix", "TEXT", "before each of them"),
        ("oidc-required-claim", "LIST", "NAME=VALUE, by commas: what tokens must say"),
        ("oidc-signing-algs", "LIST", "how they may be signed (RS256)"),
    ),
)


def asked(parsed: argparse.Namespace) -> Authentication:
    """What they say together. Raises Complaint."""
    from k8slite.live.authentication import Authentication

    anonymous = None
    if parsed.anonymous_auth:
        from k8slite.apiserver.authentication.anonymous import Anonymous

        anonymous = Anonymous(truth("anonymous-auth", parsed.anonymous_auth))
    older = [name for name, *_ in FLAGS.rows if name.startswith("oidc-") and said(parsed, name)]
    if not older:
        return Authentication(parsed.authentication_config, None, anonymous)
    if parsed.authentication_config:
        raise Complaint("authentication-config file and oidc-* flags are mutually exclusive")
    if not parsed.oidc_issuer_url or not parsed.oidc_client_id:
        raise Complaint(
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags "
            "are set"
        )
    algorithms = tuple((parsed.oidc_signing_algs or "RS256").split(","))
    return Authentication("", _document(parsed), anonymous, algorithms)


def _document(parsed: argparse.Namespace) -> dict[str, Any]:
    """The AuthenticationConfiguration that says what the older flags say."""
    url, claim = parsed.oidc_issuer_url, parsed.oidc_username_claim or "sub"
    prefix = parsed.oidc_username_prefix
    if not prefix:
        prefix = "" if claim == "email" else f"{url}#"
    issuer = {"url": url, "audiences": [parsed.oidc_client_id]}
    if parsed.oidc_ca_file:
        try:
            issuer["certificateAuthority"] = Path(parsed.oidc_ca_file).read_text()
        except (OSError, ValueError) as error:
            raise Complaint(f"--oidc-ca-file: {reason(error)}") from None
    username = {"claim": claim, "prefix": "" if prefix == "-" else prefix}
    mappings: dict[str, Any] = {"username": username}
    if parsed.oidc_groups_claim:
        groups = {"claim": parsed.oidc_groups_claim, "prefix": parsed.oidc_groups_prefix}
        mappings["groups"] = groups
    rules = []
    for one in filter(None, parsed.oidc_required_claim.split(",")):
        name, sign, value = one.partition("=")
        if not name or not sign:
            raise Complaint(f"--oidc-required-claim: {one} is not NAME=VALUE")
        rules.append({"claim": name, "requiredValue": value})
    jwt = {"issuer": issuer, "claimMappings": mappings, "claimValidationRules": rules}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [jwt],
    }
