"""The invariants that every run is held against, one family a file.

In: every commit, and the state at rest. Out: complaints. Never here: anything that changes a run.
A new family is one file and one line in the table below.
"""

from __future__ import annotations

from typing import Final

from k8slite.sim.checks.addresses import Addresses
from k8slite.sim.checks.autoscalers import Autoscalers
from k8slite.sim.checks.availability import Availability
from k8slite.sim.checks.budgets import Budgets
from k8slite.sim.checks.check import Change, Check, Hearing, Setting, State
from k8slite.sim.checks.collection import Collection
from k8slite.sim.checks.credentials import Credentials
from k8slite.sim.checks.devices import Devices
from k8slite.sim.checks.endpoints import Endpoints
from k8slite.sim.checks.flow_schemas import FlowSchemas
from k8slite.sim.checks.identities import Identities
from k8slite.sim.checks.jobs import Jobs
from k8slite.sim.checks.leases import Leases
from k8slite.sim.checks.members import Members
from k8slite.sim.checks.neighbours import Neighbours
from k8slite.sim.checks.nodes import Nodes
from k8slite.sim.checks.objects import Objects
from k8slite.sim.checks.policies import Policies
from k8slite.sim.checks.preemption import Preemption
from k8slite.sim.checks.quotas import Quotas
from k8slite.sim.checks.rollouts import Rollouts
from k8slite.sim.checks.scheduling import Scheduling
from k8slite.sim.checks.service_ranges import ServiceRanges
from k8slite.sim.checks.volumes import Volumes
from k8slite.sim.checks.workloads import Workloads

__all__ = ["CHECKS", "Change", "Check", "Hearing", "Setting", "State"]

CHECKS: Final[tuple[type[Check], ...]] = (
    Objects,
    Collection,
    Workloads,
    Rollouts,
    Identities,
    Members,
    Jobs,
    Autoscalers,
    Endpoints,
    Nodes,
    Scheduling,
    Neighbours,
    Preemption,
    Addresses,
    ServiceRanges,
    Volumes,
    Devices,
    Leases,
    Quotas,
    Budgets,
    Availability,
    Credentials,
    Policies,
    FlowSchemas,
)
