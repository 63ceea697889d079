"""Where a webhook listens, as objects of several kinds say it: a URL, or a reference to a Service.

Upstream: `apiserver/pkg/util/webhook/validation.go`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain, is_port_number

Json = dict[str, Any]

_FORM: Final = "; desired format: https://host[/path]"


def validate_client(client: Json, path: str) -> list[Cause]:
    """A `clientConfig`."""
    url, service = client.get("url"), client.get("service")
    if (service is None) == (url is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return validate_url(url, f"{path}.url")
    assert service is not None
    return validate_service(service, f"{path}.service")


def validate_url(url: str, path: str) -> list[Cause]:
    """A webhook's URL: https, a host, and nothing but a path."""
    try:
        parts = urlsplit(url)
        host, user = parts.netloc.rpartition("@")[2], parts.netloc.rpartition("@")[0]
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_FORM}")]
    found: list[Cause] = []
    if parts.scheme != "https":
        found.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        found.append(invalid(path, host, f"host must be provided{_FORM}"))
    if user:
        found.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        found.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        found.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return found


def validate_service(service: Json, path: str) -> list[Cause]:
    """A reference to a Service, with the path that is asked for there."""
    found = [
        required(f"{path}.{key}", f"service {key} is required")
        for key in ("name", "namespace")
        if not service.get(key)
    ]
    port = service.get("port", 0)
    wrong = is_port_number(port)
    if wrong:
        text = f"port is not valid: {', '.join(wrong)}"
        found.append(invalid(f"{path}.port", port, text))
    return found + _path(service.get("path") or "", f"{path}.path")


def _path(wanted: str, path: str) -> list[Cause]:
    if wanted in ("", "/"):
        return []
    if wanted == "//":
        return [invalid(path, wanted, "segment[0] may not be empty")]
    found = [] if wanted.startswith("/") else [invalid(path, wanted, "must start with a '/'")]
    for number, step in enumerate(wanted[1:].removesuffix("/").split("/")):
        if not step:
            found.append(invalid(path, wanted, f"segment[{number}] may not be empty"))
            continue
        texts = [f"segment[{number}]: {text}" for text in is_dns1123_subdomain(step)]
        found += each(path, wanted, texts)
    return found
