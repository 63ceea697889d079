"""A pod gets its node, once (upstream: `BindingREST`)."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Response
from k8slite.objects.errors import Conflict
from k8slite.objects.fields import invalid, refuse, required
from k8slite.objects.meta import timestamp

Json = dict[str, Any]


async def bind(verbs: Verbs, call: Call) -> Response:
    """POST pods/NAME/binding, or a Binding to the collection `bindings`."""
    binding = verbs.decoder.document(call.request, "Binding")
    target = binding.get("target") or {}
    metadata = binding.get("metadata") or {}
    name = call.info.name or metadata.get("name", "")
    causes = []
    if not target.get("name"):
        causes.append(required("target.name"))
    if target.get("kind") not in (None, "", "Node"):
        causes.append(invalid("target.kind", target["kind"], "must be empty or 'Node'"))
    if causes:
        raise refuse("Binding", "", name, causes)
    pods = verbs.registry.storage.preferred("", "pods")
    now = timestamp(verbs.registry.world.now())
    given = metadata.get("annotations") or {}
    uid = metadata.get("uid") or ""

    def assign(pod: Json) -> Json:
        if uid and uid != pod["metadata"]["uid"]:
            raise _refused(
                name,
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
                f"{pod['metadata']['uid']}",
            )
        if "deletionTimestamp" in pod["metadata"]:
            raise _refused(name, f"pod {name} is being deleted, cannot be assigned to a host")
        spec = pod["spec"]
        if spec.get("nodeName"):
            raise _refused(name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
        if spec.get("schedulingGates"):
            raise _refused(name, f"pod {name} has non-empty .spec.schedulingGates")
        spec["nodeName"] = target["name"]
        if given:
            pod["metadata"].setdefault("annotations", {}).update(given)
        status = pod.setdefault("status", {})
        conditions = [c for c in status.get("conditions", ()) if c["type"] != "PodScheduled"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
        conditions.append({**scheduled, "lastProbeTime": None})
        status["conditions"] = conditions
        return pod

    asked = evolve(call.asked(pods, name=name), subresource="binding")
    await verbs.registry.update(asked, assign, protect=lambda _new, _old: None)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return call.answer(201, {**status, "code": 201})


def _refused(name: str, why: str) -> Conflict:
    return Conflict(
        f'Operation cannot be fulfilled on pods/binding "{name}": {why}',
        details={"name": name, "kind": "pods/binding"},
    )
