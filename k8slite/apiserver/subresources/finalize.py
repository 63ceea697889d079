"""A namespace's last step: its finalizers (upstream: the namespace's `FinalizeREST`)."""

from __future__ import annotations

from typing import Any

from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Response

Json = dict[str, Any]


async def finalize(verbs: Verbs, call: Call) -> Response:
    """PUT namespaces/NAME/finalize: only spec.finalizers is taken."""
    asked = verbs.decoder.object(call.request, call.kind, call.warnings.append)
    finalizers = (asked.get("spec") or {}).get("finalizers") or []
    version = (asked.get("metadata") or {}).get("resourceVersion")

    def change(old: Json) -> Json:
        old["spec"] = {"finalizers": list(finalizers)} if finalizers else {}
        if version:
            old["metadata"]["resourceVersion"] = version
        return old

    written = await verbs.registry.update(
        call.asked(call.kind), change, protect=lambda _new, _old: None
    )
    now = verbs.registry.world.now()
    return call.response(200, call.form.object(call.kind, written.value, now))
