"""Flags of `up` that kube-apiserver or kube-controller-manager has too, under their names."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from k8slite.cli import place
from k8slite.cli.flags import Flags, said
from k8slite.cli.place import Complaint

if TYPE_CHECKING:
    from k8slite.apiserver.cross_origin import CrossOrigin
    from k8slite.live.front_proxies import FrontProxies

FLAGS: Final = Flags(
    "flags of upstream's components",
    (
        ("cors-allowed-origins", "LIST", "regular expressions: whose web pages may ask"),
        (
            "legacy-service-account-token-clean-up-period",
            "TIME",
            "unused tokens go after it (8760h)",
        ),
        ("requestheader-client-ca-file", "FILE", "who signs for front proxies (default: itself)"),
        ("requestheader-allowed-names", "NAMES", "common names of their certificates"),
        ("requestheader-username-headers", "NAMES", "where they say who asks (X-Remote-User)"),
        ("requestheader-group-headers", "NAMES", "in which groups (X-Remote-Group)"),
        ("requestheader-extra-headers-prefix", "NAMES", "what else of him (X-Remote-Extra-)"),
        ("requestheader-uid-headers", "NAMES", "with which UID (X-Remote-Uid)"),
    ),
)
_HEADERS: Final = {
    "allowed_names": "requestheader-allowed-names",
    "username_headers": "requestheader-username-headers",
    "group_headers": "requestheader-group-headers",
    "extra_prefixes": "requestheader-extra-headers-prefix",
    "uid_headers": "requestheader-uid-headers",
}


def cross_origin(parsed: argparse.Namespace) -> CrossOrigin:
    """Whose pages may ask. Raises Complaint."""
    from k8slite.apiserver.cross_origin import CrossOrigin

    try:
        return CrossOrigin.of(_listed(parsed.cors_allowed_origins))
    except ValueError as error:
        raise Complaint(f"--cors-allowed-origins: {error}") from None


def legacy_tokens_unused(parsed: argparse.Namespace) -> timedelta:
    """How long a token in a Secret may be unused. Raises Complaint."""
    from k8slite.objects.go_duration import SECOND, nanoseconds_of

    name = "legacy-service-account-token-clean-up-period"
    text = said(parsed, name) or "8760h"
    try:
        seconds = nanoseconds_of(text) / SECOND
    except ValueError:
        raise Complaint(f"--{name}={text} is no span of time, such as 8760h") from None
    if seconds <= 0:
        raise Complaint(f"--{name}={text} must be greater than 0")
    return timedelta(seconds=seconds)


def front_proxies(parsed: argparse.Namespace) -> FrontProxies:
    """Which front proxies are believed. Raises Complaint."""
    from k8slite.apiserver.authentication.front_proxy import FrontProxy
    from k8slite.live.front_proxies import FrontProxies

    headers = {}
    for field, name in _HEADERS.items():
        values = [one.strip() for one in said(parsed, name).split(",")]
        if values != [""]:
            if "" in values:
                raise Complaint(f'empty value in "{name}"')
            headers[field] = tuple(values)
    try:
        return FrontProxies.read(parsed.requestheader_client_ca_file, FrontProxy(**headers))
    except (OSError, ValueError) as error:
        raise Complaint(f"--requestheader-client-ca-file: {place.reason(error)}") from None


def _listed(text: str) -> list[str]:
    return [one for one in text.split(",") if one]
