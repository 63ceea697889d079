"""The versions of one custom resource: what each looks like, which one is kept, who converts.

Every stored object of a custom resource says in front of which version it is, so that a definition
may choose another storage version at any time (upstream keeps `apiVersion` and `kind` in etcd).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from k8slite.objects.codec import loads, type_prefix
from k8slite.objects.structural import Structural

Json = dict[str, Any]


@frozen(eq=False)
class Family:
    """What all kinds of one definition have in common."""

    group: str
    kind: str
    kept: str  # the version in which objects are written
    oldest: str  # the version of objects that were written before they said it
    schemas: Mapping[str, Structural]  # by version, served or not
    client: Json | None = None  # the converter's `clientConfig`; None: versions differ by name only
    review_versions: tuple[str, ...] = ()
    _prefixes: Mapping[str, bytes] = field(init=False)

    @_prefixes.default
    def _prefixes_of_versions(self) -> Mapping[str, bytes]:
        names = sorted({*self.schemas, self.kept, self.oldest})
        return {name: type_prefix(self.api_version(name), self.kind) for name in names}

    def api_version(self, version: str) -> str:
        """`GROUP/VERSION`."""
        return f"{self.group}/{version}"

    def prefix(self, version: str) -> bytes:
        """What stands before an object that is kept in a version, less its first brace."""
        return self._prefixes[version]

    def version_of(self, value: bytes) -> str:
        """The version that an object is kept in; perhaps one that the definition has not."""
        if not value.startswith(b'{"kind":'):
            return self.oldest
        for name, prefix in self._prefixes.items():
            if value.startswith(prefix):
                return name
        api_version: str = loads(value)["apiVersion"]
        return api_version.rpartition("/")[2]

    def bare(self, value: bytes, version: str) -> bytes:
        """A kept object without its type, given the version that it is in."""
        prefix = self._prefixes[version]
        return b"{" + value[len(prefix) :] if value.startswith(prefix) else value

    def default(self, obj: Json, version: str) -> None:
        """Fill in what the schema of a version has for nothing said, in place."""
        schema = self.schemas.get(version)
        if schema is not None:
            schema.default(obj)

    def prune(self, obj: Json, version: str) -> None:
        """Take out what the schema of a version does not have, in place."""
        schema = self.schemas.get(version)
        if schema is not None:
            schema.prune(obj)

    def renamed(self, obj: Json, version: str) -> Json:
        """What becomes of an object where versions differ by name only; it may be changed."""
        found = {**obj, "apiVersion": self.api_version(version), "kind": self.kind}
        self.prune(found, version)
        return found
