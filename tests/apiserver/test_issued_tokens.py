"""Tokens of other issuers: recognized by their keys, mapped by expressions, refused for cause."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.authenticator import BadToken
from k8slite.apiserver.authentication.configuration import read_configuration
from k8slite.apiserver.authentication.issued_tokens import IssuedTokens
from k8slite.apiserver.authentication.json_web_keys import (
    ALGORITHMS,
    Unreadable,
    Unsigned,
    read_keys,
    read_token,
)
from k8slite.messages import Peer, Request
from k8slite.sim.world import EPOCH, SimulatedWorld
from tests.apiserver.issuer import URL, Issuer, encoded, key_set, signed
from tests.apiserver.oracle_server import Json, Server, running

API = ("https://kubernetes.default.svc.cluster.local",)
WORLD = SimulatedWorld(1)
NOW = int(EPOCH.timestamp())
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def configuration(**jwt: Any) -> Json:
    mappings = {"username": {"claim": "sub", "prefix": "oidc:"}}
    one = {
        "issuer": {"url": URL, "audiences": ["me"]},
        "claimMappings": mappings,
        **jwt,
    }
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [one],
    }


def claims(**others: Any) -> Json:
    return {"iss": URL, "aud": "me", "sub": "jane", "exp": NOW + 100_000, **others}


def tokens(issuer: Issuer, /, **jwt: Any) -> IssuedTokens:
    found = IssuedTokens(issuer, WORLD)
    found.configure(read_configuration(configuration(**jwt)))
    return found


async def whose(sort: IssuedTokens, token: str) -> Any:
    await sort.ask(token, API)
    found = sort.recognize(token, API)
    return found.user if found is not None else None


async def refused(sort: IssuedTokens, token: str) -> str:
    with pytest.raises(BadToken) as caught:
        await whose(sort, token)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm(algorithm: str) -> None:
    name = "rsa" if algorithm[0] != "E" else algorithm
    token = read_token(signed(claims(), algorithm))
    token.verify(read_keys(key_set(name)), tuple(ALGORITHMS))
    read_token(signed(claims(), algorithm, name="")).verify(
        read_keys(key_set("rsa", "ES256", "ES384", "ES512")), tuple(ALGORITHMS)
    )
    others = [one for one in ("rsa", "ES256", "ES384", "ES512") if one != name]
    renamed = {"keys": [{**one, "kid": name} for one in key_set(*others)["keys"]]}
    with pytest.raises(Unsigned):
        token.verify(read_keys(renamed), tuple(ALGORITHMS))
    with pytest.raises(Unsigned, match="unsupported algorithm"):
        token.verify(read_keys(key_set(name)), ("XX256",))
    with pytest.raises(Unsigned):
        evolve(token, signed=token.signed + b"x").verify(read_keys(key_set(name)), ALGORITHMS)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "", None, 5])
def test_algorithms_that_prove_nothing(algorithm: Any) -> None:
    parts = signed(claims()).split(".")
    header = encoded(json.dumps({"alg": algorithm}).encode())
    for signature in ("", parts[2]):
        token = read_token(f"{header}.{parts[1]}.{signature}")
        with pytest.raises(Unsigned, match="unsupported algorithm"):
            token.verify(read_keys(key_set("ES256", "rsa")), tuple(ALGORITHMS))


def test_what_must_be_understood_and_is_not() -> None:
    with pytest.raises(Unreadable):
        read_token(signed(claims(), crit=["b64"]))


@given(st.text(alphabet="ab.=_-{}\u00e9", max_size=40))
def test_anything_can_be_shown(text: str) -> None:
    try:
        read_token(text)
    except Unreadable:
        pass


@given(
    st.dictionaries(
        st.sampled_from(["kty", "n", "e", "x", "y", "crv", "kid"]), st.text() | st.none()
    )
)
def test_keys_of_no_use_are_passed_over(key: Any) -> None:
    assert read_keys({"keys": [key, {**key, "kty": "RSA"}, {**key, "kty": "EC"}, 5]}) == ()


async def test_keys_are_asked_for_when_they_are_needed(autojump_clock: object) -> None:
    issuer = Issuer(refuses=True)
    sort = tokens(issuer)
    assert await whose(sort, "abc.def.ghi") is None
    assert await whose(sort, signed(claims(iss="https://other.e.com"))) is None
    assert issuer.asked == [], "nobody else's token has anybody asked"
    token = signed(claims())
    assert await refused(sort, token) == "oidc: authenticator not initialized"
    issuer.refuses = False
    assert await refused(sort, token) == "oidc: authenticator not initialized"
    assert len(issuer.asked) == 1, "not more often than every ten seconds"
    await trio.sleep(10)
    assert (await whose(sort, token)).name == "oidc:jane"
    assert (await whose(sort, token)).name == "oidc:jane"
    assert len(issuer.asked) == 3
    issuer.keys = key_set("ES384")
    assert (await whose(sort, token)).name == "oidc:jane", "it was verified by a key that was good"
    await trio.sleep(1)
    assert (await whose(sort, signed(claims(), "ES384"))).name == "oidc:jane"
    assert "failed to verify signature" in await refused(sort, token)
    before = len(issuer.asked)
    for number in range(5):
        await refused(sort, signed(claims(jti=str(number))))
    assert len(issuer.asked) == before, "forged tokens do not have it asked again and again"


async def test_an_issuer_of_another_name(autojump_clock: object) -> None:
    sort = tokens(Issuer(name="https://else.e.com"))
    assert await refused(sort, signed(claims())) == "oidc: authenticator not initialized"


async def test_elsewhere_described_and_by_its_own_authority(autojump_clock: object) -> None:
    issuer = Issuer()
    where = "https://inside.example.com:8443/.well-known/openid-configuration"
    said = {"url": URL, "discoveryURL": where, "audiences": ["me"]}
    sort = tokens(issuer, issuer=said)
    assert (await whose(sort, signed(claims()))).name == "oidc:jane"
    assert [one.url for one in issuer.endpoints] == [
        "https://inside.example.com:8443",
        "https://issuer.example.com:443",
    ]


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"aud": "you"}, 'oidc: verify token: oidc: expected audience "me" got ["you"]'),
        ({"aud": None}, 'oidc: verify token: oidc: expected audience "me" got []'),
        ({"exp": 1}, "token is expired (Token Expiry: 1970-01-01 00:00:01 +0000 UTC)"),
        ({"exp": None}, "token is expired"),
        ({"exp": "soon"}, "a time is no number"),
        ({"exp": 10**300}, "a time is out of range"),
        ({"nbf": NOW + 1000}, "before the nbf (not before) time"),
        ({"sub": None}, "oidc: the username must not be empty"),
        ({"sub": 5}, 'oidc: parse username claims "sub": json: cannot unmarshal number into Go'),
    ],
)
async def test_tokens_that_are_not_good(autojump_clock: object, others: Json, told: str) -> None:
    assert told in await refused(tokens(Issuer()), signed(claims(**others)))


async def test_one_of_several_audiences(autojump_clock: object) -> None:
    said = {"url": URL, "audiences": ["me", "too"], "audienceMatchPolicy": "MatchAny"}
    sort = tokens(Issuer(), issuer=said)
    assert (await whose(sort, signed(claims(aud=["you", "too"])))).name == "oidc:jane"
    told = 'oidc: verify token: oidc: expected audience in ["me" "too"] got ["you"]'
    assert await refused(sort, signed(claims(aud="you"))) == told


MAPPINGS: Json = {
    "username": {"expression": "'ext:' + claims.sub"},
    "groups": {"expression": "claims.roles.split(',')"},
    "uid": {"claim": "uid"},
    "extra": [
        {"key": "e.com/tenant", "valueExpression": "claims.?tenant.orValue('')"},
        {"key": "e.com/all", "valueExpression": "claims.list"},
    ],
}


async def test_expressions_say_who_it_is(autojump_clock: object) -> None:
    sort = tokens(
        Issuer(),
        claimMappings=MAPPINGS,
        claimValidationRules=[
            {"claim": "hd", "requiredValue": "e.com"},
            {"expression": "claims.exp - claims.iat <= 200000", "message": "too long a life"},
        ],
        userValidationRules=[
            {"expression": "!user.username.startsWith('ext:system:')", "message": "reserved"},
            {"expression": "user.groups.all(g, g != 'root')", "message": "no root"},
        ],
    )
    said = claims(roles="a,b", uid="7", list=["x", "", "y"], hd="e.com", iat=NOW, jti="j")
    user = await whose(sort, signed(said))
    assert (user.name, user.groups, user.uid) == ("ext:jane", ("a", "b"), "7")
    assert user.extra == {
        "e.com/all": ("x", "y"),
        "authentication.kubernetes.io/credential-id": ("JTI=j",),
    }
    for others, told in [
        ({"hd": "f.com"}, "required claim hd value does not match. Got = f.com, want = e.com"),
        ({"iat": 0}, "validation expression 'claims.exp - claims.iat <= 200000' failed: too long"),
        ({"sub": "system:x"}, "failed: reserved"),
        ({"roles": "root"}, "failed: no root"),
        ({"roles": 5}, "oidc: error evaluating group claim expression"),
        ({"list": [1]}, "expression must return a string or a list of strings"),
        ({"uid": {}}, 'oidc: parse uid claim "uid": json: cannot unmarshal object into Go value'),
    ]:
        assert told in await refused(sort, signed({**said, **others}))
    said.pop("hd")
    assert "required claim hd not present" in await refused(sort, signed(said))


async def test_emails_count_when_they_are_verified(autojump_clock: object) -> None:
    mappings = {
        "username": {"claim": "email", "prefix": ""},
        "groups": {"claim": "role", "prefix": "r:"},
    }
    sort = tokens(Issuer(), claimMappings=mappings)
    user = await whose(sort, signed(claims(email="j@e.com", role="dev")))
    assert (user.name, user.groups) == ("j@e.com", ("r:dev",))
    user = await whose(sort, signed(claims(email="j@e.com", role=["dev", "ops"])))
    assert user.groups == ("r:dev", "r:ops")
    told = await refused(sort, signed(claims(email="j@e.com", email_verified=False)))
    assert told == "oidc: email not verified"
    assert "cannot unmarshal array" in await refused(
        sort, signed(claims(email="j@e.com", role=[["dev"]]))
    )


def outside(path: str, **headers: str) -> Request:
    body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    method = "POST" if path == SELF else "GET"
    headers = {"content-type": "application/json", **headers}
    return Request(method, path, (), headers, body, Peer("192.0.2.1:1"))


async def status(server: Server, request: Request) -> int:
    return (await server.cluster.handler(request)).status


async def test_a_cluster_believes_the_issuer(autojump_clock: object) -> None:
    issuer = Issuer()
    sort = tokens(issuer)
    sort.anonymous = Anonymous(paths=("/readyz",))
    async with running(controllers=False, remote_tokens=sort) as server:
        token = signed(claims())
        response = await server.cluster.handler(outside(SELF, authorization=f"Bearer {token}"))
        assert isinstance(response.body, bytes)
        info = json.loads(response.body)["status"]["userInfo"]
        assert info["username"] == "oidc:jane"
        assert info["groups"] == ["system:authenticated"]
        spec: Json = {"token": token}
        answer = await server.ask("POST", REVIEWS, {"spec": spec})
        assert answer.json["status"]["user"]["username"] == "oidc:jane"
        other = {"spec": {"token": signed(claims(aud="you"))}}
        found = (await server.ask("POST", REVIEWS, other)).json["status"]
        assert found["error"].startswith("[invalid bearer token, oidc: verify token: ")
        assert await status(server, outside("/api", authorization="Bearer x.y.z")) == 401
        assert await status(server, outside("/readyz")) == 200
        assert await status(server, outside("/livez")) == 401
        sort.configure(
            read_configuration({**configuration(), "jwt": [], "anonymous": {"enabled": True}})
        )
        assert await status(server, outside("/api", authorization=f"Bearer {token}")) == 401
        assert await status(server, outside("/livez")) == 200
