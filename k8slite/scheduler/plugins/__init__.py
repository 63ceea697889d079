"""The scheduler's rules, one a file, named as upstream's plugins.

In: a pod and one node. Out: a refusal in upstream's words, or a score. Never here: waiting (but for
the binder), other plugins.

A new plugin is one file and one line in the table below. Filters run in the table's order, which
is upstream's: the first refusal is the one that is told.
"""

from __future__ import annotations

from typing import Final

from k8slite.scheduler.plugin import Plugin
from k8slite.scheduler.plugins.default_binder import DefaultBinder
from k8slite.scheduler.plugins.default_preemption import DefaultPreemption
from k8slite.scheduler.plugins.dynamic_resources import DynamicResources
from k8slite.scheduler.plugins.image_locality import ImageLocality
from k8slite.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8slite.scheduler.plugins.node_affinity import NodeAffinity
from k8slite.scheduler.plugins.node_name import NodeName
from k8slite.scheduler.plugins.node_ports import NodePorts
from k8slite.scheduler.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from k8slite.scheduler.plugins.node_resources_fit import NodeResourcesFit
from k8slite.scheduler.plugins.node_unschedulable import NodeUnschedulable
from k8slite.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from k8slite.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8slite.scheduler.plugins.priority_sort import PrioritySort
from k8slite.scheduler.plugins.scheduling_gates import SchedulingGates
from k8slite.scheduler.plugins.taint_toleration import TaintToleration
from k8slite.scheduler.plugins.volume_binding import VolumeBinding
from k8slite.scheduler.plugins.volume_restrictions import VolumeRestrictions
from k8slite.scheduler.plugins.volume_zone import VolumeZone

PLUGINS: Final[tuple[type[Plugin], ...]] = (
    SchedulingGates,
    PrioritySort,
    NodeUnschedulable,
    NodeName,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    VolumeRestrictions,
    NodeVolumeLimits,
    VolumeBinding,
    VolumeZone,
    PodTopologySpread,
    InterPodAffinity,
    DynamicResources,
    DefaultPreemption,
    NodeResourcesBalancedAllocation,
    ImageLocality,
    DefaultBinder,
)
