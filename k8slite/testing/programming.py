"""What the cluster's containers do, said from Python: scripts by rule, and programs by image.

    cluster.behave(Wait(5), Log("out of luck"), Exit(3), image="example.com/job")
    cluster.behave(Script(pull_error="denied"), namespace="prod-*")

    @cluster.image("example.com/web")
    async def web(process: Process) -> None:
        process.log(f"listening at {process.address}")
        await trio.serve_tcp(handle, 8080, host=process.address)

The same model is behind the annotations `k8slite.dev/...` of a pod, which say more than a rule.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import TypeVar

from k8slite.kubelet.runtimes.program import Process
from k8slite.kubelet.runtimes.rules import Rule
from k8slite.kubelet.runtimes.script import Script, Step
from k8slite.live.embedded import Embedded

F = TypeVar("F", bound=Callable[[Process], Awaitable[int | None]])


class Programming:
    """The part of a cluster's face that is about its containers."""

    _embedded: Embedded

    def behave(
        self,
        *steps: Step | Script,
        image: str = "*",
        namespace: str = "*",
        pod: str = "*",
        container: str = "*",
        labels: Mapping[str, str] | None = None,
    ) -> Rule:
        """Have containers that start from now on play these steps, or one Script.

        Names may have * and ? as file names do; the rule that was added last is taken. Returns
        the rule, for `forget_rule`. Raises TypeError for what is no step.
        """
        rule = Rule(_script(steps), image, namespace, pod, container, dict(labels or {}))
        return self._embedded.rules.add(rule)

    def forget_rule(self, rule: Rule) -> None:
        """The rule is for no container that starts from now on."""
        self._embedded.rules.remove(rule)

    def image(self, name: str, *, asyncio: bool = False) -> Callable[[F], F]:
        """Have an async function run as the container of an image (a decorator).

        It is a coroutine of trio, in the cluster's thread, or with `asyncio` one of asyncio in a
        thread of its own. See `k8slite.kubelet.runtimes.program`. Raises TypeError for what is no
        name or no async function.
        """
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no image's name: @cluster.image('example.com/web')")

        def register(function: F) -> F:
            called = getattr(type(function), "__call__", None)  # noqa: B004 (of an object)
            if not (iscoroutinefunction(function) or iscoroutinefunction(called)):
                raise TypeError(f"{function!r} is no async function: `async def web(process): ...`")
            program: Callable[[Process], Awaitable[int | None]] = function
            if asyncio:
                from k8slite.live.asyncio_program import in_asyncio

                program = in_asyncio(function)
            self._embedded.rules.add(Rule(Script(program=program), image=name))
            return function

        return register

    def refuse_unknown_images(self) -> None:
        """From now on an image that neither `image` nor `behave` has named cannot be pulled."""
        self._embedded.rules.refuse_unknown_images()


def _script(steps: tuple[Step | Script, ...]) -> Script:
    if len(steps) == 1 and isinstance(steps[0], Script):
        return steps[0]
    found = []
    for step in steps:
        if not isinstance(step, Step):
            raise TypeError(
                f"{step!r} is no step: give Wait, Log, Ready, Alive, Exit, Announce, Finalizers "
                "and DeletePod, or one Script alone"
            )
        found.append(step)
    return Script(tuple(found))
