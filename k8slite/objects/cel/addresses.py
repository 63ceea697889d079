"""Addresses, networks and URLs.

Upstream: `apiserver/pkg/cel/library/{ip,cidr,urls}.go`; Go's `net/url.ParseRequestURI`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar, Final
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from attrs import frozen

from k8slite.objects.cel.declarations import Functions, overloads
from k8slite.objects.cel.quantities import is_one
from k8slite.objects.cel.types import Type
from k8slite.objects.fields import quoted


@frozen
class Address:
    """An IP address."""

    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    cel_type: ClassVar[Type] = Type("net.IP")

    def __str__(self) -> str:
        return str(self.ip)


@frozen
class Network:
    """An address with the length of a prefix."""

    interface: ipaddress.IPv4Interface | ipaddress.IPv6Interface
    cel_type: ClassVar[Type] = Type("net.CIDR")

    def __str__(self) -> str:
        return self.interface.with_prefixlen


@frozen
class Url:
    """An absolute URL, or an absolute path."""

    text: str
    parts: SplitResult
    cel_type: ClassVar[Type] = Type("kubernetes.URL")

    @property
    def host(self) -> str:
        """The host as it is written, with the port."""
        return self.parts.netloc.rpartition("@")[2]

    def __str__(self) -> str:
        return self.text


def address_of(text: str) -> Address:
    """Raises ValueError."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        name = quoted(text)
        raise ValueError(
            f"IP Address {name} parse error during conversion from string: ParseAddr({name}): "
            "unable to parse IP"
        ) from None
    if "%" in text:
        raise ValueError(f"IP address {quoted(text)} with zone value is not allowed")
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        raise ValueError(f"IPv4-mapped IPv6 address {quoted(text)} is not allowed")
    return Address(found)


def network_of(text: str) -> Network:
    """Raises ValueError."""
    said = "network address parse error during conversion from string"
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdecimal()) or "%" in text:
        raise ValueError(f"{said}: {said}: netip.ParsePrefix({quoted(text)}): no '/'")
    try:
        found = ipaddress.ip_interface(text)
    except ValueError as error:
        raise ValueError(f"{said}: {said}: netip.ParsePrefix({quoted(text)}): {error}") from None
    if isinstance(found, ipaddress.IPv6Interface) and found.ip.ipv4_mapped is not None:
        raise ValueError(f"{said}: IPv4-mapped IPv6 address {quoted(address)} is not allowed")
    return Network(found)


def url_of(text: str) -> Url:
    """Raises ValueError."""
    said = "URL parse error during conversion from string"
    if not text or any(ord(one) < 32 or one == "\x7f" for one in text):
        raise ValueError(f"{said}: parse {quoted(text)}: empty url")
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
        _ = parts.port
    except ValueError:
        raise ValueError(f"{said}: parse {quoted(text)}: invalid host") from None
    if not text.startswith("/") and not (parts.scheme and _AFTER_SCHEME.match(text)):
        raise ValueError(f"{said}: parse {quoted(text)}: invalid URI for request")
    if not _HOST.fullmatch(host) or _BAD_ESCAPE.search(text):
        raise ValueError(f"{said}: parse {quoted(text)}: invalid port after host")
    return Url(text, parts)


def _holds(network: Network, address: Address) -> bool:
    return address.ip.version == network.interface.version and (
        address.ip in network.interface.network
    )


def _holds_network(network: Network, other: Network) -> bool:
    return _holds(network, Address(other.interface.ip)) and (
        network.interface.network.prefixlen <= other.interface.network.prefixlen
    )


def _port(url: Url) -> str:
    found = url.host.rpartition("]")[2] if "]" in url.host else url.host
    return found.rpartition(":")[2] if ":" in found else ""


def _hostname(url: Url) -> str:
    host = url.host
    return host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]


def _query(url: Url) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in parse_qsl(url.parts.query, keep_blank_values=True):
        found.setdefault(key, []).append(value)
    return found


def _is_multicast_here(one: Address) -> bool:
    network = "224.0.0.0/24" if one.ip.version == 4 else "ff02::/16"
    return one.ip in ipaddress.ip_network(network)


def _is_global(one: Address) -> bool:
    ip = one.ip
    return not (
        ip.is_multicast
        or ip.is_loopback
        or ip.is_link_local
        or ip.is_unspecified
        or str(ip) == "255.255.255.255"
    )


