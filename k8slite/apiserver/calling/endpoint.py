"""Where somebody listens, and how he is to be reached."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from k8slite.messages import Handler


@frozen
class Endpoint:
    """One server, and whom it must show itself to be."""

    url: str  # http:// or https://HOST:PORT, without a path
    ca_bundle: str = ""  # PEM; "": the authorities that this machine trusts
    server_name: str = ""  # whom its certificate is for, where it is not the URL's host
    verified: bool = True  # whether its certificate must be good
    front_proxy: bool = False  # we show that we may say for whom we ask
    streams: bool = False  # its answers are passed on piece by piece


# From an endpoint to the way there.
Way = Callable[[Endpoint], Handler]


def reach_of(way: Way | None) -> Callable[[str, str, bool], Handler] | None:
    """A way for who knows no endpoints: by URL, authorities and whether to check certificates."""
    if way is None:
        return None
    return lambda url, ca_bundle, verified: way(Endpoint(url, ca_bundle, "", verified))


class CallFailed(Exception):
    """There was no answer that could be used."""
