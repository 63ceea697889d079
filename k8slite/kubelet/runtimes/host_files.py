"""The files by which a container knows names: /etc/hosts and /etc/resolv.conf (pure).

Upstream: `kubelet_pods.go` (managedHostsFileContent), `network/dns/dns.go` (GetPodDNS).
"""

from __future__ import annotations

from typing import Final

from k8slite.kubelet.pod import Pod

DOMAIN: Final = "cluster.local"
SERVER: Final = "10.96.0.10"  # where kubeadm puts a cluster's DNS
_NODE_SERVER: Final = "192.0.2.53"  # a node's own; nobody answers there
_SERVERS_MOST: Final = 3  # upstream: MaxDNSNameservers


def full_name(pod: Pod, name: str) -> str:
    """The name that a pod of a service without an address has in it; "" for other pods."""
    if not pod.spec.subdomain:
        return ""
    return f"{name}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{DOMAIN}"


def hosts(pod: Pod, name: str, address: str) -> str:
    """The content of /etc/hosts."""
    whole = full_name(pod, name)
    if pod.spec.host_network:
        lines = ["# Kubernetes-managed hosts file (host network).", *node_hosts().splitlines()]
    else:
        lines = [
            "# Kubernetes-managed hosts file.",
            *_LOCAL,
            f"{address}\t{whole}\t{name}" if whole else f"{address}\t{name}",
        ]
    aliases = [f"{one.ip}\t{chr(9).join(one.hostnames)}" for one in pod.spec.host_aliases]
    if aliases:
        lines += ["", "# Entries added by HostAliases.", *aliases]
    return "\n".join([*lines, ""])


def node_hosts() -> str:
    """The content of a node's own /etc/hosts."""
    return "".join(f"{line}\n" for line in _LOCAL)


def resolv_conf(pod: Pod) -> str:
    """The content of /etc/resolv.conf."""
    policy, config = pod.spec.dns_policy, pod.spec.dns_config
    servers, searches, options = list[str](), list[str](), dict[str, str]()
    if policy == "Default" or (pod.spec.host_network and policy != "ClusterFirstWithHostNet"):
        servers.append(_NODE_SERVER)
    elif policy != "None":
        servers.append(SERVER)
        searches += [f"{pod.metadata.namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN]
        options["ndots"] = "5"
    servers = list(dict.fromkeys([*servers, *config.nameservers]))[:_SERVERS_MOST]
    searches = list(dict.fromkeys([*searches, *config.searches]))
    options.update((one.name, one.value or "") for one in config.options)
    lines = [f"nameserver {one}" for one in servers]
    if searches:
        lines.insert(0, f"search {' '.join(searches)}")
    if options:
        said = (f"{name}:{value}" if value else name for name, value in options.items())
        lines.append(f"options {' '.join(said)}")
    return "".join(f"{line}\n" for line in lines)


_LOCAL: Final = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
)
