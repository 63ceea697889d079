"""Questions to the API that are asked by creating an object and answered at once.

Nothing is stored: the answer is the object with its status (upstream: `SelfSubjectReview`,
`TokenReview`, the family of `SubjectAccessReview`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from k8slite.apiserver.authentication.authenticator import (
    API_AUDIENCES,
    Authenticator,
    BadToken,
)
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.authorization.node import node_name
from k8slite.apiserver.request_info import RequestInfo
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.kinds.authorization.access_validation import access_complaints, asked_fields
from k8slite.messages import Response, User
from k8slite.objects.errors import BadRequest
from k8slite.objects.fields import refuse
from k8slite.objects.meta import timestamp

Json = dict[str, Any]


@define(eq=False)
class Reviews:
    """Answers every kind of review."""

    verbs: Verbs
    authenticator: Authenticator
    authorizer: Authorizer

    async def create(self, call: Call) -> Response:
        """POST of a review."""
        obj = self.verbs.decoder.object(call.request, call.kind, call.warnings.append)
        if call.kind.kind == "TokenReview":
            spec = obj.get("spec") or {}
            audiences = spec.get("audiences") or API_AUDIENCES
            await self.authenticator.ask_about(spec.get("token") or "", audiences)
        answer = _ANSWERS[call.kind.kind](self, call, obj)
        metadata = {**(obj.get("metadata") or {})}
        metadata.setdefault("creationTimestamp", timestamp(self.verbs.registry.world.now()))
        answered = {
            "kind": call.kind.kind,
            "apiVersion": call.kind.api_version,
            "metadata": metadata if call.kind.kind == "SelfSubjectReview" else {},
            **({"spec": obj["spec"]} if "spec" in obj else {}),
            "status": answer,
        }
        return call.answer(201, answered)

    def _self(self, call: Call, _obj: Json) -> Json:
        return {"userInfo": _user_info(call.user)}

    def _token(self, call: Call, obj: Json) -> Json:
        spec = obj.get("spec") or {}
        token = spec.get("token", "")
        if not token:
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            found = self.authenticator.owner(token, spec.get("audiences") or API_AUDIENCES)
        except BadToken as reason:
            for key, value in reason.annotations.items():
                call.note(key, value)
            return {"user": {}, "error": str(reason)}
        for key, value in found.annotations.items():
            call.note(key, value)
        call.warnings += found.warnings
        audiences = list(found.audiences)
        return {"authenticated": True, "user": _user_info(found.user), "audiences": audiences}

    def _self_access(self, call: Call, obj: Json) -> Json:
        return self._access(call, obj, call.user)

    def _access_of(self, call: Call, obj: Json) -> Json:
        spec = obj.get("spec") or {}
        groups = tuple(spec.get("groups") or ())
        return self._access(call, obj, User(spec.get("user", ""), groups))

    def _access(self, call: Call, obj: Json, user: User) -> Json:
        causes = access_complaints(call.kind.kind, obj, call.info.namespace)
        if causes:
            raise refuse(call.kind.kind, call.kind.group, "", causes)
        info, wrong = _asked_access(obj["spec"])
        allowed, reason = self.authorizer.decide(user, info)
        answer: Json = {"allowed": allowed}
        if reason:
            answer["reason"] = reason
        if wrong:
            answer["evaluationError"] = wrong
        return answer

    def _rules(self, call: Call, obj: Json) -> Json:
        namespace = (obj.get("spec") or {}).get("namespace", "")
        if not namespace:
            raise BadRequest("no namespace on request")
        rules, found = self.authorizer.rules(call.user, namespace)
        answer: Json = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
        for rule in rules:
            part = "nonResourceRules" if rule.get("nonResourceURLs") else "resourceRules"
            answer[part].append(rule)
        told = list(found.missing)
        if node_name(call.user) is not None:
            told.insert(0, "node authorizer does not support user rule resolution")
            answer["incomplete"] = True
        if told:
            answer["evaluationError"] = ", ".join(told)
        return answer


def _asked_access(spec: Json) -> tuple[RequestInfo, str]:
    """What a review asks about, and what of it cannot be understood."""
    resource: Json | None = spec.get("resourceAttributes")
    if resource is None:
        path = spec["nonResourceAttributes"]
        return RequestInfo(path.get("verb", ""), path.get("path", "")), ""
    fields, wrong = asked_fields(resource.get("fieldSelector") or {})
    info = RequestInfo(
        resource.get("verb", ""),
        "",
        True,
        resource.get("group", ""),
        resource.get("version", ""),
        resource.get("namespace", ""),
        resource.get("resource", ""),
        resource.get("name", ""),
        resource.get("subresource", ""),
        fields=fields,
    )
    return info, wrong


def _user_info(user: User) -> Json:
    found: Json = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        found["uid"] = user.uid
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found


_ANSWERS: dict[str, Callable[[Reviews, Call, Json], Json]] = {
    "SelfSubjectReview": Reviews._self,
    "TokenReview": Reviews._token,
    "SelfSubjectAccessReview": Reviews._self_access,
    "SubjectAccessReview": Reviews._access_of,
    "LocalSubjectAccessReview": Reviews._access_of,
    "SelfSubjectRulesReview": Reviews._rules,
}
