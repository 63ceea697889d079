"""The rows of all other kinds, in the words that scripts depend on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from k8slite.kinds.table import EVERY
from k8slite.objects.duration import human_duration
from tests.kinds.printing import NOW, printed

TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
SELECTOR = {
    "matchLabels": {"b": "c"},
    "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}],
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (400 * 86400, "400d"),
        (2 * 365 * 86400, "2y"),
        (2 * 365 * 86400 + 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_durations_are_for_people(seconds: int, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text


def test_every_table_can_print_an_object_without_content() -> None:
    for kind in EVERY:
        if kind.table is None:
            continue
        cells = kind.table.cells({"metadata": {}}, NOW)
        # Upstream's row of an IP address is longer than its columns.
        extra = 1 if kind.plural == "ipaddresses" else 0
        assert len(cells) == len(kind.table.columns) + extra, kind.plural


@pytest.mark.parametrize(
    ("plural", "obj", "expected"),
    [
        ("configmaps", {"data": {"a": "b"}, "binaryData": {"c": "d"}}, {"Data": 2, "Age": "2m"}),
        ("secrets", {"type": "Opaque", "data": {"a": "b"}}, {"Type": "Opaque", "Data": 1}),
        ("namespaces", {"status": {"phase": "Active"}}, {"Status": "Active"}),
        (
            "componentstatuses",
            {"conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]},
            {"Status": "Healthy", "Message": "ok", "Error": ""},
        ),
        (
            "nodes",
            {
                "metadata": {
                    "labels": {"node-role.kubernetes.io/b": "", "kubernetes.io/role": "a"}
                },
                "spec": {"unschedulable": True},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
            {"Status": "Ready,SchedulingDisabled", "Roles": "a,b", "OS-Image": "<unknown>"},
        ),
        (
            "nodes",
            {
                "status": {
                    "conditions": [{"type": "Ready", "status": "Unknown"}],
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}],
                }
            },
            {
                "Status": "NotReady",
                "Roles": "<none>",
                "Internal-IP": "10.0.0.9",
                "External-IP": "<none>",
            },
        ),
        ("nodes", {}, {"Status": "Unknown"}),
        (
            "services",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIPs": ["10.0.0.1"],
                    "selector": {"b": "2", "a": "1"},
                    "ports": [
                        {"port": 80, "nodePort": 30080, "protocol": "TCP"},
                        {"port": 53, "protocol": "UDP"},
                    ],
                }
            },
            {
                "Cluster-IP": "10.0.0.1",
                "External-IP": "<none>",
                "Port(s)": "80:30080/TCP,53/UDP",
                "Selector": "a=1,b=2",
            },
        ),
        (
            "services",
            {"spec": {"type": "LoadBalancer"}},
            {"External-IP": "<pending>", "Port(s)": "<none>", "Selector": "<none>"},
        ),
        (
            "services",
            {
                "spec": {"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]},
                "status": {
                    "loadBalancer": {"ingress": [{"hostname": "z.example.com"}, {"ip": "1.2.3.4"}]}
                },
            },
            {"External-IP": "1.2.3.4,z.example.com,9.9.9.9"},
        ),
        (
            "services",
            {"spec": {"type": "ExternalName", "externalName": "e.com"}},
            {"External-IP": "e.com", "Cluster-IP": "<none>"},
        ),
        (
            "endpoints",
            {
                "subsets": [
                    {
                        "addresses": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
                        "ports": [{"port": 80}, {"port": 81}],
                    },
                    {"addresses": [{"ip": "10.0.0.3"}]},
                ]
            },
            {"Endpoints": "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 2 more..."},
        ),
        ("endpoints", {}, {"Endpoints": "<none>"}),
        (
            "endpointslices",
            {
                "addressType": "IPv4",
                "ports": [{"port": 80}, {"name": "x"}, {}],
                "endpoints": [{"addresses": [f"10.0.0.{i}"]} for i in range(5)],
            },
            {"Ports": "80,x,*", "Endpoints": "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more..."},
        ),
        ("endpointslices", {}, {"Ports": "<unset>", "Endpoints": "<unset>"}),
        (
            "persistentvolumes",
            {
                "metadata": {"deletionTimestamp": "2026-01-02T03:02:05Z"},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                    "claimRef": {"namespace": "n", "name": "c"},
                },
                "status": {"phase": "Bound"},
            },
            {
                "Capacity": "1Gi",
                "Access Modes": "RWO,RWX",
                "Status": "Terminating",
                "Claim": "n/c",
                "VolumeMode": "<unset>",
            },
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"storageClassName": "s"}, "status": {"phase": "Pending"}},
            {"Status": "Pending", "Capacity": "", "StorageClass": "s"},
        ),
        (
            "persistentvolumeclaims",
            {
                "spec": {"volumeName": "v", "volumeMode": "Filesystem"},
                "status": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
            },
            {"Capacity": "1Gi", "Access Modes": "RWO", "VolumeMode": "Filesystem"},
        ),
        (
            "deployments",
            {
                "spec": {"replicas": 3, "template": TEMPLATE, "selector": SELECTOR},
                "status": {"readyReplicas": 1, "updatedReplicas": 2},
            },
            {
                "Ready": "1/3",
                "Up-to-date": 2,
                "Available": 0,
                "Containers": "a,b",
                "Images": "i,j",
                "Selector": "a in (x,y),b=c",
            },
        ),
        ("deployments", {"spec": {"selector": {}}}, {"Selector": ""}),
        ("replicasets", {"spec": {"selector": {}}}, {"Selector": "<none>"}),
        (
            "replicasets",
            {"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "?"}]}}},
            {"Selector": "<error>"},
        ),
        (
            "daemonsets",
            {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}},
            {"Node Selector": "a=b", "Desired": 0},
        ),
        ("statefulsets", {"spec": {"replicas": 2}}, {"Ready": "0/2"}),
        (
            "controllerrevisions",
            {
                "metadata": {
                    "ownerReferences": [
                        {
                            "controller": True,
                            "apiVersion": "apps/v1",
                            "kind": "StatefulSet",
                            "name": "s",
                        }
                    ]
                },
                "revision": 4,
            },
            {"Controller": "statefulset.apps/s", "Revision": 4},
        ),
        (
            "jobs",
            {
                "spec": {"completions": 3},
                "status": {
                    "succeeded": 3,
                    "startTime": "2026-01-02T03:00:00Z",
                    "completionTime": "2026-01-02T03:01:00Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            {"Status": "Complete", "Completions": "3/3", "Duration": "60s"},
        ),
        (
            "jobs",
            {"spec": {"parallelism": 2}, "status": {"startTime": "2026-01-02T03:04:00Z"}},
            {"Status": "Running", "Completions": "0/1 of 2", "Duration": "5s"},
        ),
        (
            "cronjobs",
            {
                "spec": {"schedule": "* * * * *", "suspend": False},
                "status": {"active": [{}], "lastScheduleTime": "2026-01-02T03:04:00Z"},
            },
            {
                "Schedule": "* * * * *",
                "Timezone": "<none>",
                "Suspend": "False",
                "Active": 1,
                "Last Schedule": "5s",
            },
        ),
        ("cronjobs", {}, {"Suspend": "<unset>", "Last Schedule": "<none>"}),
        (
            "ingresses",
            {
                "spec": {
                    "ingressClassName": "nginx",
                    "tls": [{}],
                    "rules": [{"host": f"{c}.com"} for c in "abcd"],
                },
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
            },
            {
                "Class": "nginx",
                "Hosts": "a.com,b.com,c.com + 1 more...",
                "Address": "1.2.3.4",
                "Ports": "80, 443",
            },
        ),
        ("ingresses", {}, {"Class": "<none>", "Hosts": "*", "Address": "", "Ports": "80"}),
        (
            "ingressclasses",
            {"spec": {"parameters": {"kind": "P", "apiGroup": "g", "name": "n"}}},
            {"Parameters": "P.g/n"},
        ),
        (
            "ipaddresses",
            {"spec": {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}}},
            {"ParentRef": "services/n/s"},
        ),
        ("networkpolicies", {"spec": {"podSelector": {}}}, {"Pod-Selector": "<none>"}),
        (
            "poddisruptionbudgets",
            {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 2}},
            {"Min Available": "50%", "Max Unavailable": "N/A", "Allowed Disruptions": 2},
        ),
        (
            "rolebindings",
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [
                    {"kind": "User", "name": "u"},
                    {"kind": "User", "name": "v"},
                    {"kind": "Group", "name": "g"},
                    {"kind": "ServiceAccount", "namespace": "n", "name": "s"},
                ],
            },
            {"Role": "Role/r", "Users": "u, v", "Groups": "g", "ServiceAccounts": "n/s"},
        ),
        (
            "resourcequotas",
            {
                "status": {
                    "hard": {"pods": "2", "limits.cpu": "1", "cpu": "3"},
                    "used": {"pods": "1"},
                }
            },
            {"Request": "cpu: 0/3, pods: 1/2", "Limit": "limits.cpu: 0/1"},
        ),
        (
            "certificatesigningrequests",
            {
                "spec": {"signerName": "s/t", "username": "u", "expirationSeconds": 3600},
                "status": {"conditions": [{"type": "Approved"}], "certificate": "eA=="},
            },
            {"Requestor": "u", "RequestedDuration": "60m", "Condition": "Approved,Issued"},
        ),
        (
            "apiservices",
            {
                "spec": {"service": {"namespace": "n", "name": "s"}},
                "status": {
                    "conditions": [{"type": "Available", "status": "False", "reason": "Gone"}]
                },
            },
            {"Service": "n/s", "Available": "False (Gone)"},
        ),
        ("apiservices", {}, {"Service": "Local", "Available": "Unknown"}),
        (
            "prioritylevelconfigurations",
            {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5}}},
            {"NominalConcurrencyShares": 5, "Queues": "<none>"},
        ),
        ("flowschemas", {}, {"DistinguisherMethod": "<none>", "MissingPL": "?"}),
        (
            "storageclasses",
            {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
            {"Name": "x (default)", "ReclaimPolicy": "Delete", "AllowVolumeExpansion": False},
        ),
        (
            "csidrivers",
            {"spec": {"tokenRequests": [{"audience": "a"}], "attachRequired": False}},
            {"AttachRequired": False, "TokenRequests": "a", "Modes": "<none>"},
        ),
        (
            "resourceclaims",
            {"status": {"allocation": {}, "reservedFor": [{}]}},
            {"State": "allocated,reserved"},
        ),
        ("resourceclaims", {}, {"State": "pending"}),
        (
            "validatingadmissionpolicybindings",
            {"spec": {"policyName": "p", "paramRef": {"selector": {"matchLabels": {"a": "b"}}}}},
            {
                "ParamRef": "&LabelSelector{MatchLabels:map[string]string{a: b,},"
                "MatchExpressions:[]LabelSelectorRequirement{},}"
            },
        ),
        (
            "validatingadmissionpolicybindings",
            {"spec": {"paramRef": {"name": "n"}}},
            {"ParamRef": "*/n"},
        ),
    ],
)
def test_rows(plural: str, obj: dict[str, Any], expected: dict[str, Any]) -> None:
    row = printed(plural, obj)
    assert {name: row[name] for name in expected} == expected


def test_an_events_row_prefers_its_series() -> None:
    event = {
        "involvedObject": {"kind": "Pod", "name": "p"},
        "firstTimestamp": "2026-01-02T03:00:00Z",
        "lastTimestamp": "2026-01-02T03:03:05Z",
        "source": {"component": "kubelet", "host": "n"},
        "message": " hi\n",
    }
    row = printed("events", event)
    assert (row["Last Seen"], row["First Seen"], row["Count"]) == ("60s", "4m5s", 1)
    assert (row["Object"], row["Source"], row["Message"]) == ("pod/p", "kubelet, n", "hi")
    series = {"lastObservedTime": "2026-01-02T03:04:00.000000Z", "count": 7}
    row = printed("events", {**event, "series": series})
    assert (row["Last Seen"], row["Count"]) == ("5s", 7)
    assert printed("events", {"eventTime": "2026-01-02T03:04:00.000000Z"})["Last Seen"] == "5s"


@pytest.mark.parametrize(
    ("metrics", "current", "text"),
    [
        ([], [], "<none>"),
        (
            [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"averageUtilization": 80}},
                }
            ],
            [],
            "cpu: <unknown>/80%",
        ),
        (
            [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"averageUtilization": 80}},
                }
            ],
            [{"type": "Resource", "resource": {"current": {"averageUtilization": 20}}}],
            "cpu: 20%/80%",
        ),
        (
            [
                {"type": "Pods", "pods": {"target": {"averageValue": "5"}}},
                {"type": "External", "external": {"target": {"averageValue": "6"}}},
                {"type": "Object", "object": {"target": {"value": "7"}}},
            ],
            [],
            "<unknown>/5, <unknown>/6 (avg) + 1 more...",
        ),
        ([{"type": "?"}], [], "<unknown type>"),
    ],
)
def test_an_autoscalers_targets(metrics: list[Any], current: list[Any], text: str) -> None:
    obj = {"spec": {"metrics": metrics}, "status": {"currentMetrics": current}}
    row = printed("horizontalpodautoscalers", obj)
    assert row["Targets"] == text
    assert row["MinPods"] == "<unset>"
