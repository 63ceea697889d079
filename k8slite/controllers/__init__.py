"""Controllers: each brings one kind of thing to what its spec wants, through the API alone.

In: mirrors, and keys that their changes lead to. Out: API writes and events. Never here: the API
server, the store, another controller (they meet in the API only).

    controller  the frame: mirrors, queue, workers, retries
    written     read your own writes
    ownership   whose an object is: adopt, release
    selection   which of them run
    pod_disruption  how a pod goes that is not to blame
    custom      a controller of a user's own

    apps, batch, autoscaling, networking, nodes, storage, devices, identity, machinery
                one file (or a few, with the controller's name in front) for each controller

A new controller is one file in the folder of what it looks after, and one line in the table below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from k8slite.controllers.apps.daemonset import DaemonSetController
from k8slite.controllers.apps.deployment import DeploymentController
from k8slite.controllers.apps.disruption import DisruptionController
from k8slite.controllers.apps.replicaset import ReplicaSetController
from k8slite.controllers.apps.replicationcontroller import ReplicationControllerController
from k8slite.controllers.apps.statefulset import StatefulSetController
from k8slite.controllers.autoscaling.horizontalpodautoscaler import (
    HorizontalPodAutoscalerController,
)
from k8slite.controllers.batch.cronjob import CronJobController
from k8slite.controllers.batch.job import JobController
from k8slite.controllers.batch.ttl_after_finished import TtlAfterFinishedController
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.devices.device_taint_eviction import DeviceTaintEvictionController
from k8slite.controllers.devices.resource_claim import ResourceClaimController
from k8slite.controllers.identity.bootstrap_signer import BootstrapSigner
from k8slite.controllers.identity.certificate_approving import CertificateApprovingController
from k8slite.controllers.identity.certificate_cleaner import CertificateCleaner
from k8slite.controllers.identity.certificate_signing import CertificateSigningController
from k8slite.controllers.identity.clusterrole_aggregation import ClusterRoleAggregationController
from k8slite.controllers.identity.legacy_token_cleaner import LegacyTokenCleaner
from k8slite.controllers.identity.root_ca import RootCaPublisher
from k8slite.controllers.identity.serviceaccount import ServiceAccountController
from k8slite.controllers.identity.token_cleaner import TokenCleaner
from k8slite.controllers.identity.tokens import TokensController
from k8slite.controllers.machinery.garbage_collector import GarbageCollector
from k8slite.controllers.machinery.namespace import NamespaceController
from k8slite.controllers.machinery.resource_quota import ResourceQuotaController
from k8slite.controllers.machinery.storage_version_migrator import StorageVersionMigrator
from k8slite.controllers.machinery.validating_policy_status import ValidatingPolicyStatusController
from k8slite.controllers.networking.endpoints import EndpointsController
from k8slite.controllers.networking.endpointslice import EndpointSliceController
from k8slite.controllers.networking.endpointslice_mirroring import EndpointSliceMirroringController
from k8slite.controllers.networking.service_cidr import ServiceCidrController
from k8slite.controllers.nodes.node_ipam import NodeIpamController
from k8slite.controllers.nodes.node_lifecycle import NodeLifecycleController
from k8slite.controllers.nodes.node_ttl import NodeTtlController
from k8slite.controllers.nodes.pod_gc import PodGarbageCollector
from k8slite.controllers.nodes.taint_eviction import TaintEvictionController
from k8slite.controllers.selection import chosen
from k8slite.controllers.storage.attach_detach import AttachDetachController
from k8slite.controllers.storage.ephemeral_volume import EphemeralVolumeController
from k8slite.controllers.storage.local_path_provisioner import LocalPathProvisioner
from k8slite.controllers.storage.pv_protection import PvProtectionController
from k8slite.controllers.storage.pvc_protection import PvcProtectionController
from k8slite.controllers.storage.volume_binder import VolumeBinderController
from k8slite.controllers.storage.volume_expand import VolumeExpandController

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
    DeviceTaintEvictionController,
    DisruptionController,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    EphemeralVolumeController,
    GarbageCollector,
    HorizontalPodAutoscalerController,
    JobController,
    LegacyTokenCleaner,
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
