"""Which admission plugins there are, in upstream's order and under upstream's names
(`kubeapiserver/options/plugins.go`), where it has them."""

from __future__ import annotations

from attrs import frozen

from k8slite.apiserver.admission.certificates import CertificateRequests, CertificateSigners
from k8slite.apiserver.admission.chain import Chain
from k8slite.apiserver.admission.device_admin_access import DeviceAdminAccess
from k8slite.apiserver.admission.ingress_class import DefaultIngressClass
from k8slite.apiserver.admission.limit_ranger import LimitRanger
from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.admission.mutating_policies import MutatingPolicies
from k8slite.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from k8slite.apiserver.admission.node_restriction import NodeRestriction
from k8slite.apiserver.admission.pod_security import PodSecurity
from k8slite.apiserver.admission.priority import Priority
from k8slite.apiserver.admission.putting_back import PuttingBack
from k8slite.apiserver.admission.resource_quota import ResourceQuota
from k8slite.apiserver.admission.role_escalation import RoleEscalation
from k8slite.apiserver.admission.runtime_class import RuntimeClass
from k8slite.apiserver.admission.service_account import ServiceAccount
from k8slite.apiserver.admission.storage import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from k8slite.apiserver.admission.taint_nodes import TaintNodesByCondition
from k8slite.apiserver.admission.toleration import DefaultTolerationSeconds
from k8slite.apiserver.admission.validating_policies import ValidatingPolicies
from k8slite.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.calling.webhook import Caller
from k8slite.apiserver.decoding import Decoder
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.metrics import Metrics
from k8slite.apiserver.storage import Storage
from k8slite.world import World


@frozen(eq=False)
class Parts:
    """What plugins stand on."""

    storage: Storage
    authorizer: Authorizer
    decoder: Decoder
    management: FieldManagement
    matcher: Matcher
    caller: Caller
    world: World
    metrics: Metrics


def every_plugin(parts: Parts) -> Chain:
    """The chain of all of them."""
    storage, authorizer = parts.storage, parts.authorizer
    putting_back = PuttingBack(parts.matcher, parts.decoder)
    webhooks = (
        parts.matcher,
        parts.caller,
        putting_back,
        parts.world,
        authorizer,
        parts.metrics,
    )
    return Chain(
        {
            "NamespaceLifecycle": NamespaceLifecycle(storage),
            "LimitRanger": LimitRanger(storage),
            "TaintNodesByCondition": TaintNodesByCondition(),
            "Priority": Priority(storage),
            "DefaultTolerationSeconds": DefaultTolerationSeconds(),
            "ServiceAccount": ServiceAccount(storage, parts.world),
            "NodeRestriction": NodeRestriction(storage, authorizer),
            "DefaultStorageClass": DefaultStorageClass(storage),
            "StorageObjectInUseProtection": StorageObjectInUseProtection(),
            "PersistentVolumeClaimResize": PersistentVolumeClaimResize(storage),
            "RuntimeClass": RuntimeClass(storage),
            "DefaultIngressClass": DefaultIngressClass(storage),
            "DeviceAdminAccess": DeviceAdminAccess(storage),
            "PodSecurity": PodSecurity(storage, parts.decoder.schemas.minor),
            "CertificateSubjectRestriction": CertificateRequests(parts.world),
            "CertificateApproval": CertificateSigners(authorizer),
            "RoleEscalation": RoleEscalation(authorizer),
            "MutatingAdmissionPolicy": MutatingPolicies(
                parts.matcher, authorizer, parts.management, putting_back
            ),
            "MutatingAdmissionWebhook": MutatingWebhooks(*webhooks),
            "ValidatingAdmissionPolicy": ValidatingPolicies(parts.matcher, authorizer),
            "ValidatingAdmissionWebhook": ValidatingWebhooks(*webhooks),
            "ResourceQuota": ResourceQuota(storage, parts.world, parts.management),
        },
        parts.metrics,
    )
