"""What a name, a label, a key or a port may look like.

Each function returns the list of complaints, empty if there are none, in upstream's words
(`apimachinery/pkg/util/validation` and `pkg/api/validation`); the functions are named as
upstream's. Lengths are in bytes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

Rule = Callable[[str], list[str]]

SUBDOMAIN_LIMIT_BYTES: Final = 253
LABEL_LIMIT_BYTES: Final = 63
PORT_NAME_LIMIT_BYTES: Final = 15


def is_dns1123_subdomain(value: str) -> list[str]:
    """`example.com`: the names of most objects."""
    found = _length(value, SUBDOMAIN_LIMIT_BYTES)
    if not _SUBDOMAIN.fullmatch(value):
        found.append(_pattern(_SUBDOMAIN_MESSAGE, _SUBDOMAIN_FORMAT, "example.com"))
    return found


def is_dns1123_label(value: str) -> list[str]:
    """`my-name`: names that end up as one label of a DNS name."""
    found = _length(value, LABEL_LIMIT_BYTES)
    if not _LABEL.fullmatch(value):
        if _SUBDOMAIN.fullmatch(value):
            found.append("must not contain dots")
        else:
            found.append(_pattern(_LABEL_MESSAGE, _LABEL_FORMAT, "my-name", "123-abc"))
    return found


def is_dns1035_label(value: str) -> list[str]:
    """`my-name`, starting with a letter."""
    found = _length(value, LABEL_LIMIT_BYTES)
    if not _LABEL_1035.fullmatch(value):
        found.append(_pattern(_LABEL_1035_MESSAGE, _LABEL_1035_FORMAT, "my-name", "abc-123"))
    return found


def is_wildcard_dns1123_subdomain(value: str) -> list[str]:
    """`*.example.com`."""
    found = _length(value, SUBDOMAIN_LIMIT_BYTES)
    if not _WILDCARD.fullmatch(value):
        found.append(_pattern(_WILDCARD_MESSAGE, _WILDCARD_FORMAT, "*.example.com"))
    return found


def is_path_segment_name(name: str) -> list[str]:
    """Anything that can be one segment of a URL's path (RBAC names)."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{illegal}'" for illegal in ("/", "%") if illegal in name]


