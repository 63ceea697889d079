"""How a container is asked whether it is well, as far as components read it."""

from __future__ import annotations

from attrs import frozen


@frozen
class HttpHeader:
    name: str = ""
    value: str = ""


@frozen
class HttpGetAction:
    path: str = ""
    port: int | str = 0
    scheme: str = "HTTP"
    host: str = ""
    http_headers: tuple[HttpHeader, ...] = ()


@frozen
class TcpSocketAction:
    port: int | str = 0
    host: str = ""


@frozen
class ExecAction:
    command: tuple[str, ...] = ()


@frozen
class GrpcAction:
    port: int = 0
    service: str = ""


@frozen
class Probe:
    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    exec: ExecAction | None = None
    grpc: GrpcAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None
