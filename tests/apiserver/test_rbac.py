"""Roles decide: who may do what, who may give rights away, and who may be somebody else."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite.messages import Peer, Request, Response, User
from k8slite.objects.codec import dumps, loads
from tests.apiserver.oracle_server import Server, running

Json = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS = "/api/v1/namespaces/default/pods"
JOE = User("joe", ("dev", "system:authenticated"))
NOBODY = None


async def ask(
    server: Server,
    user: User | None,
    method: str,
    path: str,
    body: Json | None = None,
    **headers: str,
) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["content-type"] = "application/json"
    path, _, rest = path.partition("?")
    query = tuple(tuple(part.split("=")) for part in rest.split("&") if part)
    data = dumps(body) if body is not None else b""
    return await server.cluster.handler(
        Request(method, path, query, named, data, Peer(user=user))  # type: ignore[arg-type]
    )


def message(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return str(loads(response.body)["message"])


def role(name: str, verbs: str, resources: str = "pods", group: str = "") -> Json:
    rules = [{"verbs": verbs.split(","), "apiGroups": [group], "resources": resources.split(",")}]
    return {"metadata": {"name": name}, "rules": rules}


def binding(name: str, kind: str, role_name: str, *subjects: Json) -> Json:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role_name}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": list(subjects)}


USER = {"kind": "User", "name": "joe", "apiGroup": "rbac.authorization.k8s.io"}
GROUP = {**USER, "kind": "Group", "name": "dev"}


async def test_without_a_role_next_to_nothing_is_allowed(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        refused = await ask(server, JOE, "GET", PODS)
        assert refused.status == 403
        assert message(refused) == (
            'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the '
            'namespace "default"'
        )
        refused = await ask(server, JOE, "GET", f"{PODS}/p/log")
        assert 'pods "p" is forbidden: User "joe" cannot get resource "pods/log"' in message(
            refused
        )
        refused = await ask(server, JOE, "GET", "/metrics")
        assert message(refused) == 'forbidden: User "joe" cannot get path "/metrics"'
        for path in ("/api", "/apis", "/version", "/openapi/v2", "/healthz"):
            assert (await ask(server, JOE, "GET", path)).status == 200, path
        assert (await ask(server, NOBODY, "GET", "/version")).status == 200
        assert (await ask(server, NOBODY, "GET", "/apis")).status == 403


@pytest.mark.parametrize("subject", [USER, GROUP])
async def test_a_role_holds_in_its_namespace(subject: Json, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(f"{RBAC}/namespaces/default/roles", role("reader", "get,list"))
        assert (await ask(server, JOE, "GET", PODS)).status == 403
        path = f"{RBAC}/namespaces/default/rolebindings"
        await server.create(path, binding("b", "Role", "reader", subject))
        assert (await ask(server, JOE, "GET", PODS)).status == 200
        assert (await ask(server, JOE, "GET", "/api/v1/pods")).status == 403
        assert (await ask(server, JOE, "GET", "/api/v1/namespaces/kube-system/pods")).status == 403
        assert (await ask(server, JOE, "POST", PODS, {})).status == 403
        await server.ask("DELETE", f"{path}/b")
        assert (await ask(server, JOE, "GET", PODS)).status == 403


async def test_a_cluster_role_holds_where_it_is_bound(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(f"{RBAC}/clusterroles", role("reader", "list"))
        path = f"{RBAC}/namespaces/default/rolebindings"
        await server.create(path, binding("b", "ClusterRole", "reader", USER))
        assert (await ask(server, JOE, "GET", PODS)).status == 200
        assert (await ask(server, JOE, "GET", "/api/v1/pods")).status == 403
        await server.create(
            f"{RBAC}/clusterrolebindings", binding("all", "ClusterRole", "reader", USER)
        )
        assert (await ask(server, JOE, "GET", "/api/v1/pods")).status == 200
        # A role that changes holds at once.
        await server.ask(
            "PUT", f"{RBAC}/clusterroles/reader", {**role("reader", "get"), "kind": "ClusterRole"}
        )
        assert (await ask(server, JOE, "GET", "/api/v1/pods")).status == 403


async def test_a_service_account_and_a_role_that_is_missing(autojump_clock: object) -> None:
    robot = User("system:serviceaccount:default:robot", ("system:serviceaccounts",))
    async with running(controllers=False) as server:
        path = f"{RBAC}/namespaces/default/rolebindings"
        subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
        await server.create(path, binding("b", "Role", "absent", subject))
        refused = await ask(server, robot, "GET", PODS)
        assert message(refused).endswith(
            'in the namespace "default": RBAC: role.rbac.authorization.k8s.io "absent" not found'
        )
        await server.create(f"{RBAC}/namespaces/default/roles", role("absent", "list"))
        assert (await ask(server, robot, "GET", PODS)).status == 200


# Escalation


async def test_nobody_gives_away_what_they_do_not_have(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        roles = f"{RBAC}/namespaces/default/roles"
        bindings = f"{RBAC}/namespaces/default/rolebindings"
        group = "rbac.authorization.k8s.io"
        writer = role("writer", "create,update,get", "roles,rolebindings", group)
        writer["rules"] += role("", "get,list")["rules"]
        await server.create(roles, writer)
        await server.create(bindings, binding("joe", "Role", "writer", USER))
        assert (await ask(server, JOE, "POST", roles, role("mine", "list"))).status == 201
        refused = await ask(server, JOE, "POST", roles, role("more", "list,delete,watch"))
        assert refused.status == 403
        assert message(refused) == (
            'roles.rbac.authorization.k8s.io "more" is forbidden: user "joe" '
            '(groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not '
            'currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}'
        )
        grown = await ask(server, JOE, "PUT", f"{roles}/mine", role("mine", "delete"))
        assert grown.status == 403
        mine = role("mine", "list")
        mine["metadata"]["labels"] = {"a": "b"}
        assert (await ask(server, JOE, "PUT", f"{roles}/mine", mine)).status == 200
        bound = binding("jane", "Role", "mine", {**USER, "name": "jane"})
        assert (await ask(server, JOE, "POST", bindings, bound)).status == 201
        bound = binding("root", "ClusterRole", "cluster-admin", USER)
        refused = await ask(server, JOE, "POST", bindings, bound)
        assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}' in message(refused)
        bound = binding("none", "ClusterRole", "absent", USER)
        assert (await ask(server, JOE, "POST", bindings, bound)).status == 404


@pytest.mark.parametrize("verb", ["bind", "escalate"])
async def test_bind_and_escalate_are_rights_of_their_own(verb: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        group = "rbac.authorization.k8s.io"
        resources = "clusterroles,clusterrolebindings"
        await server.create(
            f"{RBAC}/clusterroles", role("special", f"create,{verb}", resources, group)
        )
        await server.create(
            f"{RBAC}/clusterrolebindings", binding("special", "ClusterRole", "special", USER)
        )
        wide = await ask(server, JOE, "POST", f"{RBAC}/clusterroles", role("wide", "*", "*", "*"))
        root = binding("root", "ClusterRole", "cluster-admin", USER)
        bound = await ask(server, JOE, "POST", f"{RBAC}/clusterrolebindings", root)
        # Who may escalate writes any role, who may bind gives any away.
        assert (bound.status, wide.status) == {"bind": (201, 403), "escalate": (403, 201)}[verb]


async def test_to_gather_rules_takes_an_administrator(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(
            f"{RBAC}/clusterroles",
            role("writer", "create", "clusterroles", "rbac.authorization.k8s.io"),
        )
        await server.create(
            f"{RBAC}/clusterrolebindings", binding("w", "ClusterRole", "writer", USER)
        )
        gathering = {
            "metadata": {"name": "g"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
        }
        refused = await ask(server, JOE, "POST", f"{RBAC}/clusterroles", gathering)
        assert message(refused).endswith(
            "must have cluster-admin privileges to use an aggregationRule"
        )


# Impersonation


async def test_impersonation_is_a_right(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        one = role("i", "impersonate", "users,groups,serviceaccounts")
        one["rules"][0]["resourceNames"] = ["jane", "ops", "robot"]
        await server.create(f"{RBAC}/clusterroles", one)
        await server.create(f"{RBAC}/clusterrolebindings", binding("i", "ClusterRole", "i", USER))
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

        async def who(**headers: str) -> tuple[int, Json]:
            response = await ask(server, JOE, "POST", path, {}, **headers)
            assert isinstance(response.body, bytes)
            return response.status, loads(response.body)

        status, found = await who(impersonate_user="jane", impersonate_group="ops")
        assert status == 201
        info = found["status"]["userInfo"]
        assert (info["username"], info["groups"]) == ("jane", ["ops", "system:authenticated"])
        account = "system:serviceaccount:default:robot"
        info = (await who(impersonate_user=account))[1]["status"]["userInfo"]
        assert info["groups"] == [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        ]
        status, found = await who(impersonate_user="jane", impersonate_group="system:masters")
        assert status == 403
        assert found["message"] == (
            'groups "system:masters" is forbidden: User "joe" cannot impersonate resource '
            '"groups" in API group "" at the cluster scope'
        )
        assert (await who(impersonate_user="root"))[0] == 403
        assert (await who(impersonate_user="jane", impersonate_uid="7"))[0] == 403
        assert (await who(impersonate_user="jane", impersonate_extra_team="x"))[0] == 403


# Reviews


async def test_reviews_go_by_the_roles(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(f"{RBAC}/clusterroles", role("reader", "list"))
        path = f"{RBAC}/namespaces/default/rolebindings"
        await server.create(path, binding("b", "ClusterRole", "reader", GROUP))
        attributes = {"verb": "list", "resource": "pods", "namespace": "default"}
        reviews = "/apis/authorization.k8s.io/v1"
        spec = {"user": "x", "groups": ["dev"], "resourceAttributes": attributes}
        found = await server.create(f"{reviews}/subjectaccessreviews", {"spec": spec})
        assert found["status"] == {
            "allowed": True,
            "reason": 'RBAC: allowed by RoleBinding "b/default" of ClusterRole "reader" to Group '
            '"dev"',
        }
        spec["groups"] = ["ops"]
        found = await server.create(f"{reviews}/subjectaccessreviews", {"spec": spec})
        assert found["status"] == {"allowed": False}
        local = f"{reviews}/namespaces/kube-system/localsubjectaccessreviews"
        assert (await server.ask("POST", local, {"spec": spec})).status == 422
        mine = await ask(
            server,
            JOE,
            "POST",
            f"{reviews}/selfsubjectrulesreviews",
            {"spec": {"namespace": "default"}},
        )
        assert isinstance(mine.body, bytes)
        status = loads(mine.body)["status"]
        assert {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]} in status[
            "resourceRules"
        ]
        assert any("/version" in one["nonResourceURLs"] for one in status["nonResourceRules"])
        nowhere = await ask(server, JOE, "POST", f"{reviews}/selfsubjectrulesreviews", {"spec": {}})
        assert nowhere.status == 400


async def test_cluster_roles_are_gathered(autojump_clock: object) -> None:
    async with running() as server:
        await trio.sleep(1)
        view = await server.get(f"{RBAC}/clusterroles/view")
        edit = await server.get(f"{RBAC}/clusterroles/edit")
        admin = await server.get(f"{RBAC}/clusterroles/admin")
        sizes = [len(one["rules"]) for one in (view, edit, admin)]
        assert sizes == sorted(sizes) and sizes[0] > 5
        extra = role("pizzas", "get", "pizzas", "example.com")
        extra["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
        await server.create(f"{RBAC}/clusterroles", extra)
        await trio.sleep(1)
        for name in ("view", "edit", "admin"):
            found = await server.get(f"{RBAC}/clusterroles/{name}")
            assert extra["rules"][0] in found["rules"], name
        await server.ask("DELETE", f"{RBAC}/clusterroles/pizzas")
        await trio.sleep(1)
        again = await server.get(f"{RBAC}/clusterroles/admin")
        assert again["rules"] == admin["rules"]
        bound = binding("v", "ClusterRole", "view", USER)
        await server.create(f"{RBAC}/namespaces/default/rolebindings", bound)
        assert (await ask(server, JOE, "GET", PODS)).status == 200
        assert (await ask(server, JOE, "GET", "/api/v1/namespaces/default/secrets")).status == 403
