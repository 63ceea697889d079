"""Every bound of the wire in one place: bytes, seconds and connections, each with its reason."""

from __future__ import annotations

from typing import Final

from attrs import frozen

# One read from a socket: the largest TLS record fits four times, a usual request fits whole.
READ_BYTES: Final = 64 * 1024

# One write of a large body; each gets its own deadline, so that a slow client may take its time
# as long as it goes on reading.
WRITE_BYTES: Final = 1024 * 1024

# How often deadlines of connections are looked at: a second late does not matter to any of them,
# and a request then costs no timer.
REAP_SECONDS: Final = 1.0

# The kernel asks a silent peer for a sign of life after so long, so that a vanished one is noticed
# while nothing is sent (upstream's listener: 3 minutes; laptops sleep and virtual networks forget
# sooner).
KEEP_ALIVE_PROBE_SECONDS: Final = 30


@frozen
class Limits:
    """What one server lets its clients do."""

    # net/http's DefaultMaxHeaderBytes, which the API server takes over.
    max_header_bytes: int = 1024 * 1024
    # Upstream's MaxRequestBodyBytes: twice etcd's limit of 1.5 MiB.
    max_body_bytes: int = 3 * 1024 * 1024
    # From a connection's or a request's first byte to the end of its header (upstream:
    # ReadHeaderTimeout); a TLS handshake gets as long.
    header_seconds: float = 32.0
    # From the header to the end of the body: upstream's request timeout.
    body_seconds: float = 60.0
    # Between two requests (upstream: IdleTimeout).
    idle_seconds: float = 90.0
    # For one write of at most WRITE_BYTES: a client that does not read is cut off.
    send_seconds: float = 60.0
    # Connections at a time, far below the usual 1,024 to 1,048,576 files of a process' hard
    # limit; beyond it, new ones wait in the listener's backlog.
    max_connections: int = 4096
    # After a refusal the rest of the request is read and thrown away for so long, since closing a
    # socket with unread bytes makes the kernel destroy the answer on its way.
    linger_seconds: float = 2.0
    linger_bytes: int = 64 * 1024 * 1024


@frozen
class ClientLimits:
    """What one client allows itself and its server."""

    # Each watch holds one: some forty kinds, watched by a handful of components.
    max_connections: int = 512
    # Kept open between requests.
    max_idle_connections: int = 32
    # Below the server's IdleTimeout of 90 s, so that it is mostly we who close first.
    idle_seconds: float = 60.0
    # Includes the TLS handshake.
    connect_seconds: float = 10.0
    # For one answer that is not a stream: upstream's request timeout and a little more.
    response_seconds: float = 70.0
    # For the header of a stream's answer; its pieces may take for ever.
    header_seconds: float = 70.0
    # One answer that is not a stream; a list of 100,000 Pods has about 300 MB.
    max_body_bytes: int = 1024 * 1024 * 1024
    max_header_bytes: int = 1024 * 1024
