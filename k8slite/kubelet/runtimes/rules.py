"""What pretended containers do, said from Python: scripts for those that a rule fits.

A pod's own annotations say more than a rule; of the rules that fit, the one that was added last is
taken. A rule whose script is a program makes the container a real one, whatever annotations say.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import evolve, field, frozen

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import PREFIX, Behaviour, behaviour_of
from k8slite.kubelet.runtimes.script import Script


@frozen(eq=False)
class Rule:
    """A script, and which containers play it; names may have * and ? as file names do."""

    script: Script
    image: str = "*"  # with its tag; one without a tag fits every tag
    namespace: str = "*"
    pod: str = "*"
    container: str = "*"
    labels: Mapping[str, str] = field(factory=dict)  # that the pod has, among others

    def fits(self, pod: Pod, container: Container) -> bool:
        """Whether a container plays the script."""
        metadata = pod.metadata
        return (
            (fnmatchcase(container.image, self.image) or _untagged(container.image) == self.image)
            and fnmatchcase(metadata.namespace, self.namespace)
            and fnmatchcase(metadata.name, self.pod)
            and fnmatchcase(container.name, self.container)
            and all(metadata.labels.get(name) == value for name, value in self.labels.items())
        )


class Rules:
    """All rules of a cluster; they are for containers that start from then on."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._known_only = False

    def add(self, rule: Rule) -> Rule:
        """Have it, before those that there are."""
        self._rules.insert(0, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Have it no more. Safe to repeat."""
        if rule in self._rules:
            self._rules.remove(rule)

    def refuse_unknown_images(self) -> None:
        """An image that no rule names cannot be pulled from now on."""
        self._known_only = True

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """What a container does."""
        rule = next((one for one in self._rules if one.fits(pod, container)), None)
        annotated = any(name.startswith(PREFIX) for name in pod.metadata.annotations)
        if rule is None:
            found = behaviour_of(pod, container)
            if self._known_only and not annotated:
                return evolve(found, script=evolve(found.script, pull_error=_unknown(container)))
            return found
        if not annotated:
            return Behaviour(rule.script)
        found = behaviour_of(pod, container)
        return evolve(found, script=evolve(found.script, program=rule.script.program))


def _untagged(image: str) -> str:
    head, _, tail = image.partition("@")[0].rpartition(":")
    return head if head and "/" not in tail else image.partition("@")[0]


def _unknown(container: Container) -> str:
    return (
        f'failed to pull and unpack image "{container.image}": not found: no rule names it; say '
        f"what it does with cluster.image({container.image!r}) or cluster.behave(..., image=...)"
    )
