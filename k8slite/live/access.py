"""How to reach a cluster that somebody else runs: from kubeconfigs, or from inside a pod.

The rules are those of upstream's `clientcmd`: a file that is named must be there; else the files
of $KUBECONFIG, or ~/.kube/config, of which the first to say something about a name wins; and where
all of them say nothing, a pod's own service account.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from k8slite.live.credentials import (
    Command,
    Credential,
    Credentials,
    Fixed,
    TokenFile,
    basic,
    bearer,
)

Json = dict[str, Any]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class NoAccess(Exception):
    """It is not said, or not well, how to reach a cluster; the text tells why."""


@frozen
class Access:
    """What is needed to talk to an API server."""

    server: str  # a URL
    credentials: Credentials
    authorities: str = ""  # whose certificates the server may show, in PEM; "": the system's
    verify: bool = True
    server_name: str = ""  # that its certificate is for; "": the URL's
    headers: Mapping[str, str] = {}


def access(path: Path | None = None, context: str = "", mount: Path = SERVICE_ACCOUNT) -> Access:
    """The access that a person means who has said this much, or nothing. Raises NoAccess.

    `path` is a kubeconfig's; `context` one of its contexts, by default the current one; `mount`
    is where a pod finds its service account.
    """
    environment = os.environ
    paths = [path] if path is not None else _usual_paths(environment)
    config = _Config()
    for one in paths:
        if path is not None or one.exists():
            config.add(one)
    if config.empty and path is None and not context:
        if environment.get("KUBERNETES_SERVICE_HOST") and (mount / "token").exists():
            return _of_pod(environment, mount)
        names = " or ".join(str(one) for one in paths)
        raise NoAccess(f"no kubeconfig at {names}; name one with --kubeconfig")
    return config.access(context)


def _usual_paths(environment: Mapping[str, str]) -> list[Path]:
    named = [one for one in environment.get("KUBECONFIG", "").split(os.pathsep) if one]
    if not named:
        return [Path.home() / ".kube" / "config"]
    return [Path(one) for one in dict.fromkeys(named)]


def _of_pod(environment: Mapping[str, str], mount: Path) -> Access:
    """Upstream: `rest.InClusterConfig`."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    return Access(
        f"https://{f'[{host}]' if ':' in host else host}:{port}",
        TokenFile(mount / "token", Credential()),
        _read(mount / "ca.crt"),
    )


