"""The plugins in upstream's order: first all that change, then all that only refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

import trio
from attrs import define, field, frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.metrics import Metrics
from k8slite.messages import User
from k8slite.objects.errors import ApiError

Row = list[float]
Ask = Callable[[Attributes], Awaitable[None]]


class Plugin(Protocol):
    """One rule. A plugin is asked only about the resources and operations that it names, and is a
    `Changing` or a `Refusing` one, or both."""

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


class Changing(Protocol):
    """A plugin that is asked while others still change the object."""

    async def mutate(self, attributes: Attributes) -> None:
        """Change `attributes.new`, or raise an ApiError; may wait."""
        ...


class Refusing(Protocol):
    """A plugin that is asked about the final object."""

    async def validate(self, attributes: Attributes) -> None:
        """Raise an ApiError, or do nothing."""
        ...


@runtime_checkable
class Sleeper(Protocol):
    """A plugin that mostly has nothing to say."""

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether, as things stand, any such write passes it unchanged, and leaves no trace."""
        ...


class _Asked(NamedTuple):
    """A plugin that is asked, and where its time is noted as long as it does not refuse."""

    name: str
    ask: Ask
    row: Row


@frozen(eq=False)
class _Step:
    """One of the two steps of a sort of writes: who is asked, and where their time is noted."""

    sort: str
    operation: str
    asks: tuple[_Asked, ...]
    row: Row  # of the whole step, where nobody refuses


@define(eq=False)
class Chain:
    """All plugins by name; which of them concern a resource is worked out once."""

    plugins: Mapping[str, Plugin]
    metrics: Metrics = field(factory=Metrics)
    # By resource, subresource and operation.
    _steps: dict[tuple[str, str, str], tuple[_Step, _Step]] = field(factory=dict)
    # None where somebody who is concerned never sleeps.
    _sleepers: dict[tuple[str, str, str], tuple[Sleeper, ...] | None] = field(factory=dict)

    async def mutate(self, attributes: Attributes) -> None:
        """Let every plugin that is concerned change the new object; twice where that is needed."""
        step = self._for(attributes)[0]
        await self._pass(step, attributes)
        if attributes.reinvocation.is_wanted:
            attributes.reinvocation.is_second = True
            await self._pass(step, attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Let every plugin that is concerned look at the final object."""
        await self._pass(self._for(attributes)[1], attributes)

    def sleeps(self, user: User, resource: str, subresource: str, operation: str) -> bool:
        """Whether no plugin would look at such a write, whatever the object."""
        key = (resource, subresource, operation)
        if key not in self._sleepers:
            concerned = self._concerning(key)
            found = tuple(plugin for plugin in concerned.values() if isinstance(plugin, Sleeper))
            self._sleepers[key] = found if len(found) == len(concerned) else None
        sleepers = self._sleepers[key]
        if sleepers is None:
            return False
        return all(plugin.sleeps(user, resource, operation) for plugin in sleepers)

    async def _pass(self, step: _Step, attributes: Attributes) -> None:
        """Ask one after the other. The clock is looked up once: this is done at every write."""
        clock = trio.lowlevel.current_clock()
        began = last = clock.current_time()
        note, asked = self.metrics.controllers.note, None
        try:
            for asked in step.asks:
                await asked.ask(attributes)
                now = clock.current_time()
                note(asked.row, now - last)
                last = now
        except ApiError:
            now, values = clock.current_time(), (step.sort, step.operation, "true")
            if asked is not None:
                self.metrics.controllers.observe(now - last, asked.name, *values)
            self.metrics.steps.observe(now - began, *values)
            raise
        self.metrics.steps.note(step.row, last - began)

    def _for(self, attributes: Attributes) -> tuple[_Step, _Step]:
        asked = attributes.asked
        key = (asked.kind.group_resource, asked.subresource, attributes.operation)
        found = self._steps.get(key)
        if found is None:
            concerned = self._concerning(key)
            mutate = {name: plugin.mutate for name, plugin in concerned.items() if _changes(plugin)}
            validate = {
                name: plugin.validate for name, plugin in concerned.items() if _refuses(plugin)
            }
            operation = attributes.operation
            found = (
                self._step("admit", operation, mutate),
                self._step("validate", operation, validate),
            )
            self._steps[key] = found
        return found

    def _step(self, sort: str, operation: str, asks: Mapping[str, Ask]) -> _Step:
        values = (sort, operation, "false")
        row = self.metrics.controllers.row
        rows = tuple(_Asked(name, ask, row(name, *values)) for name, ask in asks.items())
        return _Step(sort, operation, rows, self.metrics.steps.row(*values))

    def _concerning(self, key: tuple[str, str, str]) -> Mapping[str, Plugin]:
        resource, subresource, operation = key
        return {
            name: plugin
            for name, plugin in self.plugins.items()
            if ("*" in plugin.resources or resource in plugin.resources)
            and operation in plugin.operations
            and (not subresource or plugin.subresources)
        }


# Not `isinstance`, which for a protocol is slow, and each cluster of a simulation asks anew.


def _changes(plugin: Plugin) -> TypeGuard[Changing]:
    return hasattr(plugin, "mutate")


def _refuses(plugin: Plugin) -> TypeGuard[Refusing]:
    return hasattr(plugin, "validate")
