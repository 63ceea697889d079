"""`authorizer.group('apps').resource('deployments').check('create').allowed()`.

Whoever gives the variable says how a question is answered. Upstream:
`apiserver/pkg/cel/library/authz.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from k8slite.objects.cel.declarations import Functions, overloads
from k8slite.objects.cel.types import Type
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

_PACKAGE: Final = "kubernetes.authorization."


@frozen
class Decision:
    """What was answered."""

    is_allowed: bool
    reason: str = ""
    error: str = ""
    cel_type: ClassVar[Type] = Type(f"{_PACKAGE}Decision")


@frozen
class Question:
    """What is asked: about a path, or about a resource."""

    verb: str
    service_account: tuple[str, str] | None  # namespace and name; None: who sent the request
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


Answer = Callable[[Question], Decision]


@frozen
class Authorizer:
    """Asks for whoever sent the request, or for a service account."""

    answer: Answer = field(eq=False)
    service_account: tuple[str, str] | None = None
    cel_type: ClassVar[Type] = Type(f"{_PACKAGE}Authorizer")


@frozen
class PathCheck:
    """A question about a path, without its verb."""

    authorizer: Authorizer
    path: str
    cel_type: ClassVar[Type] = Type(f"{_PACKAGE}PathCheck")


@frozen
class GroupCheck:
    """The beginning of a question about a resource."""

    authorizer: Authorizer
    group: str
    cel_type: ClassVar[Type] = Type(f"{_PACKAGE}GroupCheck")


@frozen
class ResourceCheck:
    """A question about a resource, without its verb."""

    authorizer: Authorizer
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""
    cel_type: ClassVar[Type] = Type(f"{_PACKAGE}ResourceCheck")


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise ValueError("path must not be empty")
    return PathCheck(authorizer, path)


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if is_dns1123_subdomain(name):
        raise ValueError("Invalid service account name")
    if is_dns1123_label(namespace):
        raise ValueError("Invalid service account namespace")
    return evolve(authorizer, service_account=(namespace, name))


def _resource(check: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise ValueError("resource must not be empty")
    return ResourceCheck(check.authorizer, check.group, resource)


def _check_path(check: PathCheck, verb: str) -> Decision:
    asked = check.authorizer
    return asked.answer(Question(verb, asked.service_account, path=check.path))


def _check_resource(check: ResourceCheck, verb: str) -> Decision:
    asked = check.authorizer
    return asked.answer(
        Question(
            verb,
            asked.service_account,
            group=check.group,
            resource=check.resource,
            subresource=check.subresource,
            namespace=check.namespace,
            name=check.name,
            field_selector=check.field_selector,
            label_selector=check.label_selector,
        )
    )


def _with(name: str) -> Callable[[ResourceCheck, str], ResourceCheck]:
    def restricted(check: ResourceCheck, value: str) -> ResourceCheck:
        changed: Any = {name: value}
        return evolve(check, **changed)

    return restricted


AUTHORIZER: Final = Authorizer.cel_type
RESOURCE_CHECK: Final = ResourceCheck.cel_type
_A: Final = f"{_PACKAGE}Authorizer"
_D: Final = f"{_PACKAGE}Decision"
_G: Final = f"{_PACKAGE}GroupCheck"
_P: Final = f"{_PACKAGE}PathCheck"
_R: Final = f"{_PACKAGE}ResourceCheck"
_RESTRICT: Final = f"{_R}.(string) -> {_R}"

FUNCTIONS: Final[Functions] = {
    "path": overloads(("authorizer_path", f"{_A}.(string) -> {_P}", _path)),
    "group": overloads(("authorizer_group", f"{_A}.(string) -> {_G}", GroupCheck)),
    "serviceAccount": overloads(
        ("authorizer_serviceaccount", f"{_A}.(string, string) -> {_A}", _service_account)
    ),
    "resource": overloads(("groupcheck_resource", f"{_G}.(string) -> {_R}", _resource)),
    "subresource": overloads(("resourcecheck_subresource", _RESTRICT, _with("subresource"))),
    "namespace": overloads(("resourcecheck_namespace", _RESTRICT, _with("namespace"))),
    "name": overloads(("resourcecheck_name", _RESTRICT, _with("name"))),
    "fieldSelector": overloads(("authorizer_fieldselector", _RESTRICT, _with("field_selector"))),
    "labelSelector": overloads(("authorizer_labelselector", _RESTRICT, _with("label_selector"))),
    "check": overloads(
        ("pathcheck_check", f"{_P}.(string) -> {_D}", _check_path),
        ("resourcecheck_check", f"{_R}.(string) -> {_D}", _check_resource),
    ),
    "errored": overloads(("decision_errored", f"{_D}.() -> bool", lambda one: bool(one.error))),
    "error": overloads(("decision_error", f"{_D}.() -> string", lambda one: one.error)),
    "allowed": overloads(("decision_allowed", f"{_D}.() -> bool", lambda one: one.is_allowed)),
    "reason": overloads(("decision_reason", f"{_D}.() -> string", lambda one: one.reason)),
}
