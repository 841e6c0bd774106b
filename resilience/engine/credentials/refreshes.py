"""A refresh of credentials that is under way, which several calls may wait for; and the failure of the last one."""

from __future__ import annotations

import os
from typing import Final

from anyio.lowlevel import current_token
from attrs import define, field

from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.runtime import Latch, Runtime
from resilience.engine.sharing.refresh_turns import RefreshCoolingError

# Seconds between two looks at a refresh that another event loop runs.
_POLL_SECONDS: Final = 0.02


@define(eq=False)
class RefreshInFlight:
    """
    A refresh that is under way; all calls that wait for it have the same object.

    Attributes:
        runtime: Of the call that runs it.
        waited: How long that call has waited for the refreshes of other processes, in seconds.
    """

    runtime: Runtime
    waited: float = field(default=0.0, init=False)
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


@define(eq=False)
class LastRefresh:
    """The failure of the last refresh, which holds for a cool-down; none after a success."""

    _failed_at: float = field(default=0.0, init=False)
    _error: Exception | None = field(default=None, init=False)

    def succeeded(self) -> None:
        """Forget the failure."""
        self._error = None

    def failed(self, error: Exception, now: float) -> None:
        """Note a failure."""
        self._failed_at, self._error = now, error

    def raise_if_cooling(self, cool_down: float, now: float) -> None:
        """
        Do nothing where a refresh may be tried.

        Raises:
            RemedyFailed: The last one has failed too lately.
        """
        # The clock of a later event loop need not continue that of an earlier one.
        if self._error is not None and 0 <= now - self._failed_at < cool_down:
            raise refresh_failed(self._error)


def refresh_failed(cause: Exception) -> RemedyFailed:
    """Return a new exception for each caller, so that tracebacks and notes do not mix."""
    why = str(cause) if isinstance(cause, RefreshCoolingError) else type(cause).__qualname__
    error = RemedyFailed("refresh", f"new credentials could not be had ({why})")
    error.__cause__ = cause
    return error


def _loop_of(runtime: Runtime) -> object:
    return runtime if runtime.blocks else current_token()
