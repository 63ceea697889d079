"""The functions that Kubernetes adds to CEL: lists, sets, regular expressions, URLs, quantities,
addresses, networks, formats and versions.

A quantity, a URL, an address, a network and a version are maps to the engine, which knows no other
types of ours; each says what it is by the one key that it has. Not there: `indexOf` of a list (the
engine has it of strings, and takes no second one). Upstream: `apiserver/pkg/cel/library`.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from k8slite.objects.names import (
    is_dns1035_label,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_qualified_name,
)
from k8slite.objects.quantity import nano

Json = dict[str, Any]

_NANO: Final = 10**9


@cache
def functions() -> list[Any]:
    """The declarations, for the engine."""
    from cel_expr_python import cel

    types = {
        "bool": cel.Type.BOOL,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "string": cel.Type.STRING,
        "list": cel.Type.LIST,
        "map": cel.Type.MAP,
        "dyn": cel.Type.DYN,
    }
    found = []
    for name, overloads in _FUNCTIONS.items():
        declared = []
        for number, (signature, implementation) in enumerate(overloads):
            is_member = signature.startswith(".")
            taken, _, given = signature.lstrip(".").partition("->")
            parameters = [types[one] for one in taken.split(",") if one]
            label = f"{name.replace('.', '_')}_{number}"
            declared.append(
                cel.Overload(label, types[given], parameters, is_member, implementation)
            )
        found.append(cel.FunctionDecl(name, declared))
    return found


def _is(check: Callable[[str], Any]) -> Callable[[str], bool]:
    def answer(text: str) -> bool:
        try:
            check(text)
        except (ValueError, ArithmeticError, KeyError):
            return False
        return True

    return answer


def _quantity(text: str) -> Json:
    return {"quantity": str(nano(text))}


def _amount(quantity: Json) -> int:
    return int(quantity["quantity"])


def _of(amount: int) -> Json:
    return {"quantity": str(amount)}


def _compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _url(text: str) -> Json:
    found = urlsplit(text)
    if not found.scheme and not text.startswith("/"):
        raise ValueError(f"URL parse error during conversion from string: {text}")
    return {"url": text}


def _path(url: Json) -> str:
    return quote(urlsplit(url["url"]).path, safe="/%:@!$&'()*+,;=~-._")


def _hostname(url: Json) -> str:
    return urlsplit(url["url"]).hostname or ""


def _port(url: Json) -> str:
    port = urlsplit(url["url"]).port
    return "" if port is None else str(port)


def _query(url: Json) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url["url"]).query, keep_blank_values=True)


def _ip(text: str) -> Json:
    found = ipaddress.ip_address(text)
    if "%" in text or (found.version == 6 and found.ipv4_mapped is not None):
        raise ValueError(f"IP Address {text!r} parse error")
    return {"ip": str(found)}


def _address(ip: Json) -> Any:
    return ipaddress.ip_address(ip["ip"])


def _cidr(text: str) -> Json:
    ipaddress.ip_interface(text)
    if "/" not in text:
        raise ValueError(f"network address parse error: {text}")
    return {"cidr": text}


def _network(cidr: Json) -> Any:
    return ipaddress.ip_network(cidr["cidr"], strict=False)


def _holds_ip(cidr: Json, ip: str) -> bool:
    return ipaddress.ip_address(ip) in _network(cidr)


def _holds_network(cidr: Json, other: str) -> bool:
    outer, inner = _network(cidr), ipaddress.ip_network(other, strict=False)
    return outer.version == inner.version and bool(inner.subnet_of(outer))


def _unicast(address: Any) -> bool:
    return bool(
        not address.is_multicast
        and not address.is_loopback
        and not address.is_link_local
        and not address.is_unspecified
        and str(address) != "255.255.255.255"
    )


_VERSION: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def _semver(text: str) -> Json:
    if _VERSION.fullmatch(text) is None:
        raise ValueError(f"No Major.Minor.Patch elements found in {text}")
    return {"semver": text}


def _order(version: Json) -> tuple[Any, ...]:
    found = _VERSION.fullmatch(version["semver"])
    assert found is not None, "only versions are made into one"
    parts = []
    for one in (found[4] or "").split("."):
        parts.append((0, int(one), "") if one.isdecimal() else (1, 0, one))
    return (*(int(found[i]) for i in (1, 2, 3)), found[4] is None, parts)


def _major(version: Json, part: int = 0) -> int:
    return int(_order(version)[part])


def _find(text: str, pattern: str) -> str:
    import re2

    found = re2.compile(pattern).search(text)
    return found.group(0) if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    import re2

    found = [one.group(0) for one in re2.compile(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _is_sorted(values: Iterable[Any]) -> bool:
    listed = list(values)
    return all(one <= other for one, other in itertools.pairwise(listed))


def _subset(values: list[Any], wanted: list[Any]) -> bool:
    return all(one in values for one in wanted)


_FORMATS: Final[dict[str, Callable[[str], list[str]]]] = {
    "dns1123Label": is_dns1123_label,
    "dns1123Subdomain": is_dns1123_subdomain,
    "dns1035Label": is_dns1035_label,
    "qualifiedName": is_qualified_name,
    "labelValue": is_label_value,
}

# Name -> (types that are taken -> type that is given, what does it); a dot marks a method.
_FUNCTIONS: Final[dict[str, list[tuple[str, Callable[..., Any]]]]] = {
    "isSorted": [(".list->bool", _is_sorted)],
    "sum": [(".list->dyn", sum)],
    "min": [(".list->dyn", min)],
    "max": [(".list->dyn", max)],
    "sets.contains": [("list,list->bool", _subset)],
    "sets.equivalent": [("list,list->bool", lambda a, b: _subset(a, b) and _subset(b, a))],
    "sets.intersects": [("list,list->bool", lambda a, b: any(one in a for one in b))],
    "find": [(".string,string->string", _find)],
    "findAll": [
        (".string,string->list", _find_all),
        (".string,string,int->list", _find_all),
    ],
    "url": [("string->map", _url)],
    "isURL": [("string->bool", _is(_url))],
    "getScheme": [(".map->string", lambda u: urlsplit(u["url"]).scheme)],
    "getHost": [(".map->string", lambda u: urlsplit(u["url"]).netloc.rpartition("@")[2])],
    "getHostname": [(".map->string", _hostname)],
    "getPort": [(".map->string", _port)],
    "getEscapedPath": [(".map->string", _path)],
    "getQuery": [(".map->map", _query)],
    "quantity": [("string->map", _quantity)],
    "isQuantity": [("string->bool", _is(_quantity))],
    "sign": [(".map->int", lambda q: _compare(_amount(q), 0))],
    "isInteger": [(".map->bool", lambda q: _amount(q) % _NANO == 0)],
    "asInteger": [(".map->int", lambda q: _amount(q) // _NANO)],
    "asApproximateFloat": [(".map->double", lambda q: _amount(q) / _NANO)],
    "add": [
        (".map,map->map", lambda q, other: _of(_amount(q) + _amount(other))),
        (".map,int->map", lambda q, other: _of(_amount(q) + other * _NANO)),
    ],
    "sub": [
        (".map,map->map", lambda q, other: _of(_amount(q) - _amount(other))),
        (".map,int->map", lambda q, other: _of(_amount(q) - other * _NANO)),
    ],
    "isGreaterThan": [(".map,map->bool", lambda a, b: _ordered(a) > _ordered(b))],
    "isLessThan": [(".map,map->bool", lambda a, b: _ordered(a) < _ordered(b))],
    "compareTo": [(".map,map->int", lambda a, b: _compare(_ordered(a), _ordered(b)))],
    "ip": [("string->map", _ip), (".map->map", lambda c: {"ip": c["cidr"].partition("/")[0]})],
    "isIP": [("string->bool", _is(_ip))],
    "ip.isCanonical": [("string->bool", lambda text: str(ipaddress.ip_address(text)) == text)],
    "family": [(".map->int", lambda ip: _address(ip).version)],
    "isUnspecified": [(".map->bool", lambda ip: _address(ip).is_unspecified)],
    "isLoopback": [(".map->bool", lambda ip: _address(ip).is_loopback)],
    "isLinkLocalMulticast": [
        (
            ".map->bool",
            lambda ip: str(_address(ip)).startswith(("224.0.0.", "ff02:")),
        )
    ],
    "isLinkLocalUnicast": [(".map->bool", lambda ip: _address(ip).is_link_local)],
    "isGlobalUnicast": [(".map->bool", lambda ip: _unicast(_address(ip)))],
    "cidr": [("string->map", _cidr)],
    "isCIDR": [("string->bool", _is(_cidr))],
    "containsIP": [
        (".map,string->bool", _holds_ip),
        (".map,map->bool", lambda cidr, ip: _holds_ip(cidr, ip["ip"])),
    ],
    "containsCIDR": [
        (".map,string->bool", _holds_network),
        (".map,map->bool", lambda cidr, other: _holds_network(cidr, other["cidr"])),
    ],
    "masked": [(".map->map", lambda cidr: {"cidr": str(_network(cidr))})],
    "prefixLength": [(".map->int", lambda cidr: _network(cidr).prefixlen)],
    "semver": [("string->map", _semver)],
    "isSemver": [("string->bool", _is(_semver))],
    "major": [(".map->int", _major)],
    "minor": [(".map->int", lambda version: _major(version, 1))],
    "patch": [(".map->int", lambda version: _major(version, 2))],
    **{f"format.{name}": [("->map", lambda name=name: {"format": name})] for name in _FORMATS},
    "validate": [(".map,string->list", lambda named, text: _FORMATS[named["format"]](text))],
}


def _ordered(value: Json) -> Any:
    return _order(value) if "semver" in value else _amount(value)
