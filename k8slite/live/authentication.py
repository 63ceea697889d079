"""The file that says whose tokens are believed, read again when it is something else.

`--authentication-config`, or the older flags `--oidc-*` for one issuer. Upstream:
`pkg/kubeapiserver/options/authentication.go`; there too a file that cannot be read changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio
from attrs import define, evolve, field, frozen

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.authenticator import ISSUER
from k8slite.objects.measures import Counter, Family

if TYPE_CHECKING:
    from k8slite.apiserver.authentication.configuration import Configuration
    from k8slite.apiserver.authentication.issued_tokens import IssuedTokens
    from k8slite.apiserver.calling.endpoint import Way
    from k8slite.world import World

log = logging.getLogger(__name__)
Json = dict[str, Any]

# How often the file is looked at: a look costs some microseconds.
LOOK_SECONDS: Final = 1.0


@frozen
class Authentication:
    """What `k8slite up` was told of authentication."""

    file: str = ""  # an AuthenticationConfiguration's
    document: Json | None = None  # the same, said by other flags
    anonymous: Anonymous | None = None  # None: nothing was said of it
    algorithms: tuple[str, ...] = ()  # with which tokens may be signed; all that there are

    @property
    def is_asked_for(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.file) or self.document is not None or self.anonymous is not None

    def content(self) -> bytes:
        """The file's, if there is one. Raises OSError."""
        return Path(self.file).read_bytes() if self.file else b""

    def tokens(self, way: Way, world: World, content: bytes) -> IssuedTokens:
        """Who recognizes the tokens, with that content of the file. Raises ValueError."""
        from k8slite.apiserver.authentication.configuration import Configuration
        from k8slite.apiserver.authentication.issued_tokens import IssuedTokens

        found = IssuedTokens(way, world, self.anonymous or Anonymous())
        configuration = Configuration()
        if self.file:
            configuration = self.read(content)
        elif self.document is not None:
            configuration = self._configuration(self.document)
        found.configure(configuration)
        return found

    def read(self, data: bytes) -> Configuration:
        """What the file says. Raises ValueError."""
        from k8slite.objects.yaml_text import load

        try:
            return self._configuration(load(data))
        except ValueError as error:
            raise ValueError(f"{self.file}: {error}") from None

    def _configuration(self, document: Json) -> Configuration:
        from k8slite.apiserver.authentication.configuration import read_configuration

        found = read_configuration(document, (ISSUER,))
        if self.algorithms:
            issuers = (evolve(one, algorithms=self.algorithms) for one in found.issuers)
            found = evolve(found, issuers=tuple(issuers))
        if found.anonymous is not None and self.anonymous is not None:
            raise ValueError(
                "--anonymous-auth flag cannot be set when anonymous field is configured in "
                "authentication configuration file"
            )
        return found


@define(eq=False)
class Reloading:
    """Looks at the file from time to time; `known` is the content that the tokens go by."""

    asked: Authentication
    tokens: IssuedTokens
    known: bytes | None
    _reloads: Counter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reloads = Counter(
            "apiserver_authentication_config_controller_automatic_reloads_total",
            "[BETA] Total number of automatic reloads of authentication configuration split by "
            "status and apiserver identity.",
            ("status",),
        )

    def families(self) -> Iterable[Family]:
        """How often there was something else."""
        yield self._reloads

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            data = self._content()
            if data == self.known:
                continue
            self.known = data
            try:
                if data is None:
                    raise ValueError(f"{self.asked.file} cannot be read")
                self.tokens.configure(self.asked.read(data))
            except ValueError as error:
                log.error("failed to reload authentication configuration: %s", error)
                self._reloads.add("failure")
            else:
                self._reloads.add("success")

    def _content(self) -> bytes | None:
        try:
            return self.asked.content()  # some kilobytes, out of the page cache
        except OSError:
            return None
