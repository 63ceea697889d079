"""Runs a tree of commands: each answers with its exit code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import trio
from attrs import evolve

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.session import Session
from k8slite.kubelet.runtimes.shell import tree
from k8slite.kubelet.runtimes.shell.builtins import BUILTINS
from k8slite.kubelet.runtimes.shell.expansion import Expansion
from k8slite.kubelet.runtimes.shell.parser import parsed
from k8slite.kubelet.runtimes.shell.patterns import expression_of
from k8slite.kubelet.runtimes.shell.state import (
    DEPTH_MOST,
    Complaint,
    Exit,
    Left,
    NoStream,
    State,
    state_of,
)
from k8slite.kubelet.runtimes.shell.streams import piped, redirected
from k8slite.kubelet.runtimes.shell.tree import NotShell

T = TypeVar("T")

NOT_FOUND: Final = 127
TERMINATED_CODE: Final = 143  # 128 and SIGTERM
# How a command that is none of the shell's own is run.
Run = Callable[[Sequence[str], Box, Session], Awaitable[int | None]]


class Shell:
    """One shell, from its first command to its exit code; `run` runs what is not its own."""

    def __init__(self, box: Box, session: Session, run: Run) -> None:
        self.state = state_of(evolve(box), session)
        self._run = run
        self._nursery: trio.Nursery | None = None
        self._waiting: list[trio.CancelScope] = []  # around the commands that run
        self._signal = ""

    async def main(self, text: str, arguments: Sequence[str] = ("sh",)) -> int:
        """Run a text's commands; its exit code. Raises NotShell."""
        self.state.arguments = list(arguments)
        body = parsed(text)
        code = 0
        async with trio.open_nursery() as self._nursery:
            code = await self._to_its_end(self.state, body)
            self._nursery.cancel_scope.cancel()
        return code

    async def line(self, text: str) -> tuple[int, bool]:
        """Run a line of an interactive shell: its code, and whether it was the last.

        Raises NotShell.
        """
        state, body, ended = self.state, parsed(text), False
        async with trio.open_nursery() as self._nursery:
            try:
                state.last_code = await self._sequence(state, body)
            except Exit as exit_:
                state.last_code, ended = exit_.code, True
            except (Complaint, NotShell) as complaint:
                await state.session.write_error(f"sh: {complaint}\n".encode())
                state.last_code = 2
            self._nursery.cancel_scope.cancel()
        return state.last_code, ended

    def signalled(self, signal: str) -> None:
        """A signal has come: what runs is given up; then a trap acts, or the shell ends."""
        self._signal = signal
        for scope in list(self._waiting):
            scope.cancel()

    async def _to_its_end(self, state: State, body: tree.Sequence) -> int:
        try:
            code = await self._sequence(state, body)
        except Exit as exit_:
            code = exit_.code
        except Left as left:
            code = left.code
        except (Complaint, NotShell) as complaint:
            await state.session.write_error(f"sh: {complaint}\n".encode())
            code = 2
        action = state.traps.pop("EXIT", "")
        if action:
            state.last_code = code
            try:
                await self._sequence(state, parsed(action))
            except Exit as exit_:
                code = exit_.code
        return code

    # Lists

    async def _sequence(self, state: State, body: tree.Sequence) -> int:
        code = 0
        for node, background in body.items:
            if background:
                self._begin(state, node)
                code = 0
            else:
                code = await self._and_or(state, node)
            state.last_code = code
        return code

    def _begin(self, state: State, node: tree.AndOr) -> None:
        assert self._nursery is not None
        ended = trio.Event()
        below = state.below()
        state.last_job += 1
        state.jobs[state.last_job] = ended

        async def job() -> None:
            try:
                await self._to_its_end(below, tree.Sequence(((node, False),)))
            finally:
                ended.set()

        self._nursery.start_soon(job)

    async def _and_or(self, state: State, node: tree.AndOr) -> int:
        chain = [("", node.first), *node.rest]
        code = 0
        for position, (operator, pipeline) in enumerate(chain):
            if (operator == "&&" and code) or (operator == "||" and not code):
                continue
            last = position == len(chain) - 1
            if last and not pipeline.negated:
                code = await self._pipeline(state, pipeline)
                if code and state.options.get("e") and not state.unchecked:
                    raise Exit(code)
            else:
                code = await self._unchecked(state, self._pipeline, pipeline)
            state.last_code = code
        return code

    async def _unchecked(
        self, state: State, how: Callable[..., Awaitable[int]], node: object
    ) -> int:
        state.unchecked += 1
        try:
            return await how(state, node)
        finally:
            state.unchecked -= 1

    async def _pipeline(self, state: State, node: tree.Pipeline) -> int:
        if len(node.stages) == 1:
            code = await self._command(state, node.stages[0])
        else:
            code = await self._connected(state, node.stages)
        return int(not code) if node.negated else code

    async def _connected(self, state: State, stages: tuple[tree.Command, ...]) -> int:
        codes = [0] * len(stages)
        async with trio.open_nursery() as nursery:
            session = state.session
            for number, stage in enumerate(stages):
                if number == len(stages) - 1:
                    nursery.start_soon(self._stage, state.below(session), stage, codes, number)
                    break
                send, receive = trio.open_memory_channel[bytes](_PIPE_PIECES)
                below = state.below(session.writing(piped(send, state.session)))
                nursery.start_soon(self._stage, below, stage, codes, number, send)
                session = state.session.reading(receive)
        return codes[-1]

    async def _stage(
        self,
        state: State,
        stage: tree.Command,
        codes: list[int],
        number: int,
        output: trio.MemorySendChannel[bytes] | None = None,
    ) -> None:
        body = tree.Sequence(((tree.AndOr(tree.Pipeline((stage,))), False),))
        try:
            codes[number] = await self._to_its_end(state, body)
        except trio.BrokenResourceError:
            codes[number] = _PIPE_CODE  # nobody reads any more
        finally:
            if output is not None:
                output.close()
            state.session.close()

    # Commands

    async def _command(self, state: State, node: tree.Command) -> int:
        await state.pace.step()
        await self._mind_signals(state)
        session = state.session
        try:
            return await self._of_its_kind(state, node)
        except NoStream as missing:
            await session.write_error(f"sh: {missing}\n".encode())
            return 1

    async def _of_its_kind(self, state: State, node: tree.Command) -> int:
        if isinstance(node, tree.Simple):
            return await self._simple(state, node)
        if isinstance(node, tree.If):
            return await self._if(state, node)
        if isinstance(node, tree.Loop | tree.For):
            return await self._loop(state, node)
        if isinstance(node, tree.Case):
            return await self._case(state, node)
        if isinstance(node, tree.Function):
            state.functions[node.name] = node.body
            return 0
        if isinstance(node, tree.Redirected):
            async with self._redirected(state, node.redirects):
                return await self._command(state, node.command)
        if node.subshell:
            return await self._to_its_end(state.below(), node.body)
        return await self._sequence(state, node.body)

    async def _if(self, state: State, node: tree.If) -> int:
        for condition, body in node.branches:
            if not await self._unchecked(state, self._sequence, condition):
                return await self._sequence(state, body)
        return await self._sequence(state, node.otherwise) if node.otherwise else 0

    async def _loop(self, state: State, node: tree.Loop | tree.For) -> int:
        code = 0
        values: list[str] = []
        if isinstance(node, tree.For):
            words = node.words
            values = state.arguments[1:] if words is None else await self._words(state, words)
        while True:
            if isinstance(node, tree.For):
                if not values:
                    return code
                state.variables[node.name] = values.pop(0)
            try:
                if isinstance(node, tree.Loop):
                    met = not await self._unchecked(state, self._sequence, node.condition)
                    if met is node.until:
                        return code
                code = await self._sequence(state, node.body)
            except Left as left:
                if left.how == "return":
                    raise
                if left.levels > 1:
                    raise Left(left.how, left.levels - 1) from None
                if left.how == "break":
                    return 0
            await state.pace.step()

    async def _case(self, state: State, node: tree.Case) -> int:
        expansion = self._expansion(state)
        value = await expansion.text(node.word)
        for patterns, body in node.branches:
            for pattern in patterns:
                if expression_of(await expansion.pieces(pattern)).fullmatch(value):
                    return await self._sequence(state, body)
        return 0

    async def _simple(self, state: State, node: tree.Simple) -> int:
        expansion = self._expansion(state)
        words = await self._words(state, node.words)
        values = {name: await expansion.text(word) for name, word in node.assignments}
        if state.options.get("x"):
            traced = [f"{name}={value}" for name, value in values.items()] + words
            await state.session.write_error(f"+ {' '.join(traced)}\n".encode())
        if words[:1] == ["exec"]:
            return await self._exec(state, words[1:], values, node.redirects)
        async with self._redirected(state, node.redirects):
            if not words:
                state.variables.update(values)
                return state.last_code if values and _substitutes(node) else 0
            return await self._call(state, words, values)

    async def _call(self, state: State, words: list[str], values: dict[str, str]) -> int:
        name = words[0]
        if name in state.functions:
            return await self._function(state, words, values)
        if name in BUILTINS:
            state.variables.update(values)
            code = await self._waited(state, BUILTINS[name](state, words))
            return TERMINATED_CODE if code is None else code
        if name == "eval":
            return await self._sequence(state, parsed(" ".join(words[1:])))
        if name == "." and len(words) > 1:
            found = state.box.files.get(state.box.path(words[1]))
            if found is None:
                raise Complaint(f".: can't open '{words[1]}'")
            return await self._sequence(state, parsed(found.decode(errors="replace")))
        box = evolve(state.box, environment=state.environment(values))
        code = await self._waited(state, self._known(words, box, state.session))
        return TERMINATED_CODE if code is None else code

    async def _known(self, words: list[str], box: Box, session: Session) -> int:
        code = await self._run(words, box, session)
        if code is None:
            await session.write_error(f"sh: {words[0]}: not found\n".encode())
            return NOT_FOUND
        return code

    async def _function(self, state: State, words: list[str], values: dict[str, str]) -> int:
        before = state.arguments
        if state.depth >= DEPTH_MOST:
            raise Complaint("too deep")
        state.variables.update(values)
        state.arguments = [before[0], *words[1:]]
        state.depth += 1
        try:
            return await self._command(state, state.functions[words[0]])
        except Left as left:
            if left.how != "return":
                raise
            return left.code
        finally:
            state.arguments = before
            state.depth -= 1

    async def _exec(
        self,
        state: State,
        words: list[str],
        values: dict[str, str],
        redirects: tuple[tree.Redirect, ...],
    ) -> int:
        if words:
            async with self._redirected(state, redirects):
                raise Exit(await self._call(state, words, values))
        state.session = await redirected(state, redirects, self._expansion(state))
        return 0

    async def _waited(self, state: State, running: Awaitable[T]) -> T | None:
        """Wait for a command; None if a signal came first, and was trapped."""
        with trio.CancelScope() as scope:
            self._waiting.append(scope)
            try:
                return await running
            finally:
                self._waiting.remove(scope)
        await self._mind_signals(state)
        return None

    async def _mind_signals(self, state: State) -> None:
        if not self._signal:
            return
        action = self.state.traps.get(self._signal)
        if action is None or state is not self.state:
            raise Exit(TERMINATED_CODE)
        self._signal = ""
        await self._sequence(state, parsed(action))

    # Words and streams

    def _expansion(self, state: State) -> Expansion:
        return Expansion(state, self._captured)

    async def _words(self, state: State, words: tuple[tree.Word, ...]) -> list[str]:
        return await self._expansion(state).words(words)

    async def _captured(self, state: State, body: tree.Sequence) -> str:
        kept = bytearray()

        async def write(data: bytes, error: bool) -> None:
            if error:
                await state.session.write_error(data)
            else:
                kept.extend(data)

        state.last_code = await self._to_its_end(state.below(state.session.writing(write)), body)
        return kept.decode(errors="replace")

    @asynccontextmanager
    async def _redirected(
        self, state: State, redirects: tuple[tree.Redirect, ...]
    ) -> AsyncIterator[None]:
        before = state.session
        if redirects:
            state.session = await redirected(state, redirects, self._expansion(state))
        try:
            yield
        finally:
            state.session = before


def _substitutes(node: tree.Simple) -> bool:
    return any(isinstance(part, tree.Substitution) for _, word in node.assignments for part in word)


_PIPE_PIECES: Final = 64  # how far a command may be ahead of the one that reads it
_PIPE_CODE: Final = 141  # 128 and SIGPIPE
