"""Whose certificates a server takes, for users and for front proxies, over real TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio

from k8slite.apiserver.authentication.front_proxy import FrontProxy
from k8slite.live.certificates import Authority
from k8slite.live.front_proxies import OURS, FrontProxies
from k8slite.messages import Request, Response
from k8slite.wire import HttpClient, TlsListener, serve


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("ours"), durable=False)
    authority.prepare(["127.0.0.1"])
    return authority


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("theirs"), durable=False)
    authority.prepare(["127.0.0.1"])
    return authority


async def who(request: Request) -> Response:
    user, lines = request.peer.user, request.values("x-group")
    told = (user.name if user else None, request.peer.front_proxy, lines)
    return Response(200, repr(told).encode())


async def asked(
    ours: Authority, proxies: FrontProxies, shown: tuple[Path, Path] | None, **options: int
) -> str:
    """Whom a server takes a client for who shows a certificate, twice."""
    context = ours.server_context()
    authorities = proxies.admit(ours, context)
    client_context = ssl.create_default_context(cafile=str(ours.path / "ca.crt"))
    if "maximum_version" in options:
        client_context.maximum_version = ssl.TLSVersion(options["maximum_version"])
    if shown is not None:
        client_context.load_cert_chain(*shown)
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        listeners = [TlsListener(listener, context, authorities)]
        server = await nursery.start(
            lambda task_status: serve(who, listeners, task_status=task_status)
        )
        found = set()
        for _ in range(2):
            with HttpClient(f"https://127.0.0.1:{port}", client_context) as client:
                repeated = (("x-group", "a,b"), ("x-group", "c"))
                response = await client(Request("GET", "/", repeated=repeated))
                assert isinstance(response.body, bytes)
                found.add(response.body.decode())
        await server.stop(5)
    [told] = found
    return told


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_each_certificate_is_good_for_what_its_authority_is(
    ours: Authority, theirs: Authority, version: ssl.TLSVersion
) -> None:
    both = "('a,b', 'c')"
    options = {"maximum_version": int(version)}
    admin = (ours.admin.certificate, ours.admin.key)
    front = (ours.front_proxy.certificate, ours.front_proxy.key)
    other = (theirs.front_proxy.certificate, theirs.front_proxy.key)
    default = FrontProxies()
    named = FrontProxies(theirs.front_proxy_bundle, FrontProxy())
    told = f"('kubernetes-admin', None, {both})"
    assert await asked(ours, default, admin, **options) == told
    assert await asked(ours, named, admin, **options) == told
    told = f"(None, 'front-proxy-client', {both})"
    assert await asked(ours, default, front, **options) == told
    assert await asked(ours, named, other, **options) == told
    assert await asked(ours, default, None, **options) == f"(None, None, {both})"
    shared = FrontProxies(ours.bundle, FrontProxy(allowed_names=("kubernetes-admin",)))
    told = f"('kubernetes-admin', 'kubernetes-admin', {both})"
    assert await asked(ours, shared, admin, **options) == told


def test_what_extension_servers_are_told(ours: Authority, theirs: Authority) -> None:
    trust = FrontProxies().trust(ours)
    assert (trust.front_proxy_ca, trust.front_proxy_names) == (
        ours.front_proxy_bundle,
        ("front-proxy-client",),
    )
    believed = FrontProxy(("p",), ("x-remote-user", "X-Who"), uid_headers=())
    trust = FrontProxies(theirs.front_proxy_bundle, believed).trust(ours)
    assert trust.front_proxy_ca == ours.front_proxy_bundle + theirs.front_proxy_bundle
    assert trust.front_proxy_names == ("front-proxy-client", "p")
    assert trust.username_headers == ("X-Remote-User", "X-Who")
    assert trust.uid_headers == ("X-Remote-Uid",)
    trust = FrontProxies(theirs.front_proxy_bundle, FrontProxy()).trust(ours)
    assert trust.front_proxy_names == (), "whatever it is called: its certificate may be any"


def test_files_that_are_none(ours: Authority, tmp_path: Path) -> None:
    assert FrontProxies.read("", FrontProxy()).believed == OURS, "our own authority signs for one"
    (tmp_path / "ca").write_text("no")
    with pytest.raises(ValueError, match="unable to load client CA provider"):
        FrontProxies.read(str(tmp_path / "ca"), FrontProxy())
    (tmp_path / "ca").write_text(ours.admin.certificate.read_text())
    with pytest.raises(ValueError, match="no certificate of an authority"):
        FrontProxies.read(str(tmp_path / "ca"), FrontProxy())
    assert FrontProxies.read(str(ours.path / "front-proxy-ca.crt"), FrontProxy()).ca
