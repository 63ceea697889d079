"""One simple, valid object of every built-in resource that can be created and listed."""

from __future__ import annotations

import base64
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Json = dict[str, Any]

_SELECTOR: Final = {"matchLabels": {"app": "a"}}
_POD: Final = {"containers": [{"name": "c", "image": "example.org/web"}]}
_TEMPLATE: Final = {"metadata": {"labels": {"app": "a"}}, "spec": _POD}
_NEVER: Final = {"spec": {**_POD, "restartPolicy": "Never"}}
_RULES: Final = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
_DEFINITION: Final = {
    "matchConstraints": {
        "resourceRules": [
            {
                "apiGroups": ["example.org"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["things"],
            }
        ]
    }
}
_WEBHOOK: Final = {
    "name": "hook.example.org",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "rules": [
        {
            "apiGroups": ["example.org"],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["things"],
        }
    ],
}
_METRIC: Final = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}
_CLAIM: Final = {
    "devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "gpu.example.org"}}]}
}
_PATCH: Final = '[JSONPatch{op: "add", path: "/a", value: "b"}]'
_SUBJECTS: Final = [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]


def _certificate_request() -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(key, hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def simple(api_version: str, resource: str, name: str) -> Json:
    """The object, without namespace; for a definition the name is that of its plural."""
    kind, fields = _OBJECTS[api_version, resource]
    named = {"customresourcedefinitions": f"{name}s.example.org", "ipaddresses": "10.9.8.7"}
    named |= {"apiservices": f"v1.{name}.example.org"}
    found = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": named.get(resource, name), "labels": {"test": name}},
        **fields,
    }
    if resource == "customresourcedefinitions":
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1", "served": True, "storage": True}
        found["spec"] = {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": f"{name}s", "kind": f"K{name}"},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        }
    if resource == "apiservices":
        found["spec"] = {
            "group": f"{name}.example.org",
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "none"},
        }
    return found


