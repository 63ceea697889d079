"""What a CustomResourceDefinition gets where nothing was said.

Mirrors `apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go` and the preparation in
`pkg/registry/customresourcedefinition`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

HTTPS_PORT: Final = 443
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"


def default_definition(definition: Json) -> None:
    """Fill in a CustomResourceDefinition."""
    spec = definition.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if not names.get("singular"):
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    conversion = spec.setdefault("conversion", {})
    if not conversion.get("strategy"):
        conversion["strategy"] = "None"
    service = conversion.get("webhook", {}).get("clientConfig", {}).get("service")
    if service is not None:
        service.setdefault("port", HTTPS_PORT)
    status = definition.setdefault("status", {})
    status.setdefault("conditions", None)
    status.setdefault("acceptedNames", {"plural": "", "kind": ""})
    status.setdefault("storedVersions", None)


def prepare_definition(new: Json, old: Json | None) -> None:
    """The version in which objects are stored is remembered as soon as it is chosen."""
    if old is not None:
        new["status"] = dict(old.get("status") or {})
    else:
        new["status"] = {}
    stored = list(new["status"].get("storedVersions") or ())
    for version in new.get("spec", {}).get("versions", ()):
        if version.get("storage") and version.get("name") not in stored:
            stored.append(version.get("name"))
    if stored:
        new["status"]["storedVersions"] = stored


def begin_termination(definition: Json, now: str) -> None:
    """A definition waits for its objects to be deleted, and takes no new ones."""
    finalizers = definition["metadata"].setdefault("finalizers", [])
    if CLEANUP not in finalizers:
        finalizers.append(CLEANUP)
    status = definition.setdefault("status", {})
    kept = [one for one in status.get("conditions") or () if one.get("type") != "Terminating"]
    terminating = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "InstanceDeletionPending",
        "message": (
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        ),
    }
    status["conditions"] = [*kept, terminating]
