"""What a pod takes from other objects: its variables, and the files of its volumes (pure).

Pods are plain dicts here, since what they may refer to is in many places. Upstream:
`kubelet_pods.go` (makeEnvironmentVariables), `pkg/volume/{configmap,secret,projected,downwardapi}`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, frozen

from k8slite.kinds.core.references import containers_of, projected_tokens
from k8slite.kubelet.downward import field_value, resource_value
from k8slite.kubelet.references import resolved
from k8slite.kubelet.runtimes.images import image_of
from k8slite.kubelet.service_variables import service_variables

Json = dict[str, Any]
Key = tuple[str, str]  # "configmaps", "secrets" or "persistentvolumeclaims", and a name


class Missing(Exception):
    """Something that a pod refers to is not there, in upstream's words."""


@frozen
class Contents:
    """What was found of a pod's references, None for what is not there; and its neighbourhood."""

    objects: Mapping[Key, Json | None] = Factory(dict)
    services: Sequence[Json] = ()
    allocatable: Mapping[str, str] = Factory(dict)  # of the node
    tokens: Mapping[str, str] = Factory(dict)  # of its service account, by audience


def references(pod: Json, *, given: bool = False) -> list[Key]:
    """What a pod refers to; with what every pod is given (its service account's volume) or not."""
    found: dict[Key, None] = {}
    for container in containers_of(pod["spec"]):
        for source in container.get("envFrom") or ():
            for field, plural in _BULK:
                if field in source:
                    found[plural, source[field]["name"]] = None
        for one in container.get("env") or ():
            for field, plural in _KEYS:
                if field in (one.get("valueFrom") or {}):
                    found[plural, one["valueFrom"][field]["name"]] = None
    for volume in _volumes(pod, given=given):
        found.update(dict.fromkeys(_volume_references(volume)))
    return list(found)


def wanted_tokens(pod: Json, *, given: bool = False) -> dict[str, Json]:
    """The tokens that its volumes project, by their audiences ("" for the API server's)."""
    found = projected_tokens({"volumes": _volumes(pod, given=given)})
    return {one.get("audience", ""): one for one in found}


def is_surrounded(pod: Json) -> bool:
    """Whether anything of it must be looked up before it starts."""
    containers = list(containers_of(pod["spec"]))
    if any(one.get("command") or one.get("args") for one in containers):
        return True
    if any("valueFrom" in env for one in containers for env in one.get("env") or ()):
        return True
    return bool(_volumes(pod, given=False) or references(pod))


def variables(pod: Json, container: Json, contents: Contents) -> dict[str, str]:
    """A container's environment. Raises Missing."""
    found = service_variables(pod, contents.services)
    for source in container.get("envFrom") or ():
        for field, plural in _BULK:
            if field in source:
                prefix = source.get("prefix", "")
                held = _object(pod, contents, plural, source[field])
                found.update({prefix + key: text.decode() for key, text in _data(held).items()})
    for one in container.get("env") or ():
        text = one.get("value", "")
        if "valueFrom" in one:
            value = _from(pod, container, one["valueFrom"], contents)
            if value is None:
                continue
            found[one["name"]] = value
        else:
            found[one["name"]] = resolved(text, found)
    return found


def files_of(pod: Json, volume: Json, contents: Contents) -> dict[str, bytes] | None:
    """A volume's files by their paths in it; None for one that containers write. Raises Missing."""
    if "image" in volume:
        files = image_of(volume["image"].get("reference", "")).files
        return {path.lstrip("/"): content for path, content in files.items()}
    if "projected" in volume:
        found: dict[str, bytes] = {}
        for source in volume["projected"].get("sources") or ():
            found.update(_projection(pod, source, contents) or {})
        return found
    source = {
        "configMap": volume.get("configMap"),
        "secret": volume.get("secret"),
        "downwardAPI": volume.get("downwardAPI"),
    }
    if source["secret"] is not None:
        source["secret"] = {"name": source["secret"].get("secretName"), **source["secret"]}
    return _projection(pod, {k: v for k, v in source.items() if v is not None}, contents)


def modes_of(pod: Json, volume: Json, files: Mapping[str, bytes] | None) -> dict[str, int]:
    """The modes of a volume's files, as it or its items say; a pod's fsGroup may read them all."""
    found: dict[str, int] = {}
    for field in ("configMap", "secret", "downwardAPI", "projected"):
        if field not in volume or files is None:
            continue
        found.update(dict.fromkeys(files, volume[field].get("defaultMode", 0o644)))
        sources = [volume[field]]
        if field == "projected":
            parts = volume[field].get("sources") or ()
            sources = [held for part in parts for held in part.values()]
        for source in sources:
            for item in source.get("items") or ():
                if "mode" in item:
                    found[item["path"]] = item["mode"]
    if (pod["spec"].get("securityContext") or {}).get("fsGroup") is not None:
        return {path: mode | _READ_BY_GROUP for path, mode in found.items()}
    return found


