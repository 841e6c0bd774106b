"""A refresh of credentials that is under way, which several calls may wait for."""

from __future__ import annotations

import os
from typing import Final

from anyio.lowlevel import current_token
from attrs import define, field

from resilience.engine.runtime.runtime import Latch, Runtime

# Seconds between two looks at a refresh that another event loop runs.
_POLL_SECONDS: Final = 0.02


@define(eq=False)
class RefreshInFlight:
    """A refresh that is under way; all calls that wait for it have the same object."""

    runtime: Runtime
    done: Latch = field(init=False)
    is_over: bool = field(default=False, init=False)
    error: Exception | None = field(default=None, init=False)
    loop: object = field(init=False)
    process: int = field(factory=os.getpid, init=False)

    def __attrs_post_init__(self) -> None:
        self.done = self.runtime.latch()
        self.loop = _loop_of(self.runtime)

    def end(self) -> None:
        """Let all waiting calls go on."""
        self.is_over = True
        self.done.set()

    async def wait(self, runtime: Runtime) -> None:
        """Wait for the end: on the refresh's own event loop by its latch, on another one by polling."""
        if self.loop == _loop_of(runtime):
            await self.done.wait()
            return
        while not self.is_over:
            await runtime.sleep(_POLL_SECONDS)


def _loop_of(runtime: Runtime) -> object:
    return runtime if runtime.blocks else current_token()
