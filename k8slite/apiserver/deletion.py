"""How objects go away: at once, after a grace period, or when the last finalizer is gone.

A delete marks the object (deletionTimestamp, finalizers that its propagation policy asks for)
or removes it; never both in one write. Mirrors upstream's `rest.BeforeDelete` and
`registry.Store.Delete`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from attrs import define, frozen

from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.registry import Registry, Written, not_found
from k8slite.objects import codec
from k8slite.objects.errors import BadRequest, Conflict
from k8slite.objects.fields import invalid, not_supported, refuse
from k8slite.objects.meta import parse_timestamp, timestamp
from k8slite.store.store import KeyConflict

Json = dict[str, Any]

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
_POLICIES: Final = ("Background", "Foreground", "Orphan")
# Kinds whose last state a DELETE answers with, instead of a Status (ReturnDeletedObject).
_ANSWERED_WHOLE: Final = frozenset(
    (
        "pods",
        "persistentvolumes",
        "persistentvolumeclaims",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
    )
)


@frozen
class DeleteOptions:
    """A client's wishes (upstream: `metav1.DeleteOptions`)."""

    grace_period_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation_policy: str = ""  # "", Orphan, Background or Foreground
    dry_run: bool = False


@define(eq=False)
class Deletion:
    """Deletes objects of every kind."""

    registry: Registry

    async def delete(self, asked: Asked, options: DeleteOptions) -> tuple[Json | None, Written]:
        """Delete one object; answers with a Status, or None where the object is the answer.

        Raises NotFound, Conflict when a precondition fails, and what admission raises.
        """
        kind, registry = asked.kind, self.registry
        key = kind.key(asked.namespace, asked.name)
        while True:
            stored = registry.storage.store.get(key)
            if stored is None:
                raise not_found(kind, asked.name)
            read = (await registry.versions.one(kind, stored)).value
            old = codec.loads(read)
            attributes = Attributes(asked, "DELETE", None, old)
            await registry.chain.mutate(attributes)
            await registry.chain.validate(attributes)
            _check(asked, old, options)
            marked = self._mark(asked, old, options)
            try:
                if marked is None:
                    written = await registry.remove(asked, stored)
                elif marked == old:
                    written = Written(read)  # it is on its way already
                else:
                    written = await registry.write(asked, stored, marked)
                    if _no_grace(asked, marked) and not asked.dry_run:
                        # Watchers see that the pod was given no time, then that it is gone.
                        stored = registry.get(kind, asked.namespace, asked.name)
                        written = await registry.remove(asked, stored)
            except KeyConflict:
                continue
            if written.removed and kind.plural not in _ANSWERED_WHOLE:
                return _success(asked, old), written
            if written.removed and kind.plural == "pods":
                return None, Written(_last_words(written.value, self._now()), removed=True)
            return None, written

    def _mark(self, asked: Asked, old: Json, options: DeleteOptions) -> Json | None:
        """The object with its deletion marked, or None when it can go at once.

        Of a pod that is being deleted only the time left may be made shorter.
        """
        new: Json = codec.loads(codec.dumps(old))
        metadata = new["metadata"]
        prepare = asked.kind.strategy.prepare_delete
        if prepare is not None and "deletionTimestamp" not in metadata:
            prepare(new, self._now())
        finalizers = _finalizers(asked, metadata, options)
        marked, before = "deletionTimestamp" in metadata, metadata.get("deletionGracePeriodSeconds")
        graceful = _graceful(asked) and (not marked or bool(before))
        if not graceful and not finalizers and not _namespace_waits(asked, old):
            return None
        wanted = options.grace_period_seconds
        if marked and graceful and (wanted is None or max(wanted, 0) >= before):
            return old
        metadata["finalizers"] = finalizers
        if not finalizers:
            del metadata["finalizers"]
        seconds = _grace_seconds(old, options) if graceful else 0
        moment = self.registry.world.now()
        if marked:
            moment = parse_timestamp(metadata["deletionTimestamp"]) - timedelta(seconds=before or 0)
        elif "generation" in metadata:
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = timestamp(moment + timedelta(seconds=seconds))
        metadata["deletionGracePeriodSeconds"] = seconds
        if asked.kind.plural == "namespaces" and not asked.kind.group:
            new.setdefault("status", {})["phase"] = "Terminating"
            metadata.pop("deletionGracePeriodSeconds", None)
        return new

    def _now(self) -> str:
        return timestamp(self.registry.world.now())


