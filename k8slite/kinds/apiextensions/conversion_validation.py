"""How versions of a custom resource are converted, and in which of them objects may be kept.

Mirrors `validateCustomResourceConversion` and `ValidateCustomResourceDefinitionStoredVersions` of
`apiextensions-apiserver/pkg/apis/apiextensions/validation`, whose paths are those of the internal
type: `webhookClientConfig` is what is written as `webhook.clientConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from k8slite.kinds.ca_bundle import validate_ca_bundle
from k8slite.kinds.webhook_client import validate_client
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.meta import has_condition
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1035_label

Json = dict[str, Any]

_STRATEGIES: Final = ("None", "Webhook")
_REVIEW_VERSIONS: Final = ("v1", "v1beta1")


def validate_conversion(
    conversion: Json, path: str, *, recognized: bool = True, trusting: bool = True
) -> list[Cause]:
    """`spec.conversion`; `recognized` says that a version of reviews must be known here, and
    `trusting` that a bundle of certificates is taken as it is."""
    strategy = conversion.get("strategy", "")
    at = f"{path}.strategy"
    if not strategy:
        return [required(at)]
    if strategy not in _STRATEGIES:
        return [not_supported(at, strategy, _STRATEGIES)]
    webhook = conversion.get("webhook") or {}
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or ()
    where, listed = f"{path}.webhookClientConfig", f"{path}.conversionReviewVersions"
    if strategy == "None":
        text = "should not be set when strategy is not set to Webhook"
        found = [forbidden(where, text)] if client is not None else []
        return [*found, forbidden(listed, text)] if versions else found
    if client is None:
        found = [required(where, "required when strategy is set to Webhook")]
    else:
        found = validate_client(client, where)
        if not trusting:
            found += validate_ca_bundle(client.get("caBundle") or "", f"{where}.caBundle")
    return found + _review_versions(versions, listed, recognized)


def _review_versions(versions: Sequence[str], path: str, recognized: bool) -> list[Cause]:
    if not versions:
        return [required(path)]
    found: list[Cause] = []
    for number, version in enumerate(versions):
        if version in versions[:number]:
            found.append(invalid(f"{path}[{number}]", version, "duplicate version"))
            continue
        found += each(f"{path}[{number}]", version, is_dns1035_label(version))
    if recognized and not any(version in _REVIEW_VERSIONS for version in versions):
        text = f"must include at least one of {', '.join(_REVIEW_VERSIONS)}"
        found.append(invalid(path, list(versions), text))
    return found


def has_bad_bundle(definition: Json) -> bool:
    """Whether no certificate of the conversion webhook can be checked with the bundle it has."""
    conversion = definition.get("spec", {}).get("conversion") or {}
    client = (conversion.get("webhook") or {}).get("clientConfig") or {}
    return bool(validate_ca_bundle(client.get("caBundle") or "", "caBundle"))


def trusts_any_bundle(definition: Json) -> bool:
    """Whether a stored definition may have a bad bundle: it is not served yet, or has one."""
    return not has_condition(definition, "Established") or has_bad_bundle(definition)


def recognizes_reviews(definition: Json) -> bool:
    """Whether a stored definition names a version of reviews that is known, or none at all."""
    webhook = (definition.get("spec", {}).get("conversion") or {}).get("webhook") or {}
    versions = webhook.get("conversionReviewVersions") or ()
    return not versions or any(version in _REVIEW_VERSIONS for version in versions)


def validate_stored_versions(definition: Json, _old: Json | None = None) -> list[Cause]:
    """`status.storedVersions`: the storage version is among them, and all of them are there."""
    path = "status.storedVersions"
    stored = (definition.get("status") or {}).get("storedVersions") or []
    versions = definition.get("spec", {}).get("versions") or ()
    if not stored:
        return [invalid(path, stored, "must have at least one stored version")]
    found = [
        invalid(path, version, f"must have the storage version {version['name']}")
        for version in versions
        if version.get("storage") and version["name"] not in stored
    ]
    return found + missing_versions(stored, versions)


def missing_versions(stored: Sequence[str], versions: Sequence[Json]) -> list[Cause]:
    """What is said of versions that objects may be kept in, and that are not there any more."""
    listed = [version.get("name") for version in versions]
    return [
        invalid(
            f"status.storedVersions[{number}]",
            name,
            f"missing from spec.versions; {name} was previously a storage version, and must "
            "remain in spec.versions until a storage migration ensures no data remains persisted "
            f"in {name} and removes {name} from status.storedVersions",
        )
        for number, name in enumerate(stored)
        if name not in listed
    ]
