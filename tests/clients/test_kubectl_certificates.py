"""A user gets a certificate: asked for, approved and signed, it lets them in."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.clients.cluster import Kubectl, RunningCluster, eventually

CLIENTS = "kubernetes.io/kube-apiserver-client"


def request(key: ec.EllipticCurvePrivateKey, name: str, *groups: str) -> str:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return base64.b64encode(pem).decode()


def asked(name: str, text: str, signer: str = CLIENTS, *usages: str) -> str:
    spec = {"request": text, "signerName": signer, "usages": list(usages or ["client auth"])}
    return json.dumps(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {**spec, "expirationSeconds": 3600},
        }
    )


def test_an_approved_request_is_signed_and_lets_its_user_in(
    cluster: RunningCluster, kubectl: Kubectl, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    kubectl("create", "-f", "-", given=asked("jane", request(key, "jane", "dev")))
    found = kubectl("get", "csr", "jane", "-o", "json").json
    assert found["spec"]["username"] == "kubernetes-admin"
    assert kubectl("get", "csr", "jane").rows[1][-1] == "Pending"
    kubectl("certificate", "approve", "jane")
    signed = eventually(
        lambda: kubectl("get", "csr", "jane", "-o", "jsonpath={.status.certificate}").out
    )
    assert kubectl("get", "csr", "jane").rows[1][-1] == "Approved,Issued"
    (tmp_path / "crt").write_bytes(base64.b64decode(signed))
    (tmp_path / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    own = (
        *("--server", cluster.url, "--kubeconfig=/dev/null", "--insecure-skip-tls-verify"),
        f"--client-certificate={tmp_path / 'crt'}",
        f"--client-key={tmp_path / 'key'}",
    )
    who = kubectl("auth", "whoami", "-o", "json", *own).json["status"]["userInfo"]
    assert (who["username"], who["groups"]) == ("jane", ["dev", "system:authenticated"])
    shown = x509.load_pem_x509_certificate((tmp_path / "crt").read_bytes())
    fingerprint = f"X509SHA256={shown.fingerprint(hashes.SHA256()).hex()}"
    assert who["extra"] == {"authentication.kubernetes.io/credential-id": [fingerprint]}
    assert "Forbidden" in kubectl.refused("get", "nodes", *own)
    kubectl("delete", "csr", "jane")


@pytest.mark.parametrize(
    ("signer", "usages", "why"),
    [
        (CLIENTS, ["server auth"], "invalid usage for client certificate: server auth"),
        (f"{CLIENTS}-kubelet", ["client auth"], "subject organization is not system:nodes"),
    ],
)
def test_what_does_not_suit_its_signer_fails(
    kubectl: Kubectl, signer: str, usages: list[str], why: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    kubectl("create", "-f", "-", given=asked("odd", request(key, "odd"), signer, *usages))
    kubectl("certificate", "approve", "odd")
    path = "jsonpath={.status.conditions[?(@.type=='Failed')].message}"
    assert why in eventually(lambda: kubectl("get", "csr", "odd", "-o", path).out)
    kubectl("delete", "csr", "odd")


def test_nobody_becomes_a_master_this_way(kubectl: Kubectl) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    text = asked("root", request(key, "root", "system:masters"))
    assert (
        "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
        in kubectl.refused("create", "-f", "-", given=text)
    )


def test_a_denied_request_is_not_signed(kubectl: Kubectl) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    kubectl("create", "-f", "-", given=asked("no", request(key, "no")))
    kubectl("certificate", "deny", "no")
    assert kubectl("get", "csr", "no").rows[1][-1] == "Denied"
    kubectl("delete", "csr", "no")
