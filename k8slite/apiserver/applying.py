"""Server-side apply: what an applier sends, read and checked, and its conflicts in words.

Upstream: `endpoints/handlers/patch.go` (applyPatcher) and `managedfields/internal`
(versioncheck, lastappliedmanager, lastappliedupdater, conflict).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define

from k8slite.apiserver.attributes import Asked
from k8slite.apiserver.decoding import Decoder, field_validation, read_yaml
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.write_options import APPLY, is_forced
from k8slite.kinds.kind import Kind
from k8slite.messages import Request
from k8slite.objects import codec, yaml_text
from k8slite.objects.errors import BadRequest, Cause, Conflict, Unknown
from k8slite.objects.field_comparison import compared, duplicates, fields_of
from k8slite.objects.field_managers import Conflicts
from k8slite.objects.fields import quoted
from k8slite.objects.fieldsets import FieldSet, contains, in_words, minus
from k8slite.objects.managed_fields import Manager

Json = dict[str, Any]
Path = tuple[str, ...]

# The only manager for whom the bookkeeping of client-side apply is taken over, and kept up.
_KUBECTL: Final = "kubectl"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATIONS_MOST_BYTES: Final = 256 * 1024


@define(eq=False)
class Applying:
    """One apply: `change` turns what there is into what it is to become."""

    decoder: Decoder
    management: FieldManagement
    asked: Asked
    config: Json
    force: bool
    # Complaints about the text, which come after all that can be wrong with what it says.
    said_twice: str = ""
    mode: str = "Ignore"

    def change(self, old: Json) -> Json:
        """The merged object, in the version that the client speaks; {} is nothing so far.

        Raises Conflict where others own what would change, unless it is forced.
        """
        uid = (self.config.get("metadata") or {}).get("uid")
        if uid and not old:
            raise Conflict(
                f"uid mismatch: the provided object specified uid {uid}, and no existing object "
                "was found"
            )
        found = self._merged(old or None)
        if self.asked.manager == _KUBECTL:
            _keep_up(found, self.config)
        # What lost all that was in it is left out, as wherever something is decoded.
        self.decoder.fields(found, self.asked.version)
        if self.said_twice:
            text = f"error converting YAML to JSON: {self.said_twice}"
            if self.mode == "Strict":
                raise BadRequest(f"error strict decoding YAML: {text}")
            self.asked.warn(text)
        return found

    def _merged(self, old: Json | None) -> Json:
        apply = self.management.apply
        try:
            return apply(self.asked, old, self.config, force=self.force)
        except Conflicts as conflicts:
            left = conflicts.fields
            if self.asked.manager == _KUBECTL and old is not None:
                allowed = self._from_last_applied(old)
                left = {
                    manager: [path for path in paths if not contains(allowed, path)]
                    for manager, paths in left.items()
                }
                if not any(left.values()):
                    return apply(self.asked, old, self.config, force=True)
            raise refused({name: paths for name, paths in left.items() if paths}) from None

    def _from_last_applied(self, old: Json) -> FieldSet:
        """What client-side apply set and is still so: its fields may be taken over."""
        kind = self.asked.version
        text = (old["metadata"].get("annotations") or {}).get(_LAST_APPLIED, "")
        try:
            last = codec.loads(text)
        except ValueError:
            return {}
        if not isinstance(last, dict) or last.get("apiVersion") != kind.api_version:
            return {}
        schema = self.management.schema(kind)
        live = self.management.seen(self.asked.kind, kind, old)
        live = {**live, "apiVersion": kind.api_version, "kind": kind.kind}
        difference = compared(last, live, schema)
        found = fields_of(last, schema)
        for changed in (difference.modified, difference.added, difference.removed):
            found = minus(found, changed)
        return found


def read_config(
    decoder: Decoder, management: FieldManagement, request: Request, asked: Asked
) -> Applying:
    """What a request to apply stands for.

    Raises BadRequest, Invalid, and an error without a reason, as upstream, where the object has
    fields that its type has not, or items that cannot be told apart.
    """
    kind = asked.version
    force = is_forced(request, APPLY)
    config = read_yaml(request.body)
    if not isinstance(config, dict):
        raise BadRequest(f"error decoding YAML: {_kind_of(config)} is no object")
    metadata = config.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequest("metadata is not an object")
    _check(config, kind)
    schema = management.schema(kind)
    sent = codec.loads(codec.dumps(config))
    complaints = decoder.fields(config, kind)
    _put_empty_back(config, sent)
    unknown = [
        f"{one.partition('unknown field ')[2].strip(chr(34))}: field not declared in schema"
        for one in complaints
    ]
    twice = [
        f"{in_words(path)[1:]}: duplicate entries for key {in_words((step,))}"
        for path, step in duplicates(config, schema)
    ]
    if unknown or twice:
        texts = [f".{one}" for one in (*unknown, *twice)]
        listed = texts[0] if len(texts) == 1 else "errors:\n  " + "\n  ".join(texts)
        where = f"{asked.namespace}/{asked.name}"
        type_ = f"{kind.group}/{kind.version}, Kind={kind.kind}"
        raise Unknown(f"failed to create typed patch object ({where}; {type_}): {listed}")
    mode = field_validation(request)
    said_twice = yaml_text.duplicate_keys(request.body) if mode != "Ignore" else ""
    return Applying(decoder, management, asked, config, force, said_twice, mode)


def refused(conflicts: Mapping[Manager, list[Path]]) -> Conflict:
    """Upstream's `NewConflictError`."""
    owners = sorted(conflicts)
    causes = [
        Cause("FieldManagerConflict", f"conflict with {_in_words(owner)}", in_words(path))
        for owner in owners
        for path in conflicts[owner]
    ]
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines = []
        for owner in owners:
            lines.append(f"conflicts with {_in_words(owner)}:")
            lines += [f"- {in_words(path)}" for path in conflicts[owner]]
        text = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return Conflict(text, details={}, causes=causes)


