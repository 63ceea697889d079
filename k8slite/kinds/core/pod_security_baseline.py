"""The level "baseline": what lets a pod out of its container. Pure.

Mirrors `k8s.io/pod-security-admission/policy`, by its identifiers.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_security_view import Check, PodView, Violation, listed, told
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_DEFAULT_CAPABILITIES: Final = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
# By the minor version that has let them be set.
_SYSCTLS: Final = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.tcp_wmem": 32,
}
_NEVER: Final = 1000
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_SELINUX_TYPES: Final = {
    "": 0,
    "container_t": 0,
    "container_init_t": 0,
    "container_kvm_t": 0,
    "container_engine_t": 31,
}


def _host_namespaces(pod: PodView) -> Violation | None:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def _host_path_volumes(pod: PodView) -> Violation | None:
    found = [one["name"] for one in pod.spec.get("volumes") or () if "hostPath" in one]
    if not found:
        return None
    return Violation("hostPath volumes", f"volume{'s' if len(found) > 1 else ''} {listed(found)}")


def _host_ports(pod: PodView) -> Violation | None:
    names: list[str] = []
    ports: list[str] = []
    for name, container, _ in pod.containers():
        own = [
            str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")
        ]
        if own:
            names.append(name)
            ports += [port for port in own if port not in ports]
    if not names:
        return None
    uses = "uses" if len(names) == 1 else "use"
    word = "hostPort" if len(ports) == 1 else "hostPorts"
    return Violation("hostPort", f"{told(names)} {uses} {word} {', '.join(sorted(ports))}")


def _host_process(pod: PodView) -> Violation | None:
    def is_set(context: Json) -> bool:
        return bool((context.get("windowsOptions") or {}).get("hostProcess"))

    names = pod.named(is_set)
    who = ["pod"] if is_set(pod.context) else []
    who += [told(names)] if names else []
    if not who:
        return None
    text = f"{' and '.join(who)} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", text)


def _privileged(pod: PodView) -> Violation | None:
    names = pod.named(lambda context: bool(context.get("privileged")))
    if not names:
        return None
    text = f"{told(names)} must not set securityContext.privileged=true"
    return Violation("privileged", text)


def _capabilities_baseline(pod: PodView) -> Violation | None:
    names: list[str] = []
    added: set[str] = set()
    for name, _, context in pod.containers():
        own = set((context.get("capabilities") or {}).get("add") or ()) - _DEFAULT_CAPABILITIES
        if own:
            names.append(name)
            added |= own
    if not names:
        return None
    text = (
        f"{told(names)} must not include {listed(sorted(added))} in "
        "securityContext.capabilities.add"
    )
    return Violation("non-default capabilities", text)


def proc_mount(pod: PodView) -> Violation | None:
    """What hides parts of /proc stays."""
    names: list[str] = []
    kinds: set[str] = set()
    for name, _, context in pod.containers():
        kind = context.get("procMount") or "Default"
        if kind != "Default":
            names.append(name)
            kinds.add(kind)
    if not names:
        return None
    text = f"{told(names)} must not set securityContext.procMount to {listed(sorted(kinds))}"
    return Violation("procMount", text)


def _selinux(pod: PodView) -> Violation | None:
    wrong: dict[str, set[str]] = {}
    who: list[str] = []

    def look(context: Json) -> bool:
        options = context.get("seLinuxOptions") or {}
        before = sum(map(len, wrong.values()))
        if pod.minor < _SELINUX_TYPES.get(options.get("type", ""), _NEVER):
            wrong.setdefault("type", set()).add(quoted(options["type"]))
        bad = False
        for part in ("user", "role"):
            if options.get(part):
                wrong.setdefault(f"{part} may not be set", set())
                bad = True
        return bad or sum(map(len, wrong.values())) > before

    if look(pod.context):
        who.append("pod")
    names = pod.named(look)
    who += [told(names)] if names else []
    if not who:
        return None
    parts = []
    if "type" in wrong:
        kinds = sorted(wrong["type"])
        parts.append(f"type{'s' if len(kinds) > 1 else ''} {', '.join(kinds)}")
    parts += [key for key in wrong if key != "type"]
    text = f"{' and '.join(who)} set forbidden securityContext.seLinuxOptions: {'; '.join(parts)}"
    return Violation("seLinuxOptions", text)


def _seccomp_baseline(pod: PodView) -> Violation | None:
    def bad(context: Json) -> bool:
        return (context.get("seccompProfile") or {}).get("type") == "Unconfined"

    names = pod.named(bad)
    who = ["pod"] if bad(pod.context) else []
    who += [told(names)] if names else []
    if not who:
        return None
    text = f'{" and ".join(who)} must not set securityContext.seccompProfile.type to "Unconfined"'
    return Violation("seccompProfile", text)


def _app_armor(pod: PodView) -> Violation | None:
    def bad(context: Json) -> bool:
        return (context.get("appArmorProfile") or {}).get("type") == "Unconfined"

    names = pod.named(bad)
    who = ["pod"] if bad(pod.context) else []
    who += [told(names)] if names else []
    forbidden = [
        f"{key}={quoted(value)}"
        for key, value in sorted(pod.annotations.items())
        if key.startswith("container.apparmor.security.beta.kubernetes.io/")
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    ]
    parts = []
    if who:
        parts.append(f'{" and ".join(who)} must not set AppArmor profile type to "Unconfined"')
    if forbidden:
        noun = "annotation" if len(forbidden) == 1 else "annotations"
        parts.append(f"{noun} {', '.join(forbidden)}")
    if not parts:
        return None
    many = len(forbidden) + len(who) > 1
    return Violation(f"forbidden AppArmor profile{'s' if many else ''}", "; ".join(parts))


def _sysctls(pod: PodView) -> Violation | None:
    names = [one["name"] for one in pod.context.get("sysctls") or ()]
    found = [name for name in names if pod.minor < _SYSCTLS.get(name, _NEVER)]
    return Violation("forbidden sysctls", ", ".join(found)) if found else None


def _host_handlers(pod: PodView) -> Violation | None:
    """Probes and hooks ask the pod itself, no other host."""
    names: set[str] = set()
    hosts: set[str] = set()
    for name, container, _ in pod.containers():
        hooks = container.get("lifecycle") or {}
        handlers = [container.get(part) for part in _PROBES]
        for handler in (*handlers, hooks.get("postStart"), hooks.get("preStop")):
            for sort in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(sort) or {}).get("host")
                if host:
                    names.add(name)
                    hosts.add(host)
    if not names:
        return None
    uses = "uses" if len(names) == 1 else "use"
    word = "probe or lifecycle host" if len(hosts) == 1 else "probe or lifecycle hosts"
    text = f"{told(sorted(names))} {uses} {word} {listed(sorted(hosts))}"
    return Violation("probe or lifecycle host", text)


BASELINE: Final[dict[str, Check]] = {
    "appArmorProfile": Check(_app_armor),
    "capabilities_baseline": Check(_capabilities_baseline),
    "hostNamespaces": Check(_host_namespaces),
    "hostPathVolumes": Check(_host_path_volumes),
    "hostPorts": Check(_host_ports),
    "hostProbesAndHostLifecycle": Check(_host_handlers, 34),
    "privileged": Check(_privileged),
    "procMount": Check(lambda pod: None if pod.own_users else proc_mount(pod)),
    "seLinuxOptions": Check(_selinux),
    "seccompProfile_baseline": Check(_seccomp_baseline),
    "sysctls": Check(_sysctls),
    "windowsHostProcess": Check(_host_process),
}
