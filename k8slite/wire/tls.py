"""TLS over a SocketTransport, with larger reads and fewer task switches than `trio.SSLStream`.

Both ends of a connection are made here. A stream is not usable before `do_handshake`. Like
`trio.SSLStream(https_compatible=True)`, a peer that hangs up without a `close_notify` has simply
ended: HTTP knows by itself where its messages end.
"""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import Any, Final

import trio
from attrs import frozen
from trio.abc import Listener, Stream

from k8slite.messages import Peer, User
from k8slite.wire.limits import READ_BYTES
from k8slite.wire.transport import Piece, SocketTransport

# What a user's extra says of the certificate that proves who that is (upstream:
# `authentication/user.CredentialIDKey`).
CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
_HANDSHAKE_RECORD: Final = 0x16  # the first byte of every TLS connection


class SpokePlainHttp(Exception):
    """The peer sent something else than TLS that looks like the start of an HTTP request."""


@frozen
class Authorities:
    """Who signs for whom; certificates in DER. One may sign for both."""

    clients: frozenset[bytes]
    front_proxies: frozenset[bytes]


class TlsStream(Stream):
    """One encrypted connection; owns its transport."""

    def __init__(
        self,
        transport: SocketTransport,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        authorities: Authorities | None = None,
    ) -> None:
        self.transport: Final = transport
        self._authorities = authorities
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._server_side = server_side
        self._begun = False
        self._flushing = trio.Lock()

    async def do_handshake(self) -> None:
        """Agree on keys and check certificates.

        Raises `trio.BrokenResourceError` (its cause says why) or, on the server's side,
        `SpokePlainHttp`.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLError, ssl.CertificateError) as error:
                self._flush_now()  # the alert that tells the peer why
                raise trio.BrokenResourceError(str(error)) from error
            else:
                await self._flush()
                return

    def peer(self) -> Peer:
        """Who the peer is, by the certificate that it has shown and that is verified."""
        address, certificate = self.transport.peer_address, self._tls.getpeercert()
        if not certificate or self._authorities is None:
            return Peer(address, self._user(certificate))
        root = self._root()
        is_user = root in self._authorities.clients
        is_proxy = root in self._authorities.front_proxies
        return Peer(
            address,
            self._user(certificate) if is_user else None,
            _common_name(certificate) if is_proxy else None,
        )

    def _root(self) -> bytes:
        """The authority that the peer's certificate was traced to; b"" where that is forgotten, as
        it is where a session is taken up again."""
        tls: Any = self._tls
        if hasattr(tls, "get_verified_chain"):  # from Python 3.13 on
            chain = tls.get_verified_chain() or [b""]
            return bytes(chain[-1])
        verified = tls._sslobj.get_verified_chain()
        return ssl.PEM_cert_to_DER_cert(verified[-1].public_bytes()) if verified else b""

    def _user(self, certificate: dict[str, Any] | None) -> User | None:
        found = verified_user(certificate or None)
        if found is None:
            return None
        fingerprint = sha256(self._tls.getpeercert(binary_form=True) or b"").hexdigest()
        return User(found.name, found.groups, extra={CREDENTIAL: (f"X509SHA256={fingerprint}",)})

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next decrypted bytes, b"" at the end. Raises `trio.BrokenResourceError`."""
        if not self._incoming.pending and not self._tls.pending():
            await self._fill()
        while True:
            try:
                return self._tls.read(max_bytes or READ_BYTES)
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def send_all(self, data: Piece) -> None:
        """Encrypt and send everything. Raises `trio.BrokenResourceError`."""
        if not data:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(str(error)) from error
        await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        """See `trio.abc.SendStream`."""
        await self.transport.wait_send_all_might_not_block()

    def readable(self) -> bool:
        """See `SocketTransport.readable`."""
        return self._tls.pending() > 0 or self._incoming.pending > 0 or self.transport.readable()

    def say_goodbye(self) -> None:
        """Send `close_notify` if the kernel takes it now."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it wants the peer's goodbye as well, or the handshake was never done
        self._flush_now()

    def close(self) -> None:
        """Close at once, after a goodbye if the kernel takes it."""
        self.say_goodbye()
        self.transport.close()

    async def aclose(self) -> None:
        """Close, with a checkpoint."""
        self.say_goodbye()
        await self.transport.aclose()

    async def _fill(self) -> None:
        data = await self.transport.receive_some(READ_BYTES)
        if not data:
            self._incoming.write_eof()
            return
        if not self._begun:
            self._begun = True
            if self._server_side and data[0] != _HANDSHAKE_RECORD and data[:1].isupper():
                raise SpokePlainHttp
        self._incoming.write(data)

    async def _flush(self) -> None:
        # One after the other, since the order of records matters: a task that receives may have
        # to send as well (new keys). The lock is mostly free, then nobody is switched.
        try:
            self._flushing.acquire_nowait()
        except trio.WouldBlock:
            await self._flushing.acquire()
        try:
            data = self._outgoing.read()
            if data:
                await self.transport.send_all(data)
        finally:
            self._flushing.release()

    def _flush_now(self) -> None:
        if self._flushing.locked():
            return  # in the middle of somebody's record
        data = self._outgoing.read()
        try:
            if data:
                self.transport.send_now(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a goodbye needs no listener


class TlsListener(Listener[TlsStream]):
    """Accepts connections that are to speak TLS; the handshake is left to whoever serves them."""

    def __init__(
        self,
        listener: trio.SocketListener,
        context: ssl.SSLContext,
        authorities: Authorities | None = None,
    ) -> None:
        self.listener: Final = listener
        self._context = context
        self._authorities = authorities

    async def accept(self) -> TlsStream:
        """The next connection, before its handshake."""
        stream = await self.listener.accept()
        return TlsStream(
            SocketTransport(stream), self._context, server_side=True, authorities=self._authorities
        )

    async def aclose(self) -> None:
        """Stop listening."""
        await self.listener.aclose()


def verified_user(certificate: dict[str, Any] | None) -> User | None:
    """Who a verified client certificate says its holder is, or None without a common name.

    Upstream's `CommonNameUserConversion`: the common name is the user, each organization a group.
    """
    if certificate is None:
        return None
    name = _common_name(certificate)
    if not name:
        return None
    return User(name, tuple(_parts(certificate, "organizationName")))


def _common_name(certificate: dict[str, Any]) -> str:
    return next(reversed(_parts(certificate, "commonName")), "")


def _parts(certificate: dict[str, Any], wanted: str) -> list[str]:
    """What the subject says under a name."""
    subject = [pair for parts in certificate.get("subject", ()) for pair in parts]
    return [value for key, value in subject if key == wanted]
