"""Which admission plugins there are, in upstream's order (`kubeapiserver/options/plugins.go`)."""

from __future__ import annotations

from attrs import frozen

from k8slite.apiserver.admission.certificates import CertificateRequests, CertificateSigners
from k8slite.apiserver.admission.chain import Chain
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


def every_plugin(parts: Parts) -> Chain:
    """The chain of all of them."""
    storage, authorizer = parts.storage, parts.authorizer
    putting_back = PuttingBack(parts.matcher, parts.decoder)
    webhooks = (parts.matcher, parts.caller, putting_back, parts.world, authorizer)
    return Chain(
        (
            NamespaceLifecycle(storage),
            LimitRanger(storage),
            TaintNodesByCondition(),
            Priority(storage),
            DefaultTolerationSeconds(),
            ServiceAccount(storage, parts.world),
            NodeRestriction(storage, authorizer),
            DefaultStorageClass(storage),
            StorageObjectInUseProtection(),
            PersistentVolumeClaimResize(storage),
            RuntimeClass(storage),
            DefaultIngressClass(storage),
            PodSecurity(storage, parts.decoder.schemas.minor),
            CertificateRequests(parts.world),
            CertificateSigners(authorizer),
            RoleEscalation(authorizer),
            MutatingPolicies(parts.matcher, authorizer, parts.management, putting_back),
            MutatingWebhooks(*webhooks),
            ValidatingPolicies(parts.matcher, authorizer),
            ValidatingWebhooks(*webhooks),
            ResourceQuota(storage, parts.world, parts.management),
        )
    )
