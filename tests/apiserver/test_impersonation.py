"""Being taken for somebody else."""

from attrs import evolve

from k8slite.messages import Peer, Request, User
from k8slite.objects.codec import dumps, loads
from tests.apiserver.oracle_server import running

PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
BODY = dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})


def who(user: User, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        "POST", PATH, (), {"content-type": "application/json", **named}, BODY, Peer(user=user)
    )


async def test_masters_may_be_taken_for_others(autojump_clock: object) -> None:
    master = User("admin", ("system:masters",))
    async with running(controllers=False) as server:
        handler = server.cluster.handler
        asked = who(master, impersonate_user="jane", impersonate_group="dev, a,b")
        response = await handler(evolve(asked, lines={"impersonate-group": ("dev", "a,b")}))
        info = loads(response.body)["status"]["userInfo"]
        assert info["username"] == "jane"
        assert info["groups"] == ["dev", "a,b", "system:authenticated"]
        response = await handler(who(master, impersonate_user="system:anonymous"))
        assert response.status == 403
        response = await handler(who(master, impersonate_group="dev"))
        assert response.status == 400


async def test_others_may_not(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        response = await server.cluster.handler(who(User("joe"), impersonate_user="jane"))
        assert response.status == 403
        assert loads(response.body)["message"] == (
            'users "jane" is forbidden: User "joe" cannot impersonate resource "users" in API '
            'group "" at the cluster scope'
        )
