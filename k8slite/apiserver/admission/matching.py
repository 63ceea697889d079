"""Whether a webhook or a policy is about a write: rules, selectors, equivalent versions.

Upstream: `apiserver/pkg/admission/plugin/webhook/predicates` and `plugin/policy/matching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.versions import Versions
from k8slite.kinds.kind import Kind
from k8slite.kinds.models import LabelSelector
from k8slite.objects import codec
from k8slite.objects.selectors import selector_of
from k8slite.objects.structure import structure

Json = dict[str, Any]

# What is never asked about: a mistake in it could not be mended (upstream:
# IsExemptAdmissionConfigurationResource).
EXEMPT: Final = frozenset(
    f"{plural}.admissionregistration.k8s.io"
    for plural in (
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)


@frozen
class Matcher:
    """Looks namespaces and versions up."""

    storage: Storage
    versions: Versions

    def kind_for(self, attributes: Attributes, rules: Iterable[Json], policy: str) -> Kind | None:
        """The kind in the version that the rules ask for; None where they ask for nothing."""
        asked = attributes.asked
        spoken = asked.version
        listed = list(rules)
        if any(_applies(rule, attributes, spoken) for rule in listed):
            return spoken
        if policy == "Exact":
            return None
        for kind in self.storage.kinds.all():
            if kind is spoken or kind.prefix != asked.kind.prefix:
                continue
            if any(_applies(rule, attributes, kind) for rule in listed):
                return kind
        return None

    def selects(self, attributes: Attributes, selectors: Mapping[str, Any]) -> bool:
        """Whether the namespace and the object have the labels that are asked for."""
        wanted = selectors.get("namespaceSelector")
        if wanted and not _matches(wanted, self._namespace_labels(attributes)):
            return False
        wanted = selectors.get("objectSelector")
        if not wanted:
            return True
        return any(
            _matches(wanted, (one.get("metadata") or {}).get("labels") or {})
            for one in (attributes.new, attributes.old)
            if one is not None
        )

    def namespace(self, attributes: Attributes) -> Json | None:
        """The namespace that a write is in."""
        name = attributes.asked.namespace
        return self.storage.find("namespaces/", "", name) if name else None

    async def prepare(self, attributes: Attributes, kind: Kind) -> None:
        """Have the objects of a write converted, so that they can be seen in a version.

        Raises Unknown where the converter fails.
        """
        asked = attributes.asked
        if kind is not asked.kind and asked.views is not None and attributes.document is None:
            for obj in (attributes.new, attributes.old):
                await self.versions.completing(
                    asked.views, partial(self.seen, attributes, kind, obj)
                )

    def seen(self, attributes: Attributes, kind: Kind, obj: Json | None) -> Json | None:
        """An object of a write in the version of `kind`, with its type; see `prepare`."""
        if obj is None:
            return None
        asked = attributes.asked
        found: Json = codec.loads(codec.dumps(obj))
        if attributes.document is not None:
            sent = attributes.document
            version = f"{sent.group}/{sent.version}" if sent.group else sent.version
            return {**found, "apiVersion": version, "kind": sent.kind}
        if kind is not asked.kind:
            if asked.kind.family is not None and asked.views is not None:
                found = asked.views.of(found, asked.kind, kind.version)
            elif asked.kind.family is not None:
                found = asked.kind.family.renamed(found, kind.version)
            elif kind.from_stored is not None:
                found = kind.from_stored(found)
        return {**found, "apiVersion": kind.api_version, "kind": kind.kind}

    async def kept(self, attributes: Attributes, kind: Kind, obj: Json) -> Json:
        """The way back from `seen`, without the type."""
        asked = attributes.asked
        if kind is not asked.kind:
            if asked.kind.family is not None:
                obj = await self.versions.converted(kind, obj, asked.kind.version)
            elif kind.to_stored is not None:
                obj = kind.to_stored(obj)
        return {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}

    def _namespace_labels(self, attributes: Attributes) -> Mapping[str, str] | None:
        """None for what is in no namespace and is none: it is always selected."""
        asked = attributes.asked
        if asked.kind.group_resource == "namespaces":
            obj = attributes.new or attributes.old or {}
        elif asked.namespace:
            obj = self.namespace(attributes) or {}
        else:
            return None
        labels: Mapping[str, str] = (obj.get("metadata") or {}).get("labels") or {}
        return labels


def has_labels(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector, as objects hold it, matches."""
    return selector_of(structure(selector, LabelSelector)).matches(labels)


def _matches(selector: Json, labels: Mapping[str, str] | None) -> bool:
    if labels is None:
        return True
    return has_labels(selector, labels)


def _applies(rule: Json, attributes: Attributes, kind: Kind) -> bool:
    asked = attributes.asked
    scope = rule.get("scope", "*")
    names = rule.get("resourceNames")
    return (
        _lists(rule.get("operations"), attributes.operation)
        and _lists(rule.get("apiGroups"), kind.group)
        and _lists(rule.get("apiVersions"), kind.version)
        and _lists_resource(rule.get("resources") or (), kind.plural, asked.subresource)
        and (scope == "*" or (scope == "Namespaced") == kind.namespaced)
        and (not names or asked.name in names)
    )


def _lists(values: Iterable[str] | None, value: str) -> bool:
    return any(one in ("*", value) for one in values or ())


def _lists_resource(values: Iterable[str], plural: str, subresource: str) -> bool:
    """`*` is every resource and nothing below one, `pods/*` a pod and all that is below it."""
    for one in values:
        resource, _, part = one.partition("/")
        if resource in ("*", plural) and part in ("*", subresource):
            return True
    return False
