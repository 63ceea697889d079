"""What may change in a Pod once it is there.

Mirrors `ValidatePodUpdate`: images, a shorter deadline, more tolerations, fewer scheduling gates;
and where a gated Pod may be sent.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_annotation_validation import MIRROR, validate_annotation_update
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.internal_diff import internal_diff, internal_form
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import in_range
from k8slite.objects.protobuf_messages import message

Json = dict[str, Any]

_LARGEST_INT32: Final = 2**31 - 1


def validate_pod_update(new: Json, old: Json) -> list[Cause]:
    """The complaints about the difference; the new Pod itself has been looked at."""
    found = validate_annotation_update(new, old)
    after, before = new["spec"], old["spec"]
    if after == before:
        return found
    for group in ("containers", "initContainers"):
        containers = after.get(group, [])
        if len(containers) != len(before.get(group, [])):
            text = "pod updates may not add or remove containers"
            found.append(forbidden(f"spec.{group}", text))
            return found
        for i, container in enumerate(containers):
            image: str = container.get("image", "")
            if not image:
                found.append(required(f"spec.{group}[{i}].image"))
            if image.strip() != image:
                text = "must not have leading or trailing whitespace"
                found.append(invalid(f"spec.{group}[{i}].image", image, text))
    wrong, stop = _deadline(after, before)
    found += wrong
    if stop:
        return found
    found += _tolerations(after.get("tolerations", []), before.get("tolerations", []))
    gates = [gate.get("name") for gate in before.get("schedulingGates", ())]
    for i, gate in enumerate(after.get("schedulingGates", ())):
        if gate.get("name") not in gates:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            found.append(forbidden(f"spec.schedulingGates[{i}].name", text))
    munged = _munged(after, before)
    if before.get("schedulingGates"):
        found += _gated(munged, before)
    if munged != before:
        changed = internal_diff("core/v1.PodSpec", before, munged)
        found.append(forbidden("spec", f"{_UPDATE_REFUSED}{changed}"))
    return found


def validate_ephemeral_update(new: Json, old: Json) -> list[Cause]:
    """An update of /ephemeralcontainers: they are added, never changed or removed."""
    if MIRROR in (old["metadata"].get("annotations") or {}):
        # A path without a name is shown like this.
        return [forbidden("[]", "static pods do not support ephemeral containers")]
    found: list[Cause] = []
    after = {c.get("name"): c for c in new["spec"].get("ephemeralContainers", ())}
    for container in old["spec"].get("ephemeralContainers", ()):
        name = container.get("name")
        if name not in after:
            text = f'existing ephemeral containers "{name}" may not be removed\n'
            found.append(forbidden("spec.ephemeralContainers", text))
        elif after[name] != container:
            changed = internal_diff("core/v1.EphemeralContainer", container, after[name])
            text = f'existing ephemeral containers "{name}" may not be changed\n{changed}'
            found.append(forbidden("spec.ephemeralContainers", text))
    return found


def validate_binding_target(target: Json) -> list[Cause]:
    """What a Binding sends a Pod to."""
    found: list[Cause] = []
    kind = target.get("kind", "")
    if kind not in ("", "Node"):
        found.append(not_supported("target.kind", kind, ("Node", "<empty>")))
    if not target.get("name"):
        found.append(required("target.name"))
    return found


def _deadline(after: Json, before: Json) -> tuple[list[Cause], bool]:
    path = "spec.activeDeadlineSeconds"
    new, old = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if new is not None:
        wrong = in_range(new, 0, _LARGEST_INT32)
        if wrong:
            return each(path, new, wrong), True
        if old is not None and old < new:
            return [invalid(path, new, "must be less than or equal to previous value")], True
    elif old is not None:
        text = "must not update from a positive integer to nil value"
        return [invalid(path, None, text)], False
    return [], False


def _tolerations(after: list[Json], before: list[Json]) -> list[Cause]:
    def without_seconds(toleration: Json) -> Json:
        return {k: v for k, v in toleration.items() if k != "tolerationSeconds"}

    kept = [without_seconds(toleration) for toleration in after]
    for toleration in before:
        if without_seconds(toleration) not in kept:
            text = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden("spec.tolerations", text)]
    return []


def _munged(after: Json, before: Json) -> Json:
    """The new spec with the old values of what may change."""
    munged = dict(after)
    for group in ("containers", "initContainers"):
        if group in after:
            old = before.get(group, [])
            munged[group] = [
                {**container, "image": old[i].get("image")}
                for i, container in enumerate(after[group])
            ]
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        munged.pop(key, None)
        if key in before:
            munged[key] = before[key]
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = grace
    return munged


def _gated(munged: Json, before: Json) -> list[Cause]:
    """A Pod that waits at a gate may be told more exactly where to go."""
    found: list[Cause] = []
    after, old = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if after != old:
        if any(after.get(key) != value for key, value in old.items()):
            text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            shown = dict(sorted(after.items()))
            found.append(invalid("spec.nodeSelector", shown, text))
        _put_back(munged, before, "nodeSelector")
    affinity, old_affinity = munged.get("affinity") or {}, before.get("affinity") or {}
    new_rules, rules = affinity.get("nodeAffinity"), old_affinity.get("nodeAffinity")
    if new_rules != rules:
        found += _narrowed(new_rules or {}, rules or {})
        kept = {k: v for k, v in affinity.items() if k != "nodeAffinity"}
        if rules is not None:
            kept["nodeAffinity"] = rules
        if kept or "affinity" in before:
            munged["affinity"] = kept
        else:
            munged.pop("affinity", None)
    return found


def _narrowed(new: Json, old: Json) -> list[Cause]:
    path = f"spec.affinity.nodeAffinity.{_HARD}"
    before = old.get(_HARD)
    if not before:
        return []
    terms, old_terms = (
        (new.get(_HARD) or {}).get("nodeSelectorTerms", []),
        before.get("nodeSelectorTerms", []),
    )
    if len(terms) != len(old_terms):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        shown = [_shown(term) for term in terms] or None
        return [invalid(f"{path}.nodeSelectorTerms", shown, text)]
    text = "only additions are allowed (no mutations or deletions)"
    found = []
    for i, (term, was) in enumerate(zip(terms, old_terms, strict=True)):
        filled = any(was.get(key) for key in _TERM_PARTS)
        grown = any(not filled and term.get(key) for key in _TERM_PARTS)
        if grown or any(not _continues(term.get(k) or [], was.get(k) or []) for k in _TERM_PARTS):
            found.append(invalid(f"{path}.nodeSelectorTerms[{i}]", _shown(term), text))
    return found


def _continues(new: list[Json], old: list[Json]) -> bool:
    return new[: len(old)] == old


def _shown(term: Json) -> Json:
    described = message("core/v1.NodeSelectorTerm")
    assert described is not None
    return internal_form(described, term)


def _put_back(munged: Json, before: Json, key: str) -> None:
    munged.pop(key, None)
    if key in before:
        munged[key] = before[key]


_TERM_PARTS: Final = ("matchExpressions", "matchFields")
_HARD: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_UPDATE_REFUSED: Final = (
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,"
    "`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    "\n"
)
