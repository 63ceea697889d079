"""A pod's view of names: what its files /etc/hosts and /etc/resolv.conf say, as a C library reads
them (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen


@frozen
class Resolver:
    """What /etc/resolv.conf says."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    dots: int = 1  # a name with so many is tried as it is first

    def candidates(self, name: str) -> Iterator[str]:
        """The whole names that a name may stand for, in order, without a dot at their ends."""
        if name.endswith("."):
            yield name.rstrip(".")
            return
        if name.count(".") >= self.dots:
            yield name
        for search in self.searches:
            yield f"{name}.{search}"
        if name.count(".") < self.dots:
            yield name


def resolver_of(text: str) -> Resolver:
    """Read /etc/resolv.conf."""
    servers, searches, dots = list[str](), tuple[str, ...](), 1
    for words in map(str.split, text.splitlines()):
        if words[:1] == ["nameserver"] and len(words) > 1:
            servers.append(words[1])
        elif words[:1] == ["search"]:
            searches = tuple(words[1:])
        elif words[:1] == ["options"]:
            found = [one[6:] for one in words if one.startswith("ndots:")]
            dots = int(found[-1]) if found and found[-1].isdecimal() else dots
    return Resolver(tuple(servers), searches, dots)


def in_hosts(files: Mapping[str, bytes], name: str) -> tuple[str, tuple[str, ...]] | None:
    """The first name and the addresses that /etc/hosts has for a name."""
    whole, found = "", list[str]()
    for line in files.get("/etc/hosts", b"").decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if name in words[1:]:
            whole = whole or words[1]
            found.append(words[0])
    return (whole, tuple(found)) if found else None