def sub_path(mount: Json, values: Mapping[str, str]) -> str:
    """What part of a volume is mounted. Raises Missing (upstream: makeMounts)."""
    text: str = mount.get("subPath", "")
    if mount.get("subPathExpr"):
        text = resolved(mount["subPathExpr"], values)
        unknown = _UNRESOLVED.search(text)
        if unknown is not None:
            raise Missing(f'missing value for "{unknown[1]}"')
    if text.startswith("/"):
        raise Missing(f"error SubPath `{text}` must not be an absolute path")
    if ".." in text.split("/"):
        raise Missing(f"unable to provision SubPath `{text}`: must not contain '..'")
    return text.strip("/")


def _projection(pod: Json, source: Json, contents: Contents) -> dict[str, bytes] | None:
    for field, plural, word in _FILES:
        if field in source:
            reference = source[field]
            data = _data(_object(pod, contents, plural, reference))
            if not reference.get("items"):
                return data
            found = {}
            for item in reference["items"]:
                if item["key"] in data:
                    found[item["path"]] = data[item["key"]]
                elif not reference.get("optional"):
                    raise Missing(f"references non-existent {word} key: {item['key']}")
            return found
    if "serviceAccountToken" in source:
        token = source["serviceAccountToken"]
        found_token = contents.tokens.get(token.get("audience", ""))
        return {} if found_token is None else {token["path"]: found_token.encode()}
    if "downwardAPI" in source:
        return {
            item["path"]: _downward(pod, item, contents).encode()
            for item in source["downwardAPI"].get("items") or ()
        }
    return None


def _downward(pod: Json, item: Json, contents: Contents) -> str:
    if "fieldRef" in item:
        return field_value(pod, item["fieldRef"]["fieldPath"])
    reference = item["resourceFieldRef"]
    containers = pod["spec"]["containers"]
    container = next(one for one in containers if one["name"] == reference["containerName"])
    return resource_value(container, reference, contents.allocatable)


def _from(pod: Json, container: Json, source: Json, contents: Contents) -> str | None:
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        reference = source["resourceFieldRef"]
        every = containers_of(pod["spec"])
        named = reference.get("containerName") or container["name"]
        return resource_value(
            next(one for one in every if one["name"] == named), reference, contents.allocatable
        )
    for field, plural in _KEYS:
        if field in source:
            reference = source[field]
            data = _data(_object(pod, contents, plural, reference))
            if reference["key"] in data:
                return data[reference["key"]].decode(errors="replace")
            if reference.get("optional"):
                return None
            kind = "ConfigMap" if plural == "configmaps" else "Secret"
            where = f"{kind} {pod['metadata']['namespace']}/{reference['name']}"
            raise Missing(f"couldn't find key {reference['key']} in {where}")
    return None


def _object(pod: Json, contents: Contents, plural: str, reference: Json) -> Json:
    name = reference.get("name", "")
    found = contents.objects.get((plural, name))
    if found is None and not reference.get("optional"):
        raise Missing(f'{plural.removesuffix("s")} "{name}" not found')
    return found or {}


def _data(held: Json) -> dict[str, bytes]:
    """What a ConfigMap or a Secret holds."""
    if held.get("kind") == "Secret":
        return {key: base64.b64decode(text) for key, text in (held.get("data") or {}).items()}
    found = {key: text.encode() for key, text in (held.get("data") or {}).items()}
    for key, text in (held.get("binaryData") or {}).items():
        found[key] = base64.b64decode(text)
    return found


def _volumes(pod: Json, *, given: bool) -> list[Json]:
    volumes = pod["spec"].get("volumes") or ()
    return [one for one in volumes if given or not one["name"].startswith(_GIVEN)]


def _volume_references(volume: Json) -> Iterator[Key]:
    if "configMap" in volume:
        yield "configmaps", volume["configMap"].get("name", "")
    if "secret" in volume:
        yield "secrets", volume["secret"].get("secretName", "")
    if "persistentVolumeClaim" in volume:
        yield "persistentvolumeclaims", volume["persistentVolumeClaim"]["claimName"]
    for source in (volume.get("projected") or {}).get("sources") or ():
        for field, plural, _ in _FILES:
            if field in source:
                yield plural, source[field].get("name", "")


_READ_BY_GROUP: Final = 0o440  # upstream: roMask of SetVolumeOwnership
_UNRESOLVED: Final = re.compile(r"\$\(([^()]*)\)")
_GIVEN: Final = "kube-api-access-"
_BULK: Final = (("configMapRef", "configmaps"), ("secretRef", "secrets"))
_KEYS: Final = (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets"))
_FILES: Final = (("configMap", "configmaps", "config"), ("secret", "secrets", "secret"))
