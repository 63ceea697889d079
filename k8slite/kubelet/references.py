"""$(NAME) in a container's command, arguments and variables (pure).

Upstream: `third_party/forked/golang/expansion`: what is not known stays as it is, $$ is one $.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final


def resolved(text: str, values: Mapping[str, str]) -> str:
    """The text with every $(NAME) that is known in its place."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return values.get(found[1], found[0])

    return _REFERENCE.sub(value, text) if "$" in text else text


_REFERENCE: Final = re.compile(r"\$\$|\$\(([^()]*)\)")
