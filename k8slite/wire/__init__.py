"""The wire: HTTP/1.1 over trio streams, bytes to messages and back.

In: listeners and a Handler (the server), or a base URL (the client). Out: Requests handed to
the Handler and its Responses as bytes; or, on the client's side, a Handler for a remote server.
Never here: objects, kinds, paths or verbs of Kubernetes, who may do what, the time of day. The
one thing said in Kubernetes' words is the Status of a request that never reached a Handler.

    server            serve(), Server: accepts, watches the clocks, stops with grace
    client            HttpClient, read_all(), ConnectionFailed: a Handler for a remote server
    tls               TlsListener, TlsStream, Authorities, verified_user()
    limits            Limits, ClientLimits: every bound of the wire, with its reason

    connection        one server connection, from its first byte to its last
    request_parser    bytes to Requests
    request_target    path and query, both ways
    response_writer   Responses to bytes
    response_parser   bytes to Responses
    pool              the client's connections, kept and lent
    upgrade           how a client leaves HTTP
    refusals          what is answered to those who never reach the Handler
    websocket         messages on a connection that has left HTTP
    spdy_connection   streams on one;  spdy  its frames
    carried           HTTP on a connection that another protocol carries
    compression       which answers are worth gzip
    transport         a TCP or Unix stream with few system calls
"""

from k8slite.messages import read_all
from k8slite.wire.client import ConnectionFailed, HttpClient
from k8slite.wire.limits import ClientLimits, Limits
from k8slite.wire.server import Server, serve
from k8slite.wire.tls import Authorities, TlsListener, TlsStream, verified_user

__all__ = [
    "Authorities",
    "ClientLimits",
    "ConnectionFailed",
    "HttpClient",
    "Limits",
    "Server",
    "TlsListener",
    "TlsStream",
    "read_all",
    "serve",
    "verified_user",
]
