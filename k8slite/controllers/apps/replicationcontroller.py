"""Keeps as many pods as a ReplicationController asks for (upstream: `pkg/controller/replication`,
which is the controller of ReplicaSets behind a conversion)."""

from __future__ import annotations

from typing import Any, ClassVar

from k8slite.client.resource import REPLICATION_CONTROLLERS, Resource
from k8slite.controllers.apps.replicaset import ReplicaSetController, Replicated
from k8slite.kinds.apps.models import ReplicationController
from k8slite.objects.selectors import Selector, selector_of_labels

Json = dict[str, Any]


class ReplicationControllerController(ReplicaSetController):
    """Its keys are the names of ReplicationControllers."""

    name: ClassVar[str] = "replication-controller"
    resource: ClassVar[Resource] = REPLICATION_CONTROLLERS
    model: ClassVar[type[Replicated]] = ReplicationController

    @staticmethod
    def selector(of: Replicated) -> Selector:
        """What the pods must match: a map of labels."""
        assert isinstance(of, ReplicationController)
        return selector_of_labels(of.spec.selector)

    @staticmethod
    def status(computed: Json) -> Json:
        """All but the pods on their way out, which this kind does not count."""
        return {key: value for key, value in computed.items() if key != "terminatingReplicas"}
