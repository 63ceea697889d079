"""Tokens of service accounts and of bootstrapping nodes: who they stand for, and for how long."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
import trio

from tests.apiserver.oracle_server import Answer, Server, running

Json = dict[str, Any]
DEFAULT = "/api/v1/namespaces/default"
SECRETS = f"{DEFAULT}/secrets"
TOKEN = f"{DEFAULT}/serviceaccounts/robot/token"
SYSTEM = "/api/v1/namespaces/kube-system/secrets"
AUTH = "/apis/authentication.k8s.io/v1"
API = "https://kubernetes.default.svc.cluster.local"
ROBOT = "system:serviceaccount:default:robot"
EXTRA = "authentication.kubernetes.io/"


async def prepared(server: Server) -> None:
    await server.create("/api/v1/nodes", {"metadata": {"name": "a"}})
    for name in ("robot", "other"):
        await server.create(f"{DEFAULT}/serviceaccounts", {"metadata": {"name": name}})
    spec = {
        "serviceAccountName": "robot",
        "nodeName": "a",
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "x"}],
    }
    await server.create(f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": spec})
    await server.create(SECRETS, {"metadata": {"name": "s"}})


async def token(server: Server, **spec: Any) -> str:
    answer = await server.create(TOKEN, {"spec": {"audiences": [], **spec}})
    return str(answer["status"]["token"])


async def review(server: Server, text: str, *audiences: str) -> Json:
    spec: Json = {"token": text}
    if audiences:
        spec["audiences"] = list(audiences)
    answer = await server.create(f"{AUTH}/tokenreviews", {"spec": spec})
    status: Json = answer["status"]
    return status


async def who(server: Server, text: str) -> Answer:
    return await server.ask("POST", f"{AUTH}/selfsubjectreviews", {}, token=text)


def claims(text: str) -> Json:
    found: Json = json.loads(url_decoded(text.split(".")[1]))
    return found


def url_decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pod_reference(name: str = "p", kind: str = "Pod", **more: str) -> Json:
    return {"apiVersion": "v1", "kind": kind, "name": name, **more}


async def test_a_pods_token_says_where_it_runs(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        text = await token(server, boundObjectRef=pod_reference())
        said = claims(text)["kubernetes.io"]
        assert said["pod"]["name"] == "p" and said["node"]["name"] == "a"
        info = (await who(server, text)).json["status"]["userInfo"]
        assert info["username"] == ROBOT
        assert info["groups"] == [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        ]
        extra = info["extra"]
        assert extra[f"{EXTRA}pod-name"] == ["p"] and extra[f"{EXTRA}node-name"] == ["a"]
        assert extra[f"{EXTRA}node-uid"] == [said["node"]["uid"]]
        assert extra[f"{EXTRA}credential-id"] == [f"JTI={claims(text)['jti']}"]


@pytest.mark.parametrize(
    ("reference", "path", "why"),
    [
        (pod_reference(), f"{DEFAULT}/pods/p", "service account token has been invalidated"),
        (
            pod_reference("s", "Secret"),
            f"{SECRETS}/s",
            "service account token has been invalidated",
        ),
        (
            pod_reference("a", "Node"),
            "/api/v1/nodes/a",
            "service account token has been invalidated",
        ),
        (None, f"{DEFAULT}/serviceaccounts/robot", 'serviceaccounts "robot" not found'),
    ],
)
async def test_a_token_goes_with_what_it_is_for(
    reference: Json | None, path: str, why: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        text = await token(server, **({"boundObjectRef": reference} if reference else {}))
        assert (await who(server, text)).status == 201
        await server.ask("DELETE", path)
        assert (await who(server, text)).status == 401
        told = await review(server, text)
        assert told == {"user": {}, "error": f"[invalid bearer token, {why}]"}


async def test_another_of_the_same_name_is_not_meant(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        bound = await token(server, boundObjectRef=pod_reference("s", "Secret"))
        await server.ask("DELETE", f"{SECRETS}/s")
        await server.create(SECRETS, {"metadata": {"name": "s"}})
        assert (
            "does not match service account secret ref claim"
            in ((await review(server, bound))["error"])
        )
        plain = await token(server)
        await server.ask("DELETE", f"{DEFAULT}/serviceaccounts/robot")
        await server.create(f"{DEFAULT}/serviceaccounts", {"metadata": {"name": "robot"}})
        assert "does not match claim" in (await review(server, plain))["error"]


async def test_tokens_expire(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        text = await token(server, expirationSeconds=600)
        await trio.sleep(599)
        assert (await who(server, text)).status == 201
        await trio.sleep(2)
        assert (await who(server, text)).status == 401
        told = await review(server, text)
        assert told["error"] == "[invalid bearer token, service account token has expired]"


async def test_a_pods_own_token_is_good_for_longer_than_it_says(autojump_clock: object) -> None:
    """Upstream: --service-account-extend-token-expiration."""
    async with running(controllers=False) as server:
        await prepared(server)
        text = await token(server, expirationSeconds=3607, boundObjectRef=pod_reference())
        said = claims(text)
        assert said["exp"] - said["iat"] == 365 * 24 * 3600
        assert said["kubernetes.io"]["warnafter"] - said["iat"] == 3607
        await trio.sleep(7200)
        assert (await who(server, text)).status == 201
        other = await token(server, expirationSeconds=3607)
        assert claims(other)["exp"] - claims(other)["iat"] == 3607


async def test_audiences(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        vault = await token(server, audiences=["vault", "other"])
        assert (await who(server, vault)).status == 401
        told = await review(server, vault)
        assert told["error"] == (
            '[invalid bearer token, token audiences ["vault" "other"] is invalid for the target '
            f'audiences ["{API}"]]'
        )
        told = await review(server, vault, "x", "vault")
        assert told["authenticated"] is True and told["audiences"] == ["vault"]
        assert told["user"]["username"] == ROBOT
        told = await review(server, await token(server))
        assert told["audiences"] == [API]
        assert (await review(server, "rubbish")) == {"user": {}, "error": "invalid bearer token"}
        refused = await server.ask("POST", f"{AUTH}/tokenreviews", {"spec": {}})
        assert refused.status == 400
        assert refused.json["message"] == "token is required for TokenReview in authentication"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            {"spec": {"expirationSeconds": 599}},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid '
            "value: 599: may not specify a duration less than 10 minutes",
        ),
        (
            {"spec": {"expirationSeconds": 4294967297}},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid '
            "value: 4294967297: may not specify a duration larger than 2^32 seconds",
        ),
        (
            {"metadata": {"name": "x"}, "spec": {}},
            422,
            'TokenRequest.authentication.k8s.io "robot" is invalid: metadata.name: Invalid value: '
            '"x": must match the service account name if specified',
        ),
        (
            {"spec": {"boundObjectRef": pod_reference("none")}},
            404,
            'pods "none" not found',
        ),
        (
            {"spec": {"boundObjectRef": pod_reference(uid="u")}},
            409,
            'Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (u) '
            "does not match the UID in record. The object might have been deleted and then "
            "recreated",
        ),
        (
            {"spec": {"boundObjectRef": pod_reference("p", "ConfigMap")}},
            400,
            "cannot bind token for object of type /v1, Kind=ConfigMap",
        ),
    ],
)
async def test_wrong_requests(
    body: Json, status: int, message: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        answer = await server.ask("POST", TOKEN, body)
        assert (answer.status, answer.json["message"]) == (status, message)


async def test_a_pod_of_another_account(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await prepared(server)
        path = f"{DEFAULT}/serviceaccounts/other/token"
        answer = await server.ask("POST", path, {"spec": {"boundObjectRef": pod_reference()}})
        assert answer.status == 400
        assert answer.json["message"] == (
            'cannot bind token for serviceaccount "other" to pod running with different '
            "serviceaccount name."
        )


def token_secret(name: str, account: str = "robot") -> Json:
    annotations = {"kubernetes.io/service-account.name": account}
    metadata = {"name": name, "annotations": annotations}
    return {"metadata": metadata, "type": "kubernetes.io/service-account-token"}


async def test_a_secret_gets_its_accounts_token_and_goes_with_it(autojump_clock: object) -> None:
    async with running(ca_bundle="PEM") as server:
        accounts = f"{DEFAULT}/serviceaccounts"
        account = {"metadata": {"name": "robot"}, "secrets": [{"name": "long"}, {"name": "x"}]}
        made = await server.create(accounts, account)
        await server.create(SECRETS, token_secret("long"))
        await server.create(SECRETS, token_secret("again"))
        await server.create(SECRETS, token_secret("nobodys", "none"))
        await trio.sleep(5)
        secret = await server.get(f"{SECRETS}/long")
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        assert data["ca.crt"] == "PEM" and data["namespace"] == "default"
        uid = secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"]
        assert uid == made["metadata"]["uid"]
        assert (await server.ask("GET", f"{SECRETS}/nobodys")).status == 404
        info = (await who(server, data["token"])).json["status"]["userInfo"]
        assert info["username"] == ROBOT and info["uid"] == uid
        assert (await review(server, data["token"]))["audiences"] == [API]
        # Without its Secret it is nothing, and the account no longer names that.
        await server.ask("DELETE", f"{SECRETS}/long")
        assert (await who(server, data["token"])).status == 401
        await trio.sleep(5)
        assert (await server.get(f"{accounts}/robot"))["secrets"] == [{"name": "x"}]
        await server.ask("DELETE", f"{accounts}/robot")
        await trio.sleep(5)
        assert (await server.ask("GET", f"{SECRETS}/again")).status == 404


def bootstrap_secret(identity: str = "abcdef", **data: str) -> Json:
    given = {
        "token-id": identity,
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        **{key.replace("_", "-"): value for key, value in data.items()},
    }
    metadata = {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"}
    return {"metadata": metadata, "type": "bootstrap.kubernetes.io/token", "stringData": given}


@pytest.mark.parametrize(
    ("data", "groups"),
    [
        ({}, ["system:bootstrappers"]),
        (
            {"auth_extra_groups": "system:bootstrappers:worker,system:bootstrappers:x"},
            ["system:bootstrappers", "system:bootstrappers:worker", "system:bootstrappers:x"],
        ),
        ({"expiration": "2999-01-01T00:00:00Z"}, ["system:bootstrappers"]),
        ({"auth_extra_groups": "system:masters"}, None),
        ({"expiration": "2001-01-01T00:00:00Z"}, None),
        ({"expiration": "tomorrow"}, None),
        ({"usage_bootstrap_authentication": "false"}, None),
        ({"token_id": "fedcba"}, None),
        ({"token_secret": "0123456789abcdee"}, None),
    ],
)
async def test_bootstrap_tokens(
    data: dict[str, str], groups: list[str] | None, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await server.create(SYSTEM, bootstrap_secret(**data))
        answer = await who(server, "abcdef.0123456789abcdef")
        if groups is None:
            assert answer.status == 401
            return
        info = answer.json["status"]["userInfo"]
        assert info["username"] == "system:bootstrap:abcdef"
        assert info["groups"] == [*groups, "system:authenticated"]


async def test_who_bootstraps_may_ask_for_certificates(autojump_clock: object) -> None:
    """As kubeadm binds them."""
    async with running(controllers=False) as server:
        await server.create(SYSTEM, bootstrap_secret())
        path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
        text = "abcdef.0123456789abcdef"
        assert (await server.ask("GET", path, token=text)).status == 403
        rbac = "rbac.authorization.k8s.io"
        bound = {
            "metadata": {"name": "kubeadm:kubelet-bootstrap"},
            "roleRef": {
                "apiGroup": rbac,
                "kind": "ClusterRole",
                "name": "system:node-bootstrapper",
            },
            "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "system:bootstrappers"}],
        }
        await server.create(f"/apis/{rbac}/v1/clusterrolebindings", bound)
        assert (await server.ask("GET", path, token=text)).status == 200


async def test_expired_bootstrap_tokens_are_deleted_and_sign_no_more(
    autojump_clock: object,
) -> None:
    async with running() as server:
        now = server.cluster.world.now()
        ends = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        signs = {"usage_bootstrap_signing": "true"}
        await server.create(SYSTEM, bootstrap_secret("aaaaaa", **signs))
        await server.create(
            SYSTEM, bootstrap_secret("bbbbbb", **signs, expiration="2999-01-01T00:00:00Z")
        )
        await server.create(SYSTEM, bootstrap_secret("cccccc"))
        await server.create(SYSTEM, bootstrap_secret("dddddd", expiration=ends))
        public = "/api/v1/namespaces/kube-public/configmaps"
        info = {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": "kind: Config\n"}}
        await server.create(public, info)
        await trio.sleep(5)
        assert (await server.ask("GET", f"{SYSTEM}/bootstrap-token-dddddd")).status == 404
        data = (await server.get(f"{public}/cluster-info"))["data"]
        assert sorted(data) == ["jws-kubeconfig-aaaaaa", "jws-kubeconfig-bbbbbb", "kubeconfig"]
        header, nothing, signature = data["jws-kubeconfig-aaaaaa"].split(".")
        assert json.loads(url_decoded(header)) == {"alg": "HS256", "kid": "aaaaaa"}
        assert nothing == ""
        # What whoever knows the token puts together again (RFC 7515, appendix F).
        content = base64.urlsafe_b64encode(b"kind: Config\n").decode().rstrip("=")
        signed = hmac.digest(b"0123456789abcdef", f"{header}.{content}".encode(), "sha256")
        assert url_decoded(signature) == signed
        await server.ask("DELETE", f"{SYSTEM}/bootstrap-token-bbbbbb")
        await trio.sleep(5)
        data = (await server.get(f"{public}/cluster-info"))["data"]
        assert sorted(data) == ["jws-kubeconfig-aaaaaa", "kubeconfig"]