_AFTER_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:(?!$)")
_HOST: Final = re.compile(r"(?:\[[0-9a-fA-F:.%]*\]|[^\[\]:\s<>\"^`{|}\\]*)(?::\d*)?")
_BAD_ESCAPE: Final = re.compile(r"^[^?#]*%(?![0-9a-fA-F]{2})")
_UNESCAPED: Final = "/%:@!$&'()*+,;=~-._"
_IP: Final = "net.IP"
_CIDR: Final = "net.CIDR"
_URL: Final = "kubernetes.URL"

FUNCTIONS: Final[Functions] = {
    "ip": overloads(
        ("string_to_ip", f"(string) -> {_IP}", address_of),
        ("cidr_ip", f"{_CIDR}.() -> {_IP}", lambda one: Address(one.interface.ip)),
    ),
    "isIP": overloads(("is_ip", "(string) -> bool", is_one(address_of))),
    "ip.isCanonical": overloads(
        ("ip_is_canonical", "(string) -> bool", lambda text: str(address_of(text)) == text)
    ),
    "family": overloads(("ip_family", f"{_IP}.() -> int", lambda one: one.ip.version)),
    "isUnspecified": overloads(
        ("ip_is_unspecified", f"{_IP}.() -> bool", lambda one: one.ip.is_unspecified)
    ),
    "isLoopback": overloads(
        ("ip_is_loopback", f"{_IP}.() -> bool", lambda one: one.ip.is_loopback)
    ),
    "isLinkLocalMulticast": overloads(
        ("ip_is_link_local_multicast", f"{_IP}.() -> bool", _is_multicast_here)
    ),
    "isLinkLocalUnicast": overloads(
        ("ip_is_link_local_unicast", f"{_IP}.() -> bool", lambda one: one.ip.is_link_local)
    ),
    "isGlobalUnicast": overloads(("ip_is_global_unicast", f"{_IP}.() -> bool", _is_global)),
    "cidr": overloads(("string_to_cidr", f"(string) -> {_CIDR}", network_of)),
    "isCIDR": overloads(("is_cidr", "(string) -> bool", is_one(network_of))),
    "containsIP": overloads(
        (
            "cidr_contains_ip_string",
            f"{_CIDR}.(string) -> bool",
            lambda one, text: _holds(one, address_of(text)),
        ),
        ("cidr_contains_ip_ip", f"{_CIDR}.({_IP}) -> bool", _holds),
    ),
    "containsCIDR": overloads(
        (
            "cidr_contains_cidr_string",
            f"{_CIDR}.(string) -> bool",
            lambda one, text: _holds_network(one, network_of(text)),
        ),
        ("cidr_contains_cidr", f"{_CIDR}.({_CIDR}) -> bool", _holds_network),
    ),
    "masked": overloads(
        (
            "cidr_masked",
            f"{_CIDR}.() -> {_CIDR}",
            lambda one: Network(ipaddress.ip_interface(one.interface.network)),
        )
    ),
    "prefixLength": overloads(
        (
            "cidr_prefix_length",
            f"{_CIDR}.() -> int",
            lambda one: one.interface.network.prefixlen,
        )
    ),
    "string": overloads(
        ("ip_to_string", f"({_IP}) -> string", str),
        ("cidr_to_string", f"({_CIDR}) -> string", str),
    ),
    "url": overloads(("string_to_url", f"(string) -> {_URL}", url_of)),
    "isURL": overloads(("is_url_string", "(string) -> bool", is_one(url_of))),
    "getScheme": overloads(("url_get_scheme", f"{_URL}.() -> string", lambda u: u.parts.scheme)),
    "getHost": overloads(("url_get_host", f"{_URL}.() -> string", lambda u: u.host)),
    "getHostname": overloads(("url_get_hostname", f"{_URL}.() -> string", _hostname)),
    "getPort": overloads(("url_get_port", f"{_URL}.() -> string", _port)),
    "getEscapedPath": overloads(
        (
            "url_get_escaped_path",
            f"{_URL}.() -> string",
            lambda u: quote(u.parts.path, safe=_UNESCAPED),
        )
    ),
    "getQuery": overloads(("url_get_query", f"{_URL}.() -> map<string, list<string>>", _query)),
}
