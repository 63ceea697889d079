"""Services between imagined pods: names, cluster IPs and node ports, within this process."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from k8slite import sim
from k8slite.client.resource import PODS, SERVICES
from k8slite.kubelet.runtimes.runtime import ContainerKey
from k8slite.kubelet.runtimes.session import nothing

Json = dict[str, Any]
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def pod(name: str, *arguments: str, **spec: Any) -> Json:
    container = {"name": "c", "image": AGNHOST, "args": list(arguments or ("pause",))}
    metadata = {"name": name, "labels": {"app": "web" if arguments else "client"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **spec},
    }


def service(name: str, **spec: Any) -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    ports.append({"name": "udp", "port": 81, "targetPort": 8081, "protocol": "UDP"})
    spec = {"selector": {"app": "web"}, "ports": ports, **spec}
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


class Scene:
    """A cluster with a client, two servers and some services for them."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    async def run(self, script: str, pod_name: str = "client") -> str:
        """What a shell in a pod prints, and its code if it is not 0."""
        found = await self.cluster.client.get(PODS, pod_name, "default")
        key, printed = ContainerKey(found["metadata"]["uid"], "c"), bytearray()

        async def write(data: bytes, error: bool) -> None:
            printed.extend(data)

        runtime = self.cluster.cluster.fleet.runtime
        code = await runtime.exec(key, ("sh", "-c", script), nothing(write))
        return printed.decode() + (f"[{code}]" if code else "")

    async def address(self, name: str) -> str:
        found = await self.cluster.client.get(PODS, name, "default")
        return str(found["status"]["podIP"])


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """With services `web`, `none` (no endpoints), `heads` (headless) and `elsewhere` (a name)."""
    async with sim.cluster(nodes=2) as cluster:
        for one in (
            service("web", type="NodePort"),
            service("none", selector={"app": "nobody"}),
            service("heads", clusterIP="None"),
            service("same", sessionAffinity="ClientIP"),
        ):
            await cluster.apply(one)
        named = {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"}
        alias = service("elsewhere")
        alias["spec"] = named
        await cluster.apply(alias)
        for name in ("web-0", "web-1"):
            await cluster.apply(pod(name, "netexec", hostname=name, subdomain="heads"))
        await cluster.apply(pod("client"))
        await cluster.rest()
        yield Scene(cluster)


A_NAME = r"web-[01]"
NO_HOST = "wget: can't connect to remote host"
DIAL = "http://web/dial?host=web&request=hostname"
TABLE = [
    # Names of services and pods, as the DNS of a cluster has them.
    ("wget -q -O - http://web/hostname", A_NAME),
    ("curl -s web.default/hostname", A_NAME),
    ("curl -s http://web.default.svc.cluster.local:80/hostname", A_NAME),
    ("curl -s http://elsewhere/hostname", A_NAME),
    ("curl -s http://heads:8080/hostname", A_NAME),
    ("curl -s http://web-1.heads:8080/hostname", "web-1"),
    (
        'curl -s http://$(hostname -i | awk -F. \'{print $1"-"$2"-"$3"-"$4}\').default.pod:1',
        r"\[7\]",
    ),
    ("curl -s $WEB_SERVICE_HOST:$WEB_SERVICE_PORT/hostname", A_NAME),
    ("nslookup nowhere", r"(?s).*server can't find nowhere: NXDOMAIN\n\n\[1\]"),
    ("nslookup web", r"(?s)Server:.*\nName:\tweb.default.svc.cluster.local\nAddress: 10\.96\..*"),
    ("dig +short web.default.svc.cluster.local A", r"10\.96\.\d+\.\d+\n"),
    (
        "dig +notcp +noall +answer +search web A",
        r"web.default.svc.cluster.local.\t30\tIN\tA\t10.96.*\n",
    ),
    ("dig +short elsewhere.default.svc.cluster.local CNAME", "web.default.svc.cluster.local.\n"),
    (
        "dig +short _http._tcp.web.default.svc.cluster.local SRV",
        "0 100 80 web.default.svc.cluster.local.\n",
    ),
    ("dig +short _http._tcp.heads.default.svc.cluster.local SRV", "(?s)0 100 8080 web-0.heads.*"),
    ("getent hosts web-0.heads", r"10\.\S+ +web-0.heads.default.svc.cluster.local\n"),
    ("getent hosts nowhere", r"\[2\]"),
    # What goes wrong, in the words of those who find it.
    (
        "wget -q -O - http://web:81/",
        r"wget: can't connect to remote host \(web\): Connection refused\n\[1\]",
    ),
    ("wget -O - http://nowhere/", r"wget: bad address 'nowhere'\n\[1\]"),
    (
        "wget -q http://web/echo?code=404",
        r"wget: server returned error: HTTP/1.1 404 Not Found\n\[1\]",
    ),
    ("curl http://none/", r"curl: \(7\) Failed to connect to none port 80 after 0 ms: .*\n\[7\]"),
    ("curl -s http://nowhere/", r"\[6\]"),
    (
        "curl -fsS 'http://web/echo?code=500'",
        r"curl: \(22\) The requested URL returned error: 500\n\[22\]",
    ),
    ("curl -s -o /dev/null -w '%{http_code}' 'http://web/echo?code=418'", "418"),
    ("curl -s -m 2 'http://web/exit?wait=9s'", r"\[28\]"),
    ("curl -sL 'http://web/redirect?location=/hostname'", A_NAME),
    ("/agnhost connect web:80", ""),
    ("/agnhost connect none:80", r"REFUSED\n\[1\]"),
    ("/agnhost connect nowhere:80", r"DNS: lookup nowhere on 10.96.0.10:53: no such host\n\[1\]"),
    # Other protocols.
    ("nc -zv web 80", r"Connection to web 80 port \[tcp/\*\] succeeded!\n"),
    ("echo hostName | nc -v -t -w 2 web 80", r"(?s)Connection to .*400 Bad Request"),
    ("echo hostName | nc -w 1 -u web 81", A_NAME),
    ("nc -z none 80", r"\[1\]"),
    (
        "curl -s 'http://web/dial?host=web&port=81&protocol=udp&request=hostname'",
        f'{{"responses":\\["{A_NAME}"\\]}}',
    ),
    ("/agnhost dns-suffix", "default.svc.cluster.local,svc.cluster.local,cluster.local\n"),
]


async def test_services_are_reached_by_name_and_address(autojump_clock: object) -> None:
    async with scene() as here:
        for script, expected in TABLE:
            found = await here.run(script)
            assert re.fullmatch(expected, found), (script, found)


async def test_a_client_meets_the_same_pod_again_where_a_service_says_so(
    autojump_clock: object,
) -> None:
    ask = "for i in $(seq 1 12); do curl -s http://{}/hostname; echo; done | sort -u | wc -l"
    async with scene() as here:
        assert await here.run(ask.format("web")) == "2\n"
        assert await here.run(ask.format("same")) == "1\n"
        change = {"spec": {"sessionAffinity": "None"}}
        await here.cluster.client.patch(SERVICES, "same", change, "default")
        assert await here.run(ask.format("same")) == "2\n"


async def test_node_ports_and_pods_that_leave(autojump_clock: object) -> None:
    async with scene() as here:
        client = here.cluster.client
        port = (await client.get(SERVICES, "web", "default"))["spec"]["ports"][0]["nodePort"]
        host = (await client.get(PODS, "web-0", "default"))["status"]["hostIP"]
        found = await here.run(f"curl -s http://{host}:{port}/hostname")
        assert re.fullmatch(A_NAME, found)
        address = await here.address("web-0")
        assert await here.run(f"curl -s http://{address}:8080/hostname") == "web-0"
        source = await here.run(f"curl -s http://{address}:8080/clientip")
        assert source.rpartition(":")[0] == await here.address("client")
        await client.delete(PODS, "web-0", "default")
        await here.cluster.rest()
        ask = "for i in $(seq 1 9); do curl -s http://web/hostname; echo; done | sort -u"
        assert await here.run(ask) == "web-1\n"
        assert await here.run(f"curl -s http://{address}:8080/hostname") == "[7]"


async def test_ports_of_a_node_lead_to_the_pods_that_have_them(autojump_clock: object) -> None:
    async with sim.cluster(nodes=1) as cluster:
        await cluster.apply(pod("client", hostNetwork=True))
        await cluster.rest()
        here = Scene(cluster)
        host = await here.address("client")
        for name, ip, protocol in (
            ("local", "127.0.0.1", "TCP"),
            ("node", host, "TCP"),
            ("udp", host, "UDP"),
        ):
            wanted = pod(name, "netexec")
            port = {"hostPort": 54323, "hostIP": ip, "protocol": protocol}
            port["containerPort"] = 8080 if protocol == "TCP" else 8081
            wanted["spec"]["containers"][0]["ports"] = [port]
            await cluster.apply(wanted)
        await cluster.rest()
        curl = f"curl -g --connect-timeout 5 --interface {host} -s"
        assert await here.run(f"{curl} http://127.0.0.1:54323/hostname") == "local"
        assert await here.run(f"{curl} http://{host}:54323/hostname") == "node"
        assert await here.run(f"echo hostname | nc -w 1 -u {host} 54323") == "udp"
        assert await here.run(f"{curl} http://127.0.0.1:1/hostname") == "[7]"


@pytest.mark.parametrize(
    ("spec", "script", "expected"),
    [
        ({"dnsPolicy": "Default"}, "cat /etc/resolv.conf", "nameserver 192.0.2.53\n"),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["resolv.conf.local"]},
            },
            "/agnhost dns-suffix; /agnhost dns-server-list",
            "resolv.conf.local\n1.1.1.1\n",
        ),
        (
            {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
            "tail -1 /etc/resolv.conf",
            "options ndots:2 edns0\n",
        ),
        (
            {"hostname": "h", "subdomain": "s"},
            "hostname; hostname -f; getent hosts h | awk '{print $2}'",
            "h\nh.s.default.svc.cluster.local\nh.s.default.svc.cluster.local\n",
        ),
    ],
)
async def test_a_pod_says_how_names_are_looked_up(
    autojump_clock: object, spec: Json, script: str, expected: str
) -> None:
    async with sim.cluster(nodes=1) as cluster:
        await cluster.apply(pod("client", **spec))
        await cluster.rest()
        assert await Scene(cluster).run(script) == expected
