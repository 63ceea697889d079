"""Nodes that have a pod's images already are better (upstream: ImageLocality).

An image counts by its size and by the share of nodes that have it, so that not all pods of a kind
end up where the first one pulled its image.
"""

from __future__ import annotations

from typing import Final

from k8slite.scheduler.plugin import SCORE_MOST, Score, ScorePlugin
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo

_MEBIBYTE: Final = 1024 * 1024
LEAST_BYTES: Final = 23 * _MEBIBYTE  # images below count for nothing
MOST_BYTES_PER_CONTAINER: Final = 1000 * _MEBIBYTE  # images above count for no more


class ImageLocality(ScorePlugin):
    """Looks at status.images of the nodes."""

    name = "ImageLocality"
    weight = 1
    remembered = True
    reads_labels = False
    by_all_nodes = True

    def pre_score(self, pod: PodInfo) -> Score | None:
        spec = pod.pod.spec
        containers = (*spec.init_containers, *spec.containers)
        wanted = [_tagged(one.image) for one in containers]
        bytes_of: dict[str, dict[str, int]] = {}  # by image and node
        for node in self.snapshot.nodes:
            for image, size_bytes in _images(node).items():
                if image in wanted:
                    bytes_of.setdefault(image, {})[node.name] = size_bytes
        if not bytes_of:
            return None
        total = len(self.snapshot.nodes)
        most_bytes = MOST_BYTES_PER_CONTAINER * len(containers)

        def rate(node: NodeInfo) -> int:
            found = 0
            for image in wanted:
                there = bytes_of.get(image, {})
                if node.name in there:
                    found += int(there[node.name] * (len(there) / total))
            within = min(max(found, LEAST_BYTES), most_bytes)
            return SCORE_MOST * (within - LEAST_BYTES) // (most_bytes - LEAST_BYTES)

        return rate


def _tagged(image: str) -> str:
    """A colon before the last slash belongs to the registry's port, not to a tag."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


def _images(node: NodeInfo) -> dict[str, int]:
    if node.node is None:
        return {}
    return {name: image.size_bytes for image in node.node.status.images for name in image.names}
