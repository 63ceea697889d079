"""Who exists in a cluster, and who may call whom.

    store <- API server <- (Links) <- controllers, scheduler, fleet of nodes

In: a store, a world and settings. Out: a Cluster, whose `handler` is the API. What is outside
(files, sockets, time) is handed in by `live` or `sim`.

    settings        what can be chosen
    surroundings    what is around each process, where faults strike
    server          the API server put together
    staging         what pretended containers do by KWOK's Stages
    cluster         the processes, their identities, their life
"""

from k8slite.cluster.cluster import Cluster, Process
from k8slite.cluster.settings import DEFAULT_MINOR, Settings
from k8slite.cluster.surroundings import (
    API_SERVER,
    CONTROLLER_MANAGER,
    KUBELET,
    SCHEDULER,
    Surroundings,
    Undisturbed,
)

__all__ = [
    "API_SERVER",
    "CONTROLLER_MANAGER",
    "DEFAULT_MINOR",
    "KUBELET",
    "SCHEDULER",
    "Cluster",
    "Process",
    "Settings",
    "Surroundings",
    "Undisturbed",
]
