"""The plugins in upstream's order: first all that change, then all that only refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from attrs import define, field

from k8slite.apiserver.attributes import Attributes
from k8slite.messages import User


class Plugin(Protocol):
    """One rule. A plugin is asked only about the resources and operations that it names."""

    @property
    def resources(self) -> Sequence[str]:
        """ "*" for every resource, or "plural.group" as in messages."""
        ...

    @property
    def operations(self) -> Sequence[str]:
        """CREATE, UPDATE, DELETE, CONNECT."""
        ...

    @property
    def subresources(self) -> bool:
        """False: writes of subresources pass by."""
        ...

    async def mutate(self, attributes: Attributes) -> None:
        """Change `attributes.new`, or raise an ApiError; may wait."""
        ...

    async def validate(self, attributes: Attributes) -> None:
        """Raise an ApiError, or do nothing."""
        ...


@runtime_checkable
class Sleeper(Protocol):
    """A plugin that mostly has nothing to say."""

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether, as things stand, any such write passes it unchanged, and leaves no trace."""
        ...


@define(eq=False)
class Chain:
    """All plugins; which of them concern a resource is worked out once."""

    plugins: Sequence[Plugin]
    _concerned: dict[tuple[str, str, str], tuple[Plugin, ...]] = field(factory=dict)
    # None where somebody who is concerned never sleeps.
    _sleepers: dict[tuple[str, str, str], tuple[Sleeper, ...] | None] = field(factory=dict)

    async def mutate(self, attributes: Attributes) -> None:
        """Let every plugin that is concerned change the new object; twice where that is needed."""
        plugins = self._for(attributes)
        for plugin in plugins:
            await plugin.mutate(attributes)
        if attributes.reinvocation.is_wanted:
            attributes.reinvocation.is_second = True
            for plugin in plugins:
                await plugin.mutate(attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Let every plugin that is concerned look at the final object."""
        for plugin in self._for(attributes):
            await plugin.validate(attributes)

    def sleeps(self, user: User, resource: str, subresource: str, operation: str) -> bool:
        """Whether no plugin would look at such a write, whatever the object."""
        key = (resource, subresource, operation)
        if key not in self._sleepers:
            concerned = self._concerning(key)
            found = tuple(plugin for plugin in concerned if isinstance(plugin, Sleeper))
            self._sleepers[key] = found if len(found) == len(concerned) else None
        sleepers = self._sleepers[key]
        if sleepers is None:
            return False
        return all(plugin.sleeps(user, resource, operation) for plugin in sleepers)

    def _for(self, attributes: Attributes) -> Sequence[Plugin]:
        asked = attributes.asked
        return self._concerning(
            (asked.kind.group_resource, asked.subresource, attributes.operation)
        )

    def _concerning(self, key: tuple[str, str, str]) -> Sequence[Plugin]:
        found = self._concerned.get(key)
        if found is None:
            resource, subresource, operation = key
            found = self._concerned[key] = tuple(
                plugin
                for plugin in self.plugins
                if ("*" in plugin.resources or resource in plugin.resources)
                and operation in plugin.operations
                and (not subresource or plugin.subresources)
            )
        return found