def delete_options(body: Json, parameters: dict[str, str]) -> DeleteOptions:
    """Read the body, or the query where there is none. Raises BadRequest or Invalid."""
    preconditions = body.get("preconditions") or {}
    grace: Any = body.get("gracePeriodSeconds")
    policy = body.get("propagationPolicy") or ""
    orphan = body.get("orphanDependents")
    if not body:
        text = parameters.get("gracePeriodSeconds", "")
        if text:
            try:
                grace = int(text)
            except ValueError:
                raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
        policy = parameters.get("propagationPolicy", "")
        if parameters.get("orphanDependents"):
            orphan = parameters["orphanDependents"] in ("true", "1")
    dry_run = body.get("dryRun") or []
    causes = []
    if policy and orphan is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(invalid("propagationPolicy", policy, why))
    if policy not in ("", *_POLICIES):
        causes.append(not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    if any(value != "All" for value in dry_run):
        causes.append(not_supported("dryRun", dry_run, ["All"]))
    if causes:
        raise refuse("DeleteOptions", "meta.k8s.io", "", causes)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    return DeleteOptions(
        grace,
        preconditions.get("uid", ""),
        preconditions.get("resourceVersion", ""),
        policy,
        bool(dry_run),
    )


def _check(asked: Asked, old: Json, options: DeleteOptions) -> None:
    metadata, kind = old["metadata"], asked.kind
    details = {"name": asked.name, "kind": kind.kind}
    if kind.group:
        details["group"] = kind.group
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    prefix = f'Operation cannot be fulfilled on {qualified} "{asked.name}": '
    if options.uid and options.uid != metadata["uid"]:
        raise Conflict(
            f"{prefix}the UID in the precondition ({options.uid}) does not match the UID in "
            f"record ({metadata['uid']}). The object might have been deleted and then recreated",
            details=details,
        )
    version = options.resource_version
    if version and version != metadata["resourceVersion"]:
        raise Conflict(
            f"{prefix}the ResourceVersion in the precondition ({version}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have "
            "been modified",
            details=details,
        )


def _finalizers(asked: Asked, metadata: Json, options: DeleteOptions) -> list[str]:
    """The finalizers after the propagation policy has had its say.

    Mirrors upstream's `deletionFinalizersForGarbageCollection`.
    """
    present = list(metadata.get("finalizers") or ())
    policy = options.propagation_policy
    if not policy:
        if ORPHAN in present or FOREGROUND in present:
            return present
        policy = "Orphan" if asked.kind.strategy.orphan_by_default else "Background"
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND)]
    if policy == "Orphan":
        kept.append(ORPHAN)
    elif policy == "Foreground":
        kept.append(FOREGROUND)
    return kept


def _graceful(asked: Asked) -> bool:
    return not asked.kind.group and asked.kind.plural == "pods"


def _grace_seconds(pod: Json, options: DeleteOptions) -> int:
    """How long a pod may take to stop (upstream: `podStrategy.CheckGracefulDelete`)."""
    spec, status = pod["spec"], pod.get("status") or {}
    seconds = options.grace_period_seconds
    if seconds is None:
        seconds = int(spec.get("terminationGracePeriodSeconds", 30))
    if not spec.get("nodeName") or status.get("phase") in ("Failed", "Succeeded"):
        return 0
    return 1 if seconds < 0 else seconds


def _no_grace(asked: Asked, marked: Json) -> bool:
    """Whether a pod that was just marked can go at once."""
    metadata = marked["metadata"]
    left = metadata.get("deletionGracePeriodSeconds")
    return _graceful(asked) and not left and not metadata.get("finalizers")


def _namespace_waits(asked: Asked, old: Json) -> bool:
    if asked.kind.group or asked.kind.plural != "namespaces":
        return False
    return bool((old.get("spec") or {}).get("finalizers"))


def _success(asked: Asked, old: Json) -> Json:
    details = {"name": asked.name, "kind": asked.kind.plural, "uid": old["metadata"]["uid"]}
    if asked.kind.group:
        details["group"] = asked.kind.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def _last_words(value: bytes, now: str) -> bytes:
    """A removed pod as it is answered: marked as deleted with no grace left."""
    pod = codec.loads(value)
    pod["metadata"].setdefault("deletionTimestamp", now)
    pod["metadata"]["deletionGracePeriodSeconds"] = 0
    return codec.stored(codec.stored_tail(pod), int(pod["metadata"]["resourceVersion"]))
