"""Requests for certificates: who has them approved without being asked, and how long they stay."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
import trio
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from k8slite.messages import Peer, User
from k8slite.sim.world import SimulatedWorld
from tests.apiserver.oracle_server import Server, request, running

Json = dict[str, Any]
PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "rbac.authorization.k8s.io"
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
KEY = ec.generate_private_key(ec.SECP256R1())
NODE = User("system:node:a", ("system:nodes", "system:authenticated"))
JOINER = User("system:bootstrap:abcdef", ("system:bootstrappers", "system:authenticated"))


def subject(name: str, *groups: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    return x509.Name(
        [*parts, *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups)]
    )


def csr(name: str = "system:node:a", group: str = "system:nodes", *others: str) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(name, group))
    if others:
        names = x509.SubjectAlternativeName([x509.DNSName(other) for other in others])
        builder = builder.add_extension(names, critical=False)
    pem = builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return base64.b64encode(pem).decode()


def sign(asked: x509.CertificateSigningRequest, _usages: Iterable[str], seconds: float) -> bytes:
    """A certificate that begins with the simulation's time."""
    start = SimulatedWorld(1).now()
    builder = x509.CertificateBuilder().subject_name(asked.subject).issuer_name(asked.subject)
    builder = builder.public_key(asked.public_key()).serial_number(1).not_valid_before(start)
    builder = builder.not_valid_after(start + timedelta(seconds=seconds))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def asks(text: str, signer: str = KUBELET, **more: Any) -> Json:
    usages = ["digital signature", "client auth"]
    spec = {"request": text, "signerName": signer, "usages": usages, **more}
    return {"metadata": {"name": "r"}, "spec": spec}


async def bind(server: Server, group: str, role: str) -> None:
    bound = {
        "metadata": {"name": role.replace(":", "-")},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
    }
    await server.create(f"/apis/{RBAC}/v1/clusterrolebindings", bound)


async def made(server: Server, user: User, body: Json) -> Json:
    """What becomes of a user's request in a while."""
    answer = await server.cluster.handler(evolve(request("POST", PATH, body), peer=Peer(user=user)))
    assert answer.status == 201, answer.body
    await trio.sleep(30)
    found: Json = await server.get(f"{PATH}/r")
    return found


OWN = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
FIRST = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"


@pytest.mark.parametrize(
    ("user", "group", "role", "body", "message"),
    [
        (
            NODE,
            "system:nodes",
            OWN,
            asks(csr()),
            "Auto approving self kubelet client certificate after SubjectAccessReview.",
        ),
        (NODE, "system:nodes", OWN, asks(csr("system:node:b")), None),
        (
            JOINER,
            "system:bootstrappers",
            FIRST,
            asks(csr()),
            "Auto approving kubelet client certificate after SubjectAccessReview.",
        ),
        (JOINER, "system:bootstrappers", OWN, asks(csr()), None),
        (JOINER, "system:bootstrappers", FIRST, asks(csr("joe")), None),
        (JOINER, "system:bootstrappers", FIRST, asks(csr("system:node:a", "x")), None),
        (
            JOINER,
            "system:bootstrappers",
            FIRST,
            asks(csr("system:node:a", "system:nodes", "d")),
            None,
        ),
        (NODE, "system:nodes", OWN, asks(csr(), "kubernetes.io/kube-apiserver-client"), None),
    ],
)
async def test_kubelets_are_approved_where_roles_allow_it(
    user: User, group: str, role: str, body: Json, message: str | None, autojump_clock: object
) -> None:
    async with running(sign=sign) as server:
        await bind(server, "system:bootstrappers", "system:node-bootstrapper")
        await bind(server, group, role)
        status = (await made(server, user, body)).get("status") or {}
        if message is None:
            assert status == {}
            return
        (condition,) = status["conditions"]
        assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
        assert condition["message"] == message
        assert status["certificate"]


async def test_a_role_that_comes_later_helps_too(autojump_clock: object) -> None:
    async with running(sign=sign) as server:
        assert not (await made(server, NODE, asks(csr()))).get("status")
        await bind(server, "system:nodes", OWN)
        await trio.sleep(30)
        assert (await server.get(f"{PATH}/r"))["status"]["certificate"]


async def condition(server: Server, kind: str) -> None:
    found = await server.get(f"{PATH}/r")
    conditions = [{"type": kind, "status": "True", "reason": "x", "message": "y"}]
    body = {**found, "status": {"conditions": conditions}}
    answer = await server.ask("PUT", f"{PATH}/r/approval", body)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(("kind", "hours"), [("Approved", 1.0), ("Denied", 1.0), ("", 24.0)])
async def test_nobody_needs_them_for_ever(kind: str, hours: float, autojump_clock: object) -> None:
    async with running(sign=sign) as server:
        signer = KUBELET if kind == "Approved" else "example.com/signer"
        await server.create(PATH, asks(csr(), signer))
        if kind == "Denied":
            await condition(server, kind)
        await trio.sleep(hours * 3600 - 60)
        assert (await server.ask("GET", f"{PATH}/r")).status == 200
        await trio.sleep(120)
        assert (await server.ask("GET", f"{PATH}/r")).status == 404


async def test_an_expired_certificate_takes_its_request_along(autojump_clock: object) -> None:
    async with running(sign=sign) as server:
        # An administrator may do all, and so is approved without being asked.
        await server.create(PATH, asks(csr(), expirationSeconds=600))
        await trio.sleep(500)
        assert (await server.ask("GET", f"{PATH}/r")).status == 200
        await trio.sleep(200)
        assert (await server.ask("GET", f"{PATH}/r")).status == 404
