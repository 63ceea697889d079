"""Role-based access control: which rules a user has, by the bindings in the store.

Bindings are kept by their subjects and roles decoded once; what has changed is taken in when the
next question comes, so that an answer is never older than the write before it. Mirrors
`plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.authorization.rules import allows
from k8slite.apiserver.feed import Feed
from k8slite.apiserver.request_info import RequestInfo
from k8slite.apiserver.storage import Storage
from k8slite.messages import User
from k8slite.objects.codec import loads
from k8slite.objects.fields import quoted

Json = dict[str, Any]

GROUP: Final = "rbac.authorization.k8s.io"
CLUSTER_ROLES: Final = f"{GROUP}.clusterroles/"
ROLES: Final = f"{GROUP}.roles/"
CLUSTER_ROLE_BINDINGS: Final = f"{GROUP}.clusterrolebindings/"
ROLE_BINDINGS: Final = f"{GROUP}.rolebindings/"

_BINDINGS: Final = (CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)
_KEPT: Final = (CLUSTER_ROLES, ROLES, *_BINDINGS)


@frozen
class Grant:
    """That a binding gives a role's rules to one subject."""

    key: str  # the binding's
    namespace: str  # in which it holds; "": in all, and outside of them
    role: str  # the role's key
    subject: tuple[str, str]  # "User" or "Group", and the name that authentication knows
    because: str  # 'ClusterRoleBinding "a" of ClusterRole "b" to Group "c"'


@frozen
class Found:
    """Rules that apply to a user, and why; `missing` are roles that bindings name in vain."""

    rules: tuple[tuple[Json, Grant], ...]
    missing: tuple[str, ...] = ()


class Rbac:
    """The rules in a store."""

    def __init__(self, storage: Storage) -> None:
        self._feed = Feed(storage.store, _KEPT)
        self._roles: dict[str, list[Json]] = {}
        self._grants: dict[str, list[Grant]] = {}  # by the binding's key
        self._by_subject: dict[tuple[str, str], dict[Grant, None]] = {}

    def decide(self, user: User, info: RequestInfo) -> tuple[bool, str]:
        """Whether a user may, and why (upstream's words), or what went wrong on the way."""
        found = self.found(user, info.namespace)
        for rule, grant in found.rules:
            if allows(rule, info):
                return True, f"RBAC: allowed by {grant.because}"
        if not found.missing:
            return False, ""
        told = found.missing[0] if len(found.missing) == 1 else f"[{', '.join(found.missing)}]"
        return False, f"RBAC: {told}"

    def found(self, user: User, namespace: str) -> Found:
        """Every rule that a user has in a namespace, or outside of any."""
        self._catch_up()
        rules: list[tuple[Json, Grant]] = []
        missing: dict[str, None] = {}
        for grant in self._of(user, namespace):
            role = self._roles.get(grant.role)
            if role is None:
                missing[_not_found(grant.role)] = None
                continue
            rules += [(rule, grant) for rule in role]
        return Found(tuple(rules), tuple(missing))

    def role_rules(self, reference: Json, namespace: str) -> list[Json] | None:
        """The rules of the role that a binding refers to; None where there is no such role."""
        self._catch_up()
        return self._roles.get(_role_key(reference, namespace))

    def _of(self, user: User, namespace: str) -> Iterator[Grant]:
        """The user's grants, those of cluster-wide bindings first."""
        subjects = [("User", user.name), *(("Group", group) for group in user.groups)]
        found = [
            grant
            for subject in subjects
            for grant in self._by_subject.get(subject, ())
            if not grant.namespace or grant.namespace == namespace
        ]
        return iter(sorted(found, key=lambda grant: (bool(grant.namespace), grant.key)))

    # What the store has

    def _catch_up(self) -> None:
        self._feed.catch_up(self._forget, self._take)

    def _forget(self) -> None:
        self._roles.clear()
        self._grants.clear()
        self._by_subject.clear()

    def _take(self, prefix: str, key: str, value: bytes | None) -> None:
        if prefix not in _BINDINGS:
            if value is None:
                self._roles.pop(key, None)
            else:
                self._roles[key] = loads(value).get("rules") or []
            return
        for grant in self._grants.pop(key, ()):
            del self._by_subject[grant.subject][grant]
        if value is not None:
            self._grants[key] = list(dict.fromkeys(_grants(key, loads(value))))
            for grant in self._grants[key]:
                self._by_subject.setdefault(grant.subject, {})[grant] = None


def _grants(key: str, binding: Json) -> Iterator[Grant]:
    metadata, reference = binding["metadata"], binding["roleRef"]
    namespace = metadata.get("namespace", "")
    name = f"{metadata['name']}/{namespace}" if namespace else metadata["name"]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    what = f"{kind} {quoted(name)} of {reference['kind']} {quoted(reference['name'])} to"
    for subject in binding.get("subjects") or ():
        if subject["kind"] == "ServiceAccount":
            home = subject.get("namespace") or namespace
            known = ("User", f"system:serviceaccount:{home}:{subject['name']}")
            told = f"ServiceAccount {quoted(subject['name'] + '/' + home)}"
        else:
            known = (subject["kind"], subject["name"])
            told = f"{subject['kind']} {quoted(subject['name'])}"
        yield Grant(key, namespace, _role_key(reference, namespace), known, f"{what} {told}")


def _role_key(reference: Json, namespace: str) -> str:
    if reference["kind"] == "ClusterRole":
        return CLUSTER_ROLES + str(reference["name"])
    return f"{ROLES}{namespace}/{reference['name']}"


def _not_found(key: str) -> str:
    kind = "clusterrole" if key.startswith(CLUSTER_ROLES) else "role"
    return f"{kind}.{GROUP} {quoted(key.rpartition('/')[2])} not found"