def is_qualified_name(value: str) -> list[str]:
    """A label or annotation key: `name` or `example.com/name`."""
    parts = value.split("/")
    found: list[str] = []
    if len(parts) == 1:
        name = parts[0]
    elif len(parts) == 2:
        prefix, name = parts
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found.extend(f"prefix part {text}" for text in is_dns1123_subdomain(prefix))
    else:
        text = _pattern(f"a valid label key {_QUALIFIED_MESSAGE}", _QUALIFIED_FORMAT, *_EXAMPLES)
        return [f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    if not name:
        found.append("name part must be non-empty")
    elif len(name.encode()) > LABEL_LIMIT_BYTES:
        found.append(f"name part {_too_long(LABEL_LIMIT_BYTES)}")
    if not _QUALIFIED.fullmatch(name):
        found.append(_pattern(f"name part {_QUALIFIED_MESSAGE}", _QUALIFIED_FORMAT, *_EXAMPLES))
    return found


def is_label_value(value: str) -> list[str]:
    """A label's value: empty, or like a key without a prefix."""
    found = _length(value, LABEL_LIMIT_BYTES)
    if not _LABEL_VALUE.fullmatch(value):
        found.append(_pattern(_LABEL_VALUE_MESSAGE, _LABEL_VALUE_FORMAT, *_VALUE_EXAMPLES))
    return found


def is_c_identifier(value: str) -> list[str]:
    """A variable's name in C."""
    if _C_IDENTIFIER.fullmatch(value):
        return []
    return [_pattern(_C_IDENTIFIER_MESSAGE, _C_IDENTIFIER_FORMAT, "my_name", "MY_NAME", "MyName")]


def is_environment_name(value: str) -> list[str]:
    """An environment variable's name, by the strict rule."""
    found = []
    if not _ENVIRONMENT.fullmatch(value):
        examples = ("my.env-name", "MY_ENV.NAME", "MyEnvName1")
        found.append(_pattern(_ENVIRONMENT_MESSAGE, _ENVIRONMENT_FORMAT, *examples))
    return found + _leaves_directory(value)


def is_relaxed_environment_name(value: str) -> list[str]:
    """An environment variable's name as Pods may have it: printable ASCII without `=`."""
    if not value:
        return ["environment variable name must be non-empty"]
    if any(not " " <= letter <= "~" or letter == "=" for letter in value):
        return [_RELAXED_ENVIRONMENT_MESSAGE]
    return []


def is_config_map_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret, which may become a file's name."""
    found = _length(value, SUBDOMAIN_LIMIT_BYTES)
    if not _CONFIG_KEY.fullmatch(value):
        examples = ("key.name", "KEY_NAME", "key-name")
        found.append(_pattern(_CONFIG_KEY_MESSAGE, _CONFIG_KEY_FORMAT, *examples))
    return found + _leaves_directory(value)


def is_port_number(port: int) -> list[str]:
    """1 to 65535."""
    return in_range(port, 1, 65535)


def in_range(value: int, low: int, high: int) -> list[str]:
    """A number between two others, either included."""
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def is_port_name(value: str) -> list[str]:
    """A port's name: an IANA service name."""
    found = _length(value, PORT_NAME_LIMIT_BYTES)
    if not re.fullmatch("[-a-z0-9]+", value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def is_percent(value: str) -> list[str]:
    """`25%`."""
    if re.fullmatch("[0-9]+%", value):
        return []
    message = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_pattern(message, "[0-9]+%", "1%", "93%")]


def is_http_header_name(value: str) -> list[str]:
    """`X-Header-Name`."""
    if re.fullmatch("[-A-Za-z0-9]+", value):
        return []
    message = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [_pattern(message, "[-A-Za-z0-9]+", "X-Header-Name")]


def is_http_path(value: str) -> list[str]:
    """What may follow the domain in a URL."""
    if _HTTP_PATH.fullmatch(value):
        return []
    return [_pattern("Invalid path", _HTTP_PATH_FORMAT)]


def is_condition_reason(value: str) -> list[str]:
    """A condition's reason, one word."""
    if _REASON.fullmatch(value):
        return []
    return [_pattern(_REASON_MESSAGE, _REASON_FORMAT, *_REASON_EXAMPLES)]


def is_ip(value: str) -> list[str]:
    """An IPv4 or IPv6 address; no zone, no leading zeros."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    if "%" in value:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def is_non_special_ip(ip: str) -> list[str]:
    """Not an address that means something else everywhere (upstream: `ValidateNonSpecialIP`)."""
    if ipaddress.ip_address(ip).is_loopback:
        return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"]
    return is_endpoint_ip(ip)


def is_endpoint_ip(ip: str) -> list[str]:
    """As `is_non_special_ip`, which upstream asks of endpoints too.

    But for loopback addresses: what really serves here serves on this machine, and Services of
    webhooks and of other API servers must be able to lead there.
    """
    address = ipaddress.ip_address(ip)
    found = []
    if address.is_unspecified:
        found.append(f"may not be unspecified ({ip})")
    if address.is_link_local:
        found.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if address.is_multicast and ip.startswith(("224.0.0.", "ff02")):
        found.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return found


def is_canonical_ip(value: str) -> list[str]:
    """An address as newer fields have it (upstream: `IsValidIP`)."""
    found = is_ip(value)
    if found:
        return found
    address = ipaddress.ip_address(value)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return ["must not be an IPv4-mapped IPv6 address"]
    return [] if str(address) == value else [f'must be in canonical form ("{address}")']


def is_canonical_cidr(value: str) -> list[str]:
    """An address block as newer fields have it (upstream: `IsValidCIDR`)."""
    found = is_cidr(value)
    if found:
        return found
    block = ipaddress.ip_interface(value)
    if isinstance(block, ipaddress.IPv6Interface) and block.ip.ipv4_mapped is not None:
        return ["must not have an IPv4-mapped IPv6 address"]
    wanted = str(block.network)
    if block.ip != block.network.network_address:
        return ["must not have bits set beyond the prefix length"]
    return [] if wanted == value else [f'must be in canonical form ("{wanted}")']


def is_cidr(value: str) -> list[str]:
    """An address block such as 10.9.8.0/24; bits behind the mask are let pass, as upstream does."""
    try:
        if "/" not in value or not value.rpartition("/")[2].isdecimal():
            raise ValueError(value)
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    return []


def _length(value: str, limit_bytes: int) -> list[str]:
    if len(value) > limit_bytes or len(value.encode("utf-8", "surrogatepass")) > limit_bytes:
        return [_too_long(limit_bytes)]
    return []


def _too_long(limit_bytes: int) -> str:
    return f"must be no more than {limit_bytes} bytes"


def _leaves_directory(value: str) -> list[str]:
    if value == ".":
        return ["must not be '.'"]
    if value == "..":
        return ["must not be '..'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def _pattern(message: str, pattern: str, *examples: str) -> str:
    # The commas are upstream's: `(e.g. 'a',  or 'b', regex used ...)`.
    listed = " or ".join(f"'{example}', " for example in examples)
    start = f"e.g. {listed}" if examples else ""
    return f"{message} ({start}regex used for validation is '{pattern}')"


_LABEL_FORMAT: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL: Final = re.compile(_LABEL_FORMAT)
_LABEL_MESSAGE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_FORMAT: Final = rf"{_LABEL_FORMAT}(\.{_LABEL_FORMAT})*"
_SUBDOMAIN: Final = re.compile(_SUBDOMAIN_FORMAT)
_SUBDOMAIN_MESSAGE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_LABEL_1035_FORMAT: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035: Final = re.compile(_LABEL_1035_FORMAT)
_LABEL_1035_MESSAGE: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_WILDCARD_FORMAT: Final = rf"\*\.{_SUBDOMAIN_FORMAT}"
_WILDCARD: Final = re.compile(_WILDCARD_FORMAT)
_WILDCARD_MESSAGE: Final = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
    "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
    "alphanumeric character"
)
_QUALIFIED_FORMAT: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_QUALIFIED: Final = re.compile(_QUALIFIED_FORMAT)
_QUALIFIED_MESSAGE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_EXAMPLES: Final = ("MyName", "my.name", "123-abc")
_LABEL_VALUE_FORMAT: Final = f"({_QUALIFIED_FORMAT})?"
_LABEL_VALUE: Final = re.compile(_LABEL_VALUE_FORMAT)
_LABEL_VALUE_MESSAGE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)
_VALUE_EXAMPLES: Final = ("MyValue", "my_value", "12345")
_C_IDENTIFIER_FORMAT: Final = "[A-Za-z_][A-Za-z0-9_]*"
_C_IDENTIFIER: Final = re.compile(_C_IDENTIFIER_FORMAT)
_C_IDENTIFIER_MESSAGE: Final = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of "
    "alphanumeric characters or '_'"
)
_ENVIRONMENT_FORMAT: Final = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_ENVIRONMENT: Final = re.compile(_ENVIRONMENT_FORMAT)
_ENVIRONMENT_MESSAGE: Final = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', "
    "or '.', and must not start with a digit"
)
_RELAXED_ENVIRONMENT_MESSAGE: Final = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)
_CONFIG_KEY_FORMAT: Final = "[-._a-zA-Z0-9]+"
_CONFIG_KEY: Final = re.compile(_CONFIG_KEY_FORMAT)
_CONFIG_KEY_MESSAGE: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
)

_HTTP_PATH_FORMAT: Final = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_HTTP_PATH: Final = re.compile(_HTTP_PATH_FORMAT)
_REASON_FORMAT: Final = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON: Final = re.compile(_REASON_FORMAT)
_REASON_MESSAGE: Final = (
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"
)
_REASON_EXAMPLES: Final = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")

# The rules that a Strategy names for metadata.name (`kinds.kind.NameRule`).
NAME_RULES: Final[Mapping[str, Rule]] = {
    "subdomain": is_dns1123_subdomain,
    "label": is_dns1123_label,
    "label1035": is_dns1035_label,
    "path": is_path_segment_name,
}
