"""ConfigMaps and Secrets: keys, size, what a type needs, and what is set for good.

Mirrors `ValidateConfigMap` and `ValidateSecret` of `pkg/apis/core/validation`.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, required, too_long
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_config_map_key

Json = dict[str, Any]

# All values together, decoded.
DATA_LIMIT_BYTES: Final = 1024 * 1024


def validate_config_map(new: Json, old: Json | None) -> list[Cause]:
    """A ConfigMap."""
    found = _frozen(new, old, ("data", "binaryData")) if old is not None else []
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    size_bytes = 0
    for key, value in data.items():
        found += each(f"data[{key}]", key, is_config_map_key(key))
        if key in binary:
            text = "duplicate of key present in binaryData"
            found.append(invalid(f"data[{key}]", key, text))
        size_bytes += len(value.encode())
    for key, value in binary.items():
        found += each(f"binaryData[{key}]", key, is_config_map_key(key))
        size_bytes += _decoded_bytes(value)
    if size_bytes > DATA_LIMIT_BYTES:
        # A path without a name is shown like this.
        found.append(too_long("[]", DATA_LIMIT_BYTES))
    return found


def validate_secret(new: Json, old: Json | None) -> list[Cause]:
    """A Secret; its values are base64."""
    found: list[Cause] = []
    if old is not None:
        found += immutable("type", new.get("type", ""), old.get("type", ""))
        found += _frozen(new, old, ("data",))
    data = new.get("data") or {}
    size_bytes = 0
    for key, value in data.items():
        found += each(f"data[{key}]", key, is_config_map_key(key))
        size_bytes += _decoded_bytes(value)
    if size_bytes > DATA_LIMIT_BYTES:
        found.append(too_long("data", DATA_LIMIT_BYTES))
    return found + _typed(new, data)


def _typed(secret: Json, data: Json) -> list[Cause]:
    kind = secret.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        key = "kubernetes.io/service-account.name"
        if not secret["metadata"].get("annotations", {}).get(key):
            return [required(f"metadata.annotations[{key}]")]
        return []
    if kind in _JSON_KEYS:
        key = _JSON_KEYS[kind]
        if key not in data:
            return [required(f"data[{key}]")]
        try:
            orjson.loads(base64.b64decode(data[key]))
        except ValueError:
            text = "invalid character in the secret's JSON"
            return [invalid(f"data[{key}]", "<secret contents redacted>", text)]
        return []
    if kind == "kubernetes.io/basic-auth":
        # One of the two is enough.
        if "username" in data or "password" in data:
            return []
        return [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
    if kind == "kubernetes.io/tls":
        return [required(f"data[{k}]") for k in ("tls.crt", "tls.key") if k not in data]
    return []


def _frozen(new: Json, old: Json, keys: tuple[str, ...]) -> list[Cause]:
    if not old.get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    found = [] if new.get("immutable") else [forbidden("immutable", text)]
    found += [forbidden(key, text) for key in keys if (new.get(key) or {}) != (old.get(key) or {})]
    return found


def _decoded_bytes(value: str) -> int:
    return len(value) // 4 * 3 - value[-2:].count("=")


_JSON_KEYS: Final = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}
