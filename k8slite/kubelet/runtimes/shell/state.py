"""What one shell knows: its variables, functions, options and traps."""

from __future__ import annotations

import trio
from attrs import define, evolve, field

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.session import Session
from k8slite.kubelet.runtimes.shell.tree import Command

# A thousand commands take a second, so that a loop that never waits lets others live.
COMMANDS_PER_SECOND = 1000
DEPTH_MOST = 40  # of functions and subshells in each other: Python has its own limit


class Exit(Exception):
    """The shell ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code & 0xFF


class Left(Exception):
    """break, continue or return: so many loops are left, or a function."""

    def __init__(self, how: str, levels: int = 1, code: int = 0) -> None:
        super().__init__(how)
        self.how = how
        self.levels = levels
        self.code = code


class Complaint(Exception):
    """What the shell says, and ends with 2."""


class NoStream(Exception):
    """A file that a command reads from or writes to cannot be had: the command is not run."""


@define(eq=False)
class Pace:
    """How many commands have run without a wait; of a shell and all below it."""

    commands: int = 0

    async def step(self) -> None:
        """One more. Takes its time."""
        self.commands += 1
        if self.commands % COMMANDS_PER_SECOND == 0:
            await trio.sleep(1.0)
        else:
            await trio.lowlevel.checkpoint()


@define(eq=False)
class State:
    """One shell's memory."""

    box: Box
    session: Session
    variables: dict[str, str]
    exported: dict[str, None]
    arguments: list[str] = field(factory=lambda: ["sh"])  # $0, $1, ...
    functions: dict[str, Command] = field(factory=dict)
    options: dict[str, bool] = field(factory=dict)  # by letter
    traps: dict[str, str] = field(factory=dict)
    last_code: int = 0
    depth: int = 0
    unchecked: int = 0  # how many conditions surround us, in which -e does not count
    jobs: dict[int, trio.Event] = field(factory=dict)  # what runs in the background
    last_job: int = 0
    pace: Pace = field(factory=Pace)

    def below(self, session: Session | None = None) -> State:
        """A subshell: it knows everything, and changes nothing."""
        if self.depth >= DEPTH_MOST:
            raise Complaint("too deep")
        return evolve(
            self,
            box=evolve(self.box),
            session=session or self.session,
            variables=dict(self.variables),
            exported=dict(self.exported),
            arguments=list(self.arguments),
            functions=dict(self.functions),
            options=dict(self.options),
            traps={},
            depth=self.depth + 1,
            jobs={},
        )

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """What a command finds in its environment."""
        found = {name: self.variables[name] for name in self.exported if name in self.variables}
        return {**found, **more}

    def value(self, name: str) -> str | None:
        """A parameter's value; None where it is not set."""
        if name.isdecimal():
            number = int(name)
            return self.arguments[number] if number < len(self.arguments) else None
        if name in ("@", "*"):
            return " ".join(self.arguments[1:]) if len(self.arguments) > 1 else None
        if name == "-":
            return "".join(letter for letter, on in self.options.items() if on)
        special = {"?": self.last_code, "#": len(self.arguments) - 1, "$": 1, "!": self.last_job}
        return str(special[name]) if name in special else self.variables.get(name)


def state_of(box: Box, session: Session) -> State:
    """A new shell's memory: everything in the environment is exported."""
    environment = dict(box.environment)
    return State(box, session, environment, dict.fromkeys(environment))
