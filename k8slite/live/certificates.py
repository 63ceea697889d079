"""The cluster's own certificate authority, and the certificates that it signs.

Kept in the data directory, so that a kubeconfig outlives a restart. Keys are of the curve P-256:
they are made in a millisecond, an RSA key would take most of the start.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from k8slite.live.data_directory import replace_file

FRONT_PROXY_NAME: Final = "front-proxy-client"  # as kubeadm calls it

# Names of files.
_CA: Final = "ca"
_FRONT_PROXY_CA: Final = "front-proxy-ca"
_FRONT_PROXY: Final = "front-proxy-client"
_CA_DAYS: Final = 3650  # as kubeadm's
_LEAF_DAYS: Final = 365
_RENEW_DAYS: Final = 30  # a certificate with less to live is made anew at the start
# A little in the past, for clients whose clock is behind.
_BACKDATED: Final = timedelta(minutes=5)
_TRANSPORT: Final = frozenset(("digital signature", "key encipherment"))
_PURPOSES: Final = {
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
}
_SERVER_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@frozen
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@frozen
class Authority:
    """The CA, in a directory of its own.

    Without `durable`, what is made need not survive a crash of the machine, and nobody waits for
    the disk: 11 files would be a third of the start of a cluster that is gone in a second.
    """

    path: Path
    durable: bool = True

    @property
    def bundle(self) -> str:
        """The CA's certificate in PEM."""
        return (self.path / "ca.crt").read_text()

    @property
    def admin(self) -> Pair:
        """The administrator's client certificate: user kubernetes-admin, group system:masters."""
        return self._pair("admin")

    @property
    def front_proxy(self) -> Pair:
        """What the API server shows to extension API servers; of an authority of its own."""
        return self._pair(_FRONT_PROXY)

    @property
    def front_proxy_bundle(self) -> str:
        """The certificate in PEM of the authority that `front_proxy` is of."""
        return (self.path / f"{_FRONT_PROXY_CA}.crt").read_text()

    def prepare(
        self, addresses: Sequence[str], names: Sequence[str] = (), *, admin: bool = True
    ) -> None:
        """Make what is missing or about to expire; `addresses` and `names` lead to the server.

        Without `admin` there is no certificate for the administrator, who then has a token.
        Raises OSError when the directory cannot be written, ValueError when the CA's files or the
        tokens' key cannot be read; these are never replaced.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for ca, name in ((_CA, "k8slite-ca"), (_FRONT_PROXY_CA, _FRONT_PROXY_CA)):
            if not (self.path / f"{ca}.crt").exists():
                self._make_ca(ca, name)
        if not (self.path / "sa.key").exists():
            self._keep(self.path / "sa.key", _key_in_pem(ec.generate_private_key(ec.SECP256R1())))
        ips = dict.fromkeys((*addresses, "127.0.0.1", "::1", "10.96.0.1"))
        alternatives: list[x509.GeneralName] = [
            *(x509.DNSName(name) for name in dict.fromkeys((*_SERVER_NAMES, *names))),
            *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips),
        ]
        issuer = _read_certificate(self.path / "ca.crt")
        if not self._good("apiserver", issuer, alternatives):
            self._sign("apiserver", issuer, _name("kube-apiserver"), alternatives)
        if admin and not self._good("admin", issuer, []):
            self._sign("admin", issuer, _name("kubernetes-admin", "system:masters"), [])
        front = _read_certificate(self.path / f"{_FRONT_PROXY_CA}.crt")
        if not self._good(_FRONT_PROXY, front, []):
            self._sign(_FRONT_PROXY, front, _name(FRONT_PROXY_NAME), [], ca=_FRONT_PROXY_CA)

    def server_context(self) -> ssl.SSLContext:
        """TLS for the API server; clients may show a certificate of this CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        pair = self._pair("apiserver")
        context.load_cert_chain(pair.certificate, pair.key)
        context.load_verify_locations(self.path / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client_context(self) -> ssl.SSLContext:
        """TLS for the administrator."""
        context = ssl.create_default_context(cafile=str(self.path / "ca.crt"))
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        return context

    def token_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs service account tokens."""
        return _read_key(self.path / "sa.key")

    def sign(
        self, request: x509.CertificateSigningRequest, usages: Iterable[str], seconds: float
    ) -> bytes:
        """A certificate in PEM for a request that was approved; never good for longer than the CA.

        Upstream: `pkg/controller/certificates/authority`.
        """
        issuer = _read_certificate(self.path / "ca.crt")
        issuer_key = _read_key(self.path / "ca.key")
        now = datetime.now(UTC)
        until = min(now + timedelta(seconds=seconds), issuer.not_valid_after_utc)
        wanted = set(usages)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if wanted & _TRANSPORT:
            builder = builder.add_extension(_key_usage(wanted), critical=True)
        purposes = [oid for name, oid in _PURPOSES.items() if name in wanted]
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        try:
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            pass
        else:
            builder = builder.add_extension(names.value, critical=False)
        signed = builder.sign(issuer_key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def _pair(self, name: str) -> Pair:
        return Pair(self.path / f"{name}.crt", self.path / f"{name}.key")

    def _keep(self, path: Path, data: bytes) -> None:
        replace_file(path, data, durable=self.durable)

    def _make_ca(self, ca: str, common_name: str) -> None:
        """A certificate for a CA's key; the key is made too, unless there is one."""
        pair = self._pair(ca)
        if pair.key.exists():
            key = _read_key(pair.key)
        else:
            key = ec.generate_private_key(ec.SECP256R1())
            self._keep(pair.key, _key_in_pem(key))
        name = _name(common_name)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(name, name, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self._keep(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self,
        file_name: str,
        issuer: x509.Certificate,
        subject: x509.Name,
        alternatives: Sequence[x509.GeneralName],
        *,
        ca: str = _CA,
    ) -> None:
        issuer_key = _read_key(self.path / f"{ca}.key")
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = (
            ExtendedKeyUsageOID.SERVER_AUTH if alternatives else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        builder = (
            _builder(subject, issuer.subject, key.public_key(), _LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        certificate = builder.sign(issuer_key, hashes.SHA256())
        pair = self._pair(file_name)
        self._keep(pair.key, _key_in_pem(key))
        self._keep(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))

    def _good(
        self, file_name: str, issuer: x509.Certificate, alternatives: Sequence[x509.GeneralName]
    ) -> bool:
        """Whether a pair can be used as it is; a crash may have left one half of it."""
        pair = self._pair(file_name)
        try:
            certificate = _read_certificate(pair.certificate)
            key = _read_key(pair.key)
            certificate.verify_directly_issued_by(issuer)
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
            return False
        left = certificate.not_valid_after_utc - datetime.now(UTC)
        if left < timedelta(days=_RENEW_DAYS) or certificate.public_key() != key.public_key():
            return False
        if not alternatives:
            return True
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        present = list(known)
        return all(one in present for one in alternatives)


def _key_usage(wanted: Collection[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital signature" in wanted,
        key_encipherment="key encipherment" in wanted,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _key_in_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not a private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} does not hold a key of an elliptic curve")
    return key


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise ValueError(f"{path} is not a certificate in PEM") from None
