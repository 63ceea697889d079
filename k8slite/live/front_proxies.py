"""Front proxies: whose certificates this API server believes, and which it shows itself.

`--requestheader-client-ca-file` names an authority of others; without it, our own signs for them,
as where kubeadm has set up a cluster. Extension API servers are told of both.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from attrs import evolve, frozen

from k8slite.apiserver.authentication.front_proxy import FrontProxy
from k8slite.controllers.identity.authentication_trust import Trust
from k8slite.live.certificates import FRONT_PROXY_NAME, Authority
from k8slite.wire.tls import Authorities

OURS = FrontProxy(allowed_names=(FRONT_PROXY_NAME,))


@frozen
class FrontProxies:
    """What `k8slite up` was told of front proxies."""

    ca: str = ""  # the authority's certificates in PEM; "": our own authority
    believed: FrontProxy = OURS

    @classmethod
    def read(cls, ca_file: str, believed: FrontProxy) -> FrontProxies:
        """Of another authority, or of ours where no file is named. Raises OSError, ValueError."""
        if not ca_file:
            names = believed.allowed_names or OURS.allowed_names
            return cls("", evolve(believed, allowed_names=names))
        text = Path(ca_file).read_text()
        try:
            _in_der(text)
        except ValueError as error:
            raise ValueError(f"unable to load client CA provider: {ca_file}: {error}") from None
        return cls(text, believed)

    def admit(self, authority: Authority, context: ssl.SSLContext) -> Authorities:
        """Have a server's context verify their certificates too."""
        bundle = self.ca or authority.front_proxy_bundle
        context.load_verify_locations(cadata=bundle)
        # Of a session that is taken up again nobody knows which authority it was traced to.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        return Authorities(_in_der(authority.bundle), _in_der(bundle))

    def trust(self, authority: Authority) -> Trust:
        """What extension API servers are told, so that they believe whom we, and these, ask for."""
        given, names = self.believed, OURS.allowed_names
        if self.ca:
            names = _joined(names, given.allowed_names) if given.allowed_names else ()
        return Trust(
            authority.bundle,
            authority.front_proxy_bundle + self.ca,
            names,
            _joined(OURS.username_headers, given.username_headers),
            _joined(OURS.group_headers, given.group_headers),
            _joined(OURS.extra_prefixes, given.extra_prefixes),
            _joined(OURS.uid_headers, given.uid_headers),
        )


def _joined(ours: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each header once however it is spelled."""
    known = {one.lower() for one in ours}
    return (*ours, *(one for one in given if one.lower() not in known))


def _in_der(bundle: str) -> frozenset[bytes]:
    """The authorities in a file in PEM. Raises ValueError where there are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=bundle)
    except ssl.SSLError as error:
        raise ValueError(str(error)) from None
    found = frozenset(context.get_ca_certs(binary_form=True))
    if not found:
        raise ValueError("there is no certificate of an authority")
    return found
