"""Front proxies say for whom they ask, and nobody else can."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from k8slite.apiserver.authentication.authenticator import ANONYMOUS, Authenticator, StaticTokens
from k8slite.apiserver.authentication.front_proxy import FrontProxy
from k8slite.controllers.identity.authentication_trust import Trust
from k8slite.messages import Peer, Request, User
from k8slite.objects.errors import Unauthorized
from tests.apiserver.extension import FLUNDERS, Extension, register
from tests.apiserver.oracle_server import ADMIN, running

PROXY = FrontProxy(allowed_names=("proxy", "other"))
AUTHENTICATOR = Authenticator((StaticTokens({"t": User("token")}),), PROXY)
NAMED = {"x-remote-user": "jane", "x-remote-group": "dev", "x-remote-uid": "u-1"}


def asked(front_proxy: str | None = "proxy", user: User | None = None, **request: Any) -> Request:
    return Request("GET", "/api", peer=Peer("192.0.2.1:1", user, front_proxy), **request)


def test_the_user_is_who_the_proxy_says() -> None:
    request = asked(
        headers={
            **NAMED,
            "x-remote-group": "dev, a,system:masters",
            "x-remote-extra-scopes": "one, two",
            "x-remote-extra-e.com%2fkey": "v",
        },
        lines={
            "x-remote-group": ("dev", "a,system:masters", ""),
            "x-remote-extra-scopes": ("one", "two"),
        },
    )
    assert AUTHENTICATOR.user(request) == User(
        "jane",
        ("dev", "a,system:masters", "system:authenticated"),
        "u-1",
        {"scopes": ("one", "two"), "e.com/key": ("v",)},
    )


def test_headers_of_other_names() -> None:
    proxy = FrontProxy(
        username_headers=("X-Who", "X-Remote-User"), group_headers=("X-Teams",), uid_headers=()
    )
    request = asked(headers={**NAMED, "x-who": "joe", "x-teams": "ops"})
    assert proxy.user(request) == User("joe", ("ops",))
    assert proxy.user(asked(headers=NAMED)) == User("jane")
    cleared = proxy.cleared(evolve(request, headers={**request.headers, "accept": "a"}))
    assert cleared.headers == {"accept": "a"}
    assert proxy.cleared(cleared) is cleared


@pytest.mark.parametrize("front_proxy", [None, "stranger"])
def test_nobody_else_is_believed(front_proxy: str | None) -> None:
    request = asked(front_proxy, headers=NAMED)
    if front_proxy is None:
        assert AUTHENTICATOR.user(request) == ANONYMOUS
    else:
        with pytest.raises(Unauthorized):
            AUTHENTICATOR.user(request)
    with_token = evolve(request, headers={**NAMED, "authorization": "Bearer t"})
    assert AUTHENTICATOR.user(with_token).name == "token"
    of_clients = asked(front_proxy, User("client"), headers=NAMED)
    assert AUTHENTICATOR.user(of_clients).name == "client"


def test_a_proxy_that_names_nobody_is_nobody() -> None:
    with pytest.raises(Unauthorized):
        AUTHENTICATOR.user(asked(headers={"x-remote-group": "system:masters"}))
    assert AUTHENTICATOR.user(asked(headers={"authorization": "Bearer t"})).name == "token"
    any_name = Authenticator((), FrontProxy())
    assert any_name.user(asked("whoever", headers=NAMED)).name == "jane"


def test_who_is_not_known_to_the_proxy_is_not_authenticated() -> None:
    nobody = {"x-remote-user": "system:anonymous", "x-remote-group": "system:unauthenticated"}
    assert AUTHENTICATOR.user(asked(headers=nobody)) == ANONYMOUS
    assert AUTHENTICATOR.user(asked(headers={"x-remote-user": "system:anonymous"})).groups == ()


async def test_what_others_say_does_not_get_to_extension_servers(autojump_clock: object) -> None:
    extension = Extension()
    believed = FrontProxy(group_headers=("X-Remote-Group", "X-Teams"))
    async with running(webhooks=extension, believed=believed) as server:
        await register(server)
        headers = {"x-teams": "system:masters", "x-remote-group": "system:masters", "x-else": "e"}
        request = Request("GET", FLUNDERS, (), headers, peer=evolve(ADMIN, address="192.0.2.9:1"))
        await server.cluster.handler(request)
        got = extension.asked_by("admin")[-1]
        assert got.headers["x-else"] == "e"
        assert "x-teams" not in got.headers
        groups = [value for key, value in got.repeated if key == "x-remote-group"]
        assert groups == list(ADMIN.user.groups) if ADMIN.user else False


async def test_extension_servers_are_told(autojump_clock: object) -> None:
    trust = Trust("CA", "FRONT", (), ("X-Remote-User", "X-Who"), ("G",), ("E-",), ("U",))
    async with running(front_proxy=trust) as server:
        path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
        assert (await server.get(path))["data"] == {
            "client-ca-file": "CA",
            "requestheader-client-ca-file": "FRONT",
            "requestheader-allowed-names": "[]",
            "requestheader-username-headers": '["X-Remote-User","X-Who"]',
            "requestheader-group-headers": '["G"]',
            "requestheader-extra-headers-prefix": '["E-"]',
            "requestheader-uid-headers": '["U"]',
        }
