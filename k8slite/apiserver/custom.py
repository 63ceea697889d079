"""Custom resources: what the definitions in the store say is served, from the next request on.

What has changed is taken in when the next request comes, so that no request sees an older state
than the write before it. Upstream: `apiextensions-apiserver` (crdHandler, the controllers of
discovery and OpenAPI), whose changes become visible a moment later.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.apiserver.decoding import Decoder
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.followed import Followed
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.storage import Storage
from k8slite.kinds.apiextensions.custom_kinds import kinds_of, published
from k8slite.kinds.kind import Kind
from k8slite.objects.schema import Schemas

log = logging.getLogger(__name__)

Json = dict[str, Any]

DEFINITIONS: Final = "apiextensions.k8s.io.customresourcedefinitions/"


@frozen(eq=False)
class Compiled:
    """What is made of one definition: its kinds, and their published types by name."""

    definition: Json
    kinds: list[Kind]
    published: dict[str, Json]


@define(eq=False)
class CustomResources:
    """Follows the definitions, and tells everybody who knows kinds."""

    storage: Storage
    schemas: Schemas  # of what is built in
    decoder: Decoder
    management: FieldManagement
    discovery: Discovery
    openapi: OpenApi
    _followed: Followed = field(init=False)
    _seen: int = 0
    _compiled: dict[str, Compiled] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._followed = Followed(self.storage.store, DEFINITIONS)

    def catch_up(self) -> None:
        """Take in what was written since the last time."""
        definitions = self._followed.objects()
        if self._followed.changes != self._seen:
            self._seen = self._followed.changes
            self._compiled = {
                key: self._of(key, definition) for key, definition in definitions.items()
            }
            self._tell()

    def _of(self, key: str, definition: Json) -> Compiled:
        """What was made of a definition before, as long as it is the same one."""
        known = self._compiled.get(key)
        if known is not None and known.definition is definition:
            return known
        try:
            return _compiled(definition)
        except Exception:  # one that was let in by mistake must not take the rest along
            log.exception("the definition %s cannot be served", key)
            return Compiled(definition, [], {})

    def _tell(self) -> None:
        compiled = self._compiled.values()
        kinds = self.storage.kinds.extended(kind for one in compiled for kind in one.kinds)
        definitions = {name: json for one in compiled for name, json in one.published.items()}
        schemas = self.schemas.extended(definitions) if definitions else self.schemas
        self.storage.update(kinds)
        self.decoder.schemas = schemas
        self.management.schemas = schemas
        self.discovery.update(kinds)
        self.openapi.update(kinds.all(), schemas)


def _compiled(definition: Json) -> Compiled:
    kinds = kinds_of(definition)
    if not kinds:
        return Compiled(definition, [], {})
    found = {name: one for kind in kinds for name, one in published(kind).items()}
    return Compiled(definition, kinds, found)