class _Config:
    """Several kubeconfigs as one; each entry remembers its file, to which its paths are meant."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, tuple[Json, Path]]] = {
            "clusters": {},
            "users": {},
            "contexts": {},
        }
        self._current = ""
        self._paths: list[Path] = []

    @property
    def empty(self) -> bool:
        return not any(self._entries.values()) and not self._current

    def add(self, path: Path) -> None:
        """Take over what no file before has said. Raises NoAccess."""
        config = _yaml(path)
        self._paths.append(path)
        self._current = self._current or str(config.get("current-context") or "")
        for part, known in self._entries.items():
            entries = config.get(part) or []
            if not isinstance(entries, list):
                raise NoAccess(f"{path} is not a kubeconfig: {part} is not a list")
            for entry in entries:
                value = entry.get(part[:-1]) if isinstance(entry, dict) else None
                if not isinstance(entry, dict) or not isinstance(value or {}, dict):
                    raise NoAccess(f"{path} is not a kubeconfig: an entry of {part} is not valid")
                known.setdefault(str(entry.get("name")), (value or {}, path.parent))

    def access(self, name: str) -> Access:
        """What a context leads to; the current one for "". Raises NoAccess."""
        where = ", ".join(str(path) for path in self._paths)
        name = name or self._current
        if not name:
            raise NoAccess(f"{where} has no current context; name one with --context")
        context, _ = self._entry("contexts", name, where)
        cluster, folder = self._entry("clusters", str(context.get("cluster") or ""), where)
        user: Json = {}
        user_folder = folder
        if context.get("user"):
            user, user_folder = self._entry("users", str(context["user"]), where)
        server = str(cluster.get("server") or "")
        if not server.startswith(("https://", "http://")):
            raise NoAccess(f"the cluster of context {name!r} in {where} has no server")
        if cluster.get("proxy-url"):
            raise NoAccess(f"the cluster of context {name!r} is behind a proxy (not supported)")
        return Access(
            server,
            _credentials(user, user_folder, cluster),
            _data_or_file(cluster, "certificate-authority", folder),
            not cluster.get("insecure-skip-tls-verify"),
            str(cluster.get("tls-server-name") or ""),
            _impersonation(user),
        )

    def _entry(self, part: str, name: str, where: str) -> tuple[Json, Path]:
        found = self._entries[part].get(name)
        if found is None:
            known = ", ".join(self._entries[part]) or "none"
            raise NoAccess(f"{where} has no {part[:-1]} {name!r}; it has: {known}")
        return found


def _credentials(user: Json, folder: Path, cluster: Json) -> Credentials:
    authorization = bearer(str(user.get("token") or ""))
    if not authorization and user.get("username"):
        authorization = basic(str(user["username"]), str(user.get("password") or ""))
    credential = Credential(
        authorization,
        _data_or_file(user, "client-certificate", folder),
        _data_or_file(user, "client-key", folder),
    )
    if bool(credential.certificate) != bool(credential.key):
        raise NoAccess("a user has a client certificate without its key, or a key without it")
    if user.get("auth-provider"):
        raise NoAccess("a user's auth-provider was taken out of Kubernetes in 1.26; use exec")
    if user.get("tokenFile"):
        return TokenFile(folder / str(user["tokenFile"]), credential)
    if isinstance(user.get("exec"), dict):
        return _command(user["exec"], folder, cluster, credential)
    return Fixed(credential)


def _command(wanted: Json, folder: Path, cluster: Json, rest: Credential) -> Command:
    version = wanted.get("apiVersion")
    if version not in _EXEC_VERSIONS:
        raise NoAccess(f"a user's exec is of {version}, not of {' or '.join(_EXEC_VERSIONS)}")
    if wanted.get("interactiveMode") == "Always":
        raise NoAccess("a user's exec wants to ask at the terminal (interactiveMode: Always)")
    program = str(wanted.get("command") or "")
    # A name alone is looked for in $PATH; a path is meant from the kubeconfig.
    found = str(folder / program) if os.sep in program else shutil.which(program)
    if not program or found is None:
        hint = str(wanted.get("installHint") or "").strip()
        raise NoAccess(f"a user's exec needs {program!r}, which is not in $PATH. {hint}".strip())
    spec: Json = {"interactive": False}
    if wanted.get("provideClusterInfo"):
        names = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        info = {name: cluster[name] for name in names if name in cluster}
        if "certificate-authority-data" in cluster:
            info["certificate-authority-data"] = cluster["certificate-authority-data"]
        spec["cluster"] = info
    added = {str(one["name"]): str(one["value"]) for one in wanted.get("env") or ()}
    arguments = [str(one) for one in wanted.get("args") or ()]
    info = {"kind": "ExecCredential", "apiVersion": version, "spec": spec}
    return Command([found, *arguments], {**os.environ, **added}, info, rest)


def _impersonation(user: Json) -> dict[str, str]:
    groups: Sequence[Any] = user.get("as-groups") or ()
    if len(groups) > 1 or user.get("as-user-extra"):
        raise NoAccess("a user with several as-groups, or as-user-extra, is not supported")
    headers = {
        "impersonate-user": str(user.get("as") or ""),
        "impersonate-uid": str(user.get("as-uid") or ""),
        "impersonate-group": str(groups[0]) if groups else "",
    }
    return {name: value for name, value in headers.items() if value}


def _data_or_file(entry: Json, name: str, folder: Path) -> str:
    """What is given inside (it wins) or as a path; "" for neither. Raises NoAccess."""
    data = entry.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise NoAccess(f"a kubeconfig's {name}-data is not base64 of PEM") from None
    path = entry.get(name)
    return _read(folder / str(path)) if path else ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise NoAccess(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoAccess(f"{path} is not a text") from None


def _yaml(path: Path) -> Json:
    from ruamel.yaml import YAML  # takes longer to load than all the rest of this
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(_read(path))
    except YAMLError as error:
        raise NoAccess(f"{path} is not a kubeconfig: {str(error).splitlines()[0]}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise NoAccess(f"{path} is not a kubeconfig")
    return found
