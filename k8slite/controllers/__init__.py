"""Controllers: each brings one kind of thing to what its spec wants, through the API alone.

In: mirrors, and keys that their changes lead to. Out: API writes and events. Never here: the API
server, the store, another controller (they meet in the API only).

    controller  the frame: mirrors, queue, workers, retries
    written     read your own writes
    ownership   whose an object is: adopt, release
    selection   which of them run
    one file (or a few, with the controller's name in front) for each controller

A new controller is one file and one line in the table below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from k8slite.controllers.attach_detach import AttachDetachController
from k8slite.controllers.bootstrap_signer import BootstrapSigner
from k8slite.controllers.certificate_approving import CertificateApprovingController
from k8slite.controllers.certificate_cleaner import CertificateCleaner
from k8slite.controllers.certificate_signing import CertificateSigningController
from k8slite.controllers.clusterrole_aggregation import ClusterRoleAggregationController
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.cronjob import CronJobController
from k8slite.controllers.daemonset import DaemonSetController
from k8slite.controllers.deployment import DeploymentController
from k8slite.controllers.disruption import DisruptionController
from k8slite.controllers.endpoints import EndpointsController
from k8slite.controllers.endpointslice import EndpointSliceController
from k8slite.controllers.endpointslice_mirroring import EndpointSliceMirroringController
from k8slite.controllers.ephemeral_volume import EphemeralVolumeController
from k8slite.controllers.garbage_collector import GarbageCollector
from k8slite.controllers.horizontalpodautoscaler import HorizontalPodAutoscalerController
from k8slite.controllers.job import JobController
from k8slite.controllers.local_path_provisioner import LocalPathProvisioner
from k8slite.controllers.namespace import NamespaceController
from k8slite.controllers.node_ipam import NodeIpamController
from k8slite.controllers.node_lifecycle import NodeLifecycleController
from k8slite.controllers.node_ttl import NodeTtlController
from k8slite.controllers.pod_gc import PodGarbageCollector
from k8slite.controllers.pv_protection import PvProtectionController
from k8slite.controllers.pvc_protection import PvcProtectionController
from k8slite.controllers.replicaset import ReplicaSetController
from k8slite.controllers.replicationcontroller import ReplicationControllerController
from k8slite.controllers.resource_claim import ResourceClaimController
from k8slite.controllers.resource_quota import ResourceQuotaController
from k8slite.controllers.root_ca import RootCaPublisher
from k8slite.controllers.selection import chosen
from k8slite.controllers.service_cidr import ServiceCidrController
from k8slite.controllers.serviceaccount import ServiceAccountController
from k8slite.controllers.statefulset import StatefulSetController
from k8slite.controllers.storage_version_migrator import StorageVersionMigrator
from k8slite.controllers.taint_eviction import TaintEvictionController
from k8slite.controllers.token_cleaner import TokenCleaner
from k8slite.controllers.tokens import TokensController
from k8slite.controllers.ttl_after_finished import TtlAfterFinishedController
from k8slite.controllers.validating_policy_status import ValidatingPolicyStatusController
from k8slite.controllers.volume_binder import VolumeBinderController
from k8slite.controllers.volume_expand import VolumeExpandController

__all__ = ["CONTROLLERS", "Context", "Controller", "chosen_controllers"]

# A context is enough for all but RootCaPublisher, which also needs the bundle to publish,
# CertificateSigningController, which needs the CA, and TokensController, which needs both.
_ALL: Final[tuple[type[Controller], ...]] = (
    AttachDetachController,
    BootstrapSigner,
    CertificateApprovingController,
    CertificateCleaner,
    CertificateSigningController,
    ClusterRoleAggregationController,
    DaemonSetController,
    CronJobController,
    DeploymentController,
    DisruptionController,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    EphemeralVolumeController,
    GarbageCollector,
    HorizontalPodAutoscalerController,
    JobController,
    LocalPathProvisioner,
    NamespaceController,
    NodeIpamController,
    NodeLifecycleController,
    NodeTtlController,
    PodGarbageCollector,
    PvProtectionController,
    PvcProtectionController,
    ReplicaSetController,
    ReplicationControllerController,
    ResourceClaimController,
    ResourceQuotaController,
    RootCaPublisher,
    ServiceAccountController,
    ServiceCidrController,
    StatefulSetController,
    StorageVersionMigrator,
    TaintEvictionController,
    TokenCleaner,
    TokensController,
    TtlAfterFinishedController,
    VolumeBinderController,
    ValidatingPolicyStatusController,
    VolumeExpandController,
)

# By the names that they sign their events with.
CONTROLLERS: Final[Mapping[str, type[Controller]]] = {one.name: one for one in _ALL}


def chosen_controllers(wanted: Iterable[str]) -> tuple[str, ...]:
    """A choice of these, in any of upstream's spellings, by their names here; see `selection`."""
    return chosen(wanted, CONTROLLERS)
