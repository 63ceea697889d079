"""An object that a webhook or a policy has changed goes back to where admission works on it."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.decoding import Decoder
from k8slite.kinds.kind import Kind

Json = dict[str, Any]


@frozen
class PuttingBack:
    """Checks types, fills in, converts back."""

    matcher: Matcher
    decoder: Decoder

    def check(self, changed: Json, kind: Kind) -> list[str]:
        """Check types in place and take unknown fields out, about which it complains.

        Raises BadRequest.
        """
        return self.decoder.fields(changed, kind)

    async def put(self, attributes: Attributes, kind: Kind, changed: Json) -> bool:
        """Whether the object is another one now."""
        assert attributes.new is not None, "there is something that can be changed"
        kind.strategy.default(changed)
        after = await self.matcher.kept(attributes, kind, changed)
        if after == attributes.new:
            return False
        attributes.new.clear()
        attributes.new.update(after)
        return True
