"""What a container does when it has started, and before it is told to end: its lifecycle hooks.

Upstream: `pkg/kubelet/lifecycle/handlers.go`: over HTTP, every answer counts as success.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from k8slite.kubelet.pod import Container, Hook
from k8slite.kubelet.runtimes.reach import Reach, get
from k8slite.messages import read_all

# Runs a command in the container: its exit code, and what it has printed.
RunIn = Callable[[tuple[str, ...]], Awaitable[tuple[int, str]]]


async def hook_complaint(hook: Hook, container: Container, reach: Reach, run: RunIn) -> str:
    """Do what a hook says: why it has failed, "" where it has not."""
    if hook.sleep is not None:
        await trio.sleep(hook.sleep.seconds)
    elif hook.exec is not None:
        code, printed = await run(hook.exec.command)
        if code:
            return f"command '{' '.join(hook.exec.command)}' exited with {code}: {printed}"
    elif hook.http_get is not None:
        try:
            await read_all(await get(reach, hook.http_get, container, _AGENT))
        except OSError as error:
            return str(error)
    return ""


_AGENT: Final = "kube-lifecycle/1.37"
