"""How clients find the cluster: a kubeconfig, alone or as a context in the user's own.

JSON is YAML, so that writing one needs no YAML library; merging keeps the user's own file as it
was written, comments included.
"""

from __future__ import annotations

import base64
import os
from io import StringIO
from pathlib import Path
from typing import Any

import orjson

from k8slite.live.certificates import Authority
from k8slite.live.data_directory import replace_file

Json = dict[str, Any]


class Unmergeable(Exception):
    """The user's kubeconfig is not what it should be; it is left as it is."""


def kubeconfig(server: str, authority: Authority, name: str) -> Json:
    """A kubeconfig for the administrator, with everything inside; `name` is the context's."""
    admin = authority.admin
    return config(
        name,
        {
            "server": server,
            "certificate-authority-data": _base64(authority.bundle.encode()),
        },
        {
            "client-certificate-data": _base64(admin.certificate.read_bytes()),
            "client-key-data": _base64(admin.key.read_bytes()),
        },
    )


def config(name: str, cluster: Json, user: Json) -> Json:
    """A kubeconfig of one cluster and one user, in a context of that name."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "preferences": {},
    }


def write(path: Path, config: Json) -> None:
    """Write a kubeconfig that only its owner can read."""
    replace_file(path, to_yaml(config).encode())


def to_yaml(config: Json) -> str:
    """The kubeconfig in a form that every reader of YAML takes."""
    return orjson.dumps(config, option=orjson.OPT_INDENT_2).decode() + "\n"


def user_path() -> Path:
    """The user's own kubeconfig: the first of $KUBECONFIG, or ~/.kube/config."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube" / "config"


def merge(path: Path, config: Json) -> None:
    """Add the cluster, user and context to a kubeconfig and make the context current.

    What is there under the same names is replaced, all else stays. Raises Unmergeable or OSError.
    """
    from ruamel.yaml import YAML  # only this command needs it
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.width = 1 << 16  # certificates are long lines
    found: Any = None
    if path.exists():
        try:
            found = yaml.load(path.read_text())
        except (YAMLError, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise Unmergeable(f"{path} is not a kubeconfig: {first}") from None
    if found is None:
        found = {"apiVersion": "v1", "kind": "Config"}
    if not isinstance(found, dict):
        raise Unmergeable(f"{path} is not a kubeconfig")
    for part in ("clusters", "users", "contexts"):
        entries = found.setdefault(part, [])
        if entries is None:
            entries = found[part] = []
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise Unmergeable(f"{path} is not a kubeconfig: {part} is not a list of objects")
        for ours in config[part]:
            _put(entries, ours)
    found["current-context"] = config["current-context"]
    text = StringIO()
    yaml.dump(found, text)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What a link leads to is replaced, not the link.
    replace_file(path.resolve(), text.getvalue().encode())


def _put(entries: list[Json], ours: Json) -> None:
    for at, entry in enumerate(entries):
        if entry.get("name") == ours["name"]:
            entries[at] = ours
            return
    entries.append(ours)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
