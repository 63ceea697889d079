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
from trio.abc import Listener, Stream

from k8slite.messages import User
from k8slite.wire.limits import READ_BYTES
from k8slite.wire.transport import Piece, SocketTransport

# What a user's extra says of the certificate that proves who that is (upstream:
# `authentication/user.CredentialIDKey`).
CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
_HANDSHAKE_RECORD: Final = 0x16  # the first byte of every TLS connection


class SpokePlainHttp(Exception):
    """The peer sent something else than TLS that looks like the start of an HTTP request."""


class TlsStream(Stream):
    """One encrypted connection; owns its transport."""

    def __init__(
        self,
        transport: SocketTransport,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        self.transport: Final = transport
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

    def peer_user(self) -> User | None:
        """Who the peer's verified certificate says that it is, if it has shown one."""
        found = verified_user(self._tls.getpeercert() or None)
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

    def __init__(self, listener: trio.SocketListener, context: ssl.SSLContext) -> None:
        self.listener: Final = listener
        self._context = context

    async def accept(self) -> TlsStream:
        """The next connection, before its handshake."""
        stream = await self.listener.accept()
        return TlsStream(SocketTransport(stream), self._context, server_side=True)

    async def aclose(self) -> None:
        """Stop listening."""
        await self.listener.aclose()


def verified_user(certificate: dict[str, Any] | None) -> User | None:
    """Who a verified client certificate says its holder is, or None without a common name.

    Upstream's `CommonNameUserConversion`: the common name is the user, each organization a group.
    """
    if certificate is None:
        return None
    subject = [pair for parts in certificate.get("subject", ()) for pair in parts]
    names = [value for key, value in subject if key == "commonName"]
    if not names or not names[-1]:
        return None
    groups = tuple(value for key, value in subject if key == "organizationName")
    return User(name=names[-1], groups=groups)