_OBJECTS: Final[dict[tuple[str, str], tuple[str, Json]]] = {
    ("v1", "configmaps"): ("ConfigMap", {"data": {"a": "b"}}),
    ("v1", "endpoints"): ("Endpoints", {"subsets": []}),
    ("v1", "events"): (
        "Event",
        {
            "involvedObject": {"kind": "Pod", "name": "x", "namespace": "life"},
            "reason": "Tried",
            "message": "m",
            "type": "Normal",
        },
    ),
    ("v1", "limitranges"): (
        "LimitRange",
        {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}},
    ),
    ("v1", "namespaces"): ("Namespace", {}),
    ("v1", "nodes"): ("Node", {}),
    ("v1", "persistentvolumeclaims"): (
        "PersistentVolumeClaim",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "none",
                "resources": {"requests": {"storage": "1Gi"}},
            }
        },
    ),
    ("v1", "persistentvolumes"): (
        "PersistentVolume",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": "/nowhere"},
                "storageClassName": "none-of-these",
                "persistentVolumeReclaimPolicy": "Retain",
            }
        },
    ),
    ("v1", "pods"): ("Pod", {"spec": {**_POD, "terminationGracePeriodSeconds": 0}}),
    ("v1", "podtemplates"): ("PodTemplate", {"template": _TEMPLATE}),
    ("v1", "replicationcontrollers"): (
        "ReplicationController",
        {"spec": {"replicas": 0, "selector": {"app": "a"}, "template": _TEMPLATE}},
    ),
    ("v1", "resourcequotas"): ("ResourceQuota", {"spec": {"hard": {"cpu": "1k"}}}),
    ("v1", "secrets"): ("Secret", {"data": {"a": "Yg=="}}),
    ("v1", "serviceaccounts"): ("ServiceAccount", {}),
    ("v1", "services"): ("Service", {"spec": {"ports": [{"port": 80}]}}),
    ("admissionregistration.k8s.io/v1", "mutatingadmissionpolicies"): (
        "MutatingAdmissionPolicy",
        {
            "spec": {
                **_DEFINITION,
                "reinvocationPolicy": "Never",
                "mutations": [
                    {
                        "patchType": "JSONPatch",
                        "jsonPatch": {"expression": _PATCH},
                    }
                ],
            }
        },
    ),
    ("admissionregistration.k8s.io/v1", "mutatingadmissionpolicybindings"): (
        "MutatingAdmissionPolicyBinding",
        {"spec": {"policyName": "none"}},
    ),
    ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"): (
        "MutatingWebhookConfiguration",
        {"webhooks": [_WEBHOOK]},
    ),
    ("admissionregistration.k8s.io/v1", "validatingadmissionpolicies"): (
        "ValidatingAdmissionPolicy",
        {"spec": {**_DEFINITION, "validations": [{"expression": "true"}]}},
    ),
    ("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings"): (
        "ValidatingAdmissionPolicyBinding",
        {"spec": {"policyName": "none", "validationActions": ["Deny"]}},
    ),
    ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"): (
        "ValidatingWebhookConfiguration",
        {"webhooks": [_WEBHOOK]},
    ),
    ("apiextensions.k8s.io/v1", "customresourcedefinitions"): ("CustomResourceDefinition", {}),
    ("apiregistration.k8s.io/v1", "apiservices"): ("APIService", {}),
    ("apps/v1", "controllerrevisions"): ("ControllerRevision", {"data": {"a": 1}, "revision": 1}),
    ("apps/v1", "daemonsets"): (
        "DaemonSet",
        {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    ),
    ("apps/v1", "deployments"): (
        "Deployment",
        {"spec": {"replicas": 0, "selector": _SELECTOR, "template": _TEMPLATE}},
    ),
    ("apps/v1", "replicasets"): (
        "ReplicaSet",
        {"spec": {"replicas": 0, "selector": _SELECTOR, "template": _TEMPLATE}},
    ),
    ("apps/v1", "statefulsets"): (
        "StatefulSet",
        {
            "spec": {
                "replicas": 0,
                "serviceName": "a",
                "selector": _SELECTOR,
                "template": _TEMPLATE,
            }
        },
    ),
    ("autoscaling/v1", "horizontalpodautoscalers"): (
        "HorizontalPodAutoscaler",
        {
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": {"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"},
            }
        },
    ),
    ("autoscaling/v2", "horizontalpodautoscalers"): (
        "HorizontalPodAutoscaler",
        {
            "spec": {
                "maxReplicas": 3,
                "metrics": [_METRIC],
                "scaleTargetRef": {"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"},
            }
        },
    ),
    ("batch/v1", "cronjobs"): (
        "CronJob",
        {
            "spec": {
                "schedule": "0 0 1 1 *",
                "suspend": True,
                "jobTemplate": {"spec": {"template": _NEVER}},
            }
        },
    ),
    ("batch/v1", "jobs"): ("Job", {"spec": {"suspend": True, "template": _NEVER}}),
    ("certificates.k8s.io/v1", "certificatesigningrequests"): (
        "CertificateSigningRequest",
        {
            "spec": {
                "request": _certificate_request(),
                "signerName": "example.org/signer",
                "usages": ["digital signature", "client auth"],
            }
        },
    ),
    ("coordination.k8s.io/v1", "leases"): ("Lease", {"spec": {"leaseDurationSeconds": 10}}),
    ("discovery.k8s.io/v1", "endpointslices"): (
        "EndpointSlice",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}]},
    ),
    ("events.k8s.io/v1", "events"): (
        "Event",
        {
            "eventTime": "2026-01-02T03:04:05.000006Z",
            "reportingController": "example.org/controller",
            "reportingInstance": "one",
            "action": "Trying",
            "reason": "Tried",
            "type": "Normal",
            "regarding": {"kind": "Pod", "name": "x", "namespace": "life"},
        },
    ),
    ("flowcontrol.apiserver.k8s.io/v1", "flowschemas"): (
        "FlowSchema",
        {
            "spec": {
                "matchingPrecedence": 9000,
                "priorityLevelConfiguration": {"name": "global-default"},
            }
        },
    ),
    ("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations"): (
        "PriorityLevelConfiguration",
        {
            "spec": {
                "type": "Limited",
                "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}},
            }
        },
    ),
    ("networking.k8s.io/v1", "ingressclasses"): (
        "IngressClass",
        {"spec": {"controller": "example.org/controller"}},
    ),
    ("networking.k8s.io/v1", "ingresses"): (
        "Ingress",
        {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}},
    ),
    ("networking.k8s.io/v1", "ipaddresses"): (
        "IPAddress",
        {"spec": {"parentRef": {"resource": "services", "namespace": "life", "name": "a"}}},
    ),
    ("networking.k8s.io/v1", "networkpolicies"): (
        "NetworkPolicy",
        {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
    ),
    ("networking.k8s.io/v1", "servicecidrs"): (
        "ServiceCIDR",
        {"spec": {"cidrs": ["10.77.0.0/24"]}},
    ),
    ("node.k8s.io/v1", "runtimeclasses"): ("RuntimeClass", {"handler": "fast"}),
    ("policy/v1", "poddisruptionbudgets"): (
        "PodDisruptionBudget",
        {"spec": {"minAvailable": 1, "selector": _SELECTOR}},
    ),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings"): (
        "ClusterRoleBinding",
        {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
            "subjects": _SUBJECTS,
        },
    ),
    ("rbac.authorization.k8s.io/v1", "clusterroles"): ("ClusterRole", {"rules": _RULES}),
    ("rbac.authorization.k8s.io/v1", "rolebindings"): (
        "RoleBinding",
        {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
            "subjects": _SUBJECTS,
        },
    ),
    ("rbac.authorization.k8s.io/v1", "roles"): ("Role", {"rules": _RULES}),
    ("resource.k8s.io/v1", "deviceclasses"): ("DeviceClass", {"spec": {}}),
    ("resource.k8s.io/v1", "resourceclaims"): ("ResourceClaim", {"spec": _CLAIM}),
    ("resource.k8s.io/v1", "resourceclaimtemplates"): (
        "ResourceClaimTemplate",
        {"spec": {"spec": _CLAIM}},
    ),
    ("resource.k8s.io/v1", "resourceslices"): (
        "ResourceSlice",
        {
            "spec": {
                "driver": "driver.example.org",
                "allNodes": True,
                "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "d"}],
            }
        },
    ),
    ("scheduling.k8s.io/v1", "priorityclasses"): ("PriorityClass", {"value": 1000}),
    ("storage.k8s.io/v1", "csidrivers"): ("CSIDriver", {"spec": {"attachRequired": False}}),
    ("storage.k8s.io/v1", "csinodes"): ("CSINode", {"spec": {"drivers": []}}),
    ("storage.k8s.io/v1", "csistoragecapacities"): (
        "CSIStorageCapacity",
        {"storageClassName": "none", "capacity": "1Gi"},
    ),
    ("storage.k8s.io/v1", "storageclasses"): (
        "StorageClass",
        {"provisioner": "example.org/provisioner"},
    ),
    ("storage.k8s.io/v1", "volumeattachments"): (
        "VolumeAttachment",
        {
            "spec": {
                "attacher": "driver.example.org",
                "nodeName": "n",
                "source": {"persistentVolumeName": "pv"},
            }
        },
    ),
    ("storage.k8s.io/v1", "volumeattributesclasses"): (
        "VolumeAttributesClass",
        {"driverName": "driver.example.org", "parameters": {"a": "b"}},
    ),
}
