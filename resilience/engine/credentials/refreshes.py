"""One refresh of credentials that is under way, and those who wait for it."""

from __future__ import annotations

import os
from typing import Final

from anyio.lowlevel import current_token
from attrs import define, field

from resilience.engine.runtime.runtime import Latch, Runtime

# How often to look whether a refresh is over that another event loop runs.
_GLANCE: Final = 0.02


@define(eq=False)
class RefreshInFlight:
    """One refresh that is under way; those who wait for it hold the same object."""

    runtime: Runtime
    done: Latch = field(init=False)
    is_over: bool = field(default=False, init=False)
    error: Exception | None = field(default=None, init=False)
    place: object = field(init=False)
    process: int = field(factory=os.getpid, init=False)

    def __attrs_post_init__(self) -> None:
        self.done = self.runtime.latch()
        self.place = _place(self.runtime)

    def end(self) -> None:
        """Let everybody go on who waits."""
        self.is_over = True
        self.done.set()

    async def wait(self, runtime: Runtime) -> None:
        """Wait for its end; a latch opens only for those on its own event loop, others look from time to time."""
        if self.place == _place(runtime):
            await self.done.wait()
            return
        while not self.is_over:
            await runtime.sleep(_GLANCE)


def _place(runtime: Runtime) -> object:
    return runtime if runtime.blocks else current_token()
