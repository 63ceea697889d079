"""The level "restricted": what a pod must give up of its own accord. Pure.

Mirrors `k8s.io/pod-security-admission/policy`, by its identifiers.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_security_baseline import proc_mount
from k8slite.kinds.core.pod_security_view import Check, PodView, Violation, listed, told

Json = dict[str, Any]

_SECCOMP: Final = ("RuntimeDefault", "Localhost")
_VOLUMES: Final = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
        *("image", "persistentVolumeClaim", "projected", "secret"),
    )
)


def _escalation(pod: PodView) -> Violation | None:
    if pod.windows:
        return None
    names = pod.named(lambda context: context.get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    text = f"{told(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", text)


def _capabilities_restricted(pod: PodView) -> Violation | None:
    if pod.windows:
        return None
    keeping: list[str] = []
    adding: list[str] = []
    added: set[str] = set()
    for name, _, context in pod.containers():
        capabilities = context.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(name)
        own = set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
        if own:
            adding.append(name)
            added |= own
    parts = []
    if keeping:
        parts.append(f'{told(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        parts.append(
            f"{told(adding)} must not include {listed(sorted(added))} in "
            "securityContext.capabilities.add"
        )
    return Violation("unrestricted capabilities", "; ".join(parts)) if parts else None


def _volumes(pod: PodView) -> Violation | None:
    names: list[str] = []
    kinds: set[str] = set()
    for volume in pod.spec.get("volumes") or ():
        kind = next((key for key in volume if key != "name"), "")
        if kind and kind not in _VOLUMES:
            names.append(volume["name"])
            kinds.add(kind)
    if not names:
        return None
    plural = len(names) > 1
    text = (
        f"volume{'s' if plural else ''} {listed(names)} use{'' if plural else 's'} restricted "
        f"volume type{'s' if len(kinds) > 1 else ''} {listed(sorted(kinds))}"
    )
    return Violation("restricted volume types", text)


def _run_as_non_root(pod: PodView) -> Violation | None:
    if pod.own_users:
        return None
    by_pod = pod.context.get("runAsNonRoot")
    bad = pod.named(lambda context: context.get("runAsNonRoot") is False)
    silent = pod.named(lambda context: context.get("runAsNonRoot") is None)
    if bad or (by_pod is False and silent):
        who = ["pod"] if by_pod is False else []
        who += [told(bad)] if bad else []
        text = f"{' and '.join(who)} must not set securityContext.runAsNonRoot=false"
        return Violation("runAsNonRoot != true", text)
    if not by_pod and silent:
        text = f"pod or {told(silent)} must set securityContext.runAsNonRoot=true"
        return Violation("runAsNonRoot != true", text)
    return None


def _run_as_user(pod: PodView) -> Violation | None:
    if pod.own_users:
        return None
    names = pod.named(lambda context: context.get("runAsUser") == 0)
    who = ["pod"] if pod.context.get("runAsUser") == 0 else []
    who += [told(names)] if names else []
    return (
        Violation("runAsUser=0", f"{' and '.join(who)} must not set runAsUser=0") if who else None
    )


def _seccomp_restricted(pod: PodView) -> Violation | None:
    if pod.windows:
        return None

    def kind(context: Json) -> str:
        found: str = (context.get("seccompProfile") or {}).get("type", "")
        return found

    by_pod = kind(pod.context)
    bad = pod.named(lambda context: kind(context) not in ("", *_SECCOMP))
    if bad or by_pod not in ("", *_SECCOMP):
        who = ["pod"] if by_pod not in ("", *_SECCOMP) else []
        who += [told(bad)] if bad else []
        text = (
            f'{" and ".join(who)} must not set securityContext.seccompProfile.type to "Unconfined"'
        )
        return Violation("seccompProfile", text)
    silent = pod.named(lambda context: not kind(context))
    if by_pod or not silent:
        return None
    text = (
        f"pod or {told(silent)} must set securityContext.seccompProfile.type to "
        '"RuntimeDefault" or "Localhost"'
    )
    return Violation("seccompProfile", text)


RESTRICTED: Final[dict[str, Check]] = {
    "allowPrivilegeEscalation": Check(_escalation, 8),
    "capabilities_restricted": Check(_capabilities_restricted, 22, "capabilities_baseline"),
    "procMount_restricted": Check(proc_mount, 35, "procMount"),
    "restrictedVolumes": Check(_volumes, 0, "hostPathVolumes"),
    "runAsNonRoot": Check(_run_as_non_root),
    "runAsUser": Check(_run_as_user, 23),
    "seccompProfile_restricted": Check(_seccomp_restricted, 19, "seccompProfile_baseline"),
}