def _check(config: Json, kind: Kind) -> None:
    metadata = config.get("metadata") or {}
    if metadata.get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    version = config.get("apiVersion") or ""
    if version != kind.api_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {version}, expected: {kind.api_version}"
        )
    if config.get("kind") != kind.kind:
        raise BadRequest(
            f"the kind in the data ({config.get('kind') or ''}) does not match the expected kind "
            f"({kind.kind})"
        )


def _put_empty_back(decoded: Any, sent: Any) -> None:
    """An empty list or map that was sent is owned, though it is nothing to a reader."""
    if isinstance(sent, dict) and isinstance(decoded, dict):
        for name, value in sent.items():
            if name in decoded:
                _put_empty_back(decoded[name], value)
            elif value in ({}, []):
                decoded[name] = value
    elif isinstance(sent, list) and isinstance(decoded, list) and len(sent) == len(decoded):
        for one, other in zip(decoded, sent, strict=True):
            _put_empty_back(one, other)


def _keep_up(obj: Json, config: Json) -> None:
    """Where client-side apply has left its note, it says what was applied now."""
    annotations = obj["metadata"].get("annotations") or {}
    if _LAST_APPLIED not in annotations:
        return
    given = {
        key: value
        for key, value in ((config.get("metadata") or {}).get("annotations") or {}).items()
        if key != _LAST_APPLIED
    }
    metadata = {**(config.get("metadata") or {}), "annotations": given}
    if not given:
        del metadata["annotations"]
    annotations[_LAST_APPLIED] = codec.dumps({**config, "metadata": metadata}).decode() + "\n"
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_MOST_BYTES:
        del annotations[_LAST_APPLIED]


def _in_words(owner: Manager) -> str:
    text = quoted(owner.name)
    if owner.subresource:
        text += f" with subresource {quoted(owner.subresource)}"
    return f"{text} using {owner.api_version}" if owner.operation == "Update" else text


def _kind_of(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a scalar"
