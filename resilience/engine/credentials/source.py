"""Credentials that are loaded before a call uses them, and renewed once for all calls."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, NoReturn, TypeVar, cast, overload

from resilience.core.settings.credentials import CredentialLimits
from resilience.engine.credentials.loaded import NONE_LOADED, Loaded, NoneLoaded, instant_of
from resilience.engine.credentials.refreshes import RefreshInFlight
from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import Threads, is_coroutine_function

C = TypeVar("C")

OnRefresh = Callable[[object, bool], None]
"""Called with the refresh that a call waits for, and whether that call runs the refresh."""

_DEFAULTS = CredentialLimits()

# Seconds that a call waits at most for a renewal ahead of expiry; STS answers in well under a second.
EARLY_SECONDS = 10.0


class Credentials(Generic[C]):
    """
    A source of credentials that calls share.

    One refresh runs at a time. A call with rejected credentials takes newer ones if they are
    there, and else waits for the refresh that runs. A cancelled call stops waiting. If the call
    that runs the refresh is cancelled, the next waiting call starts it again. One source serves
    event loops, also several in threads of their own, or the threads of programs without an
    event loop (``SyncExecutor``). Rate limits do not count what a refresh sends, unless it is a
    wrapped function itself.

    Attributes:
        loaded: The present credentials; before the first refresh a value that stands for none.

    Args:
        refresh: Gets new credentials: a coroutine function, or a plain function, which runs in a thread.
        expires: Returns when given credentials expire, as epoch seconds or an aware datetime; without it
            (or if it returns None) only faults renew them.
        limits: The limits of refreshes; None for the policy's table ``[credentials.PROVIDER]``.
    """

    @overload
    def __init__(
        self,
        refresh: Callable[[], Awaitable[C]],
        *,
        expires: Callable[[C], float | datetime | None] | None = None,
        limits: CredentialLimits | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        refresh: Callable[[], C],
        *,
        expires: Callable[[C], float | datetime | None] | None = None,
        limits: CredentialLimits | None = None,
    ) -> None: ...
    def __init__(
        self,
        refresh: Callable[[], Awaitable[C] | C],
        *,
        expires: Callable[[C], float | datetime | None] | None = None,
        limits: CredentialLimits | None = None,
    ) -> None:
        self._refresh = refresh
        # One refresh runs at a time, but abandoned ones that hang must not block the thread of the next one.
        self._threads = Threads()
        self._expires = expires
        self._limits = limits
        self.loaded: Loaded[C] | NoneLoaded = NONE_LOADED
        self._flight: RefreshInFlight | None = None
        self._mutex = ProcessLock()
        self._failed_at: float | None = None
        self._failure: Exception | None = None

    def __reduce__(self) -> NoReturn:
        """Raise TypeError: a pickle may be stored in a file."""
        raise TypeError("credentials cannot be pickled")

    def __repr__(self) -> str:
        """Return the generation alone."""
        return f"<Credentials generation={self.generation}>"

    @property
    def generation(self) -> int:
        """The number of refreshes so far; 0 before the first."""
        return self.loaded.generation

    def current(self) -> C:
        """
        Return the present credentials.

        Raises:
            RuntimeError: No credentials have been loaded yet.
        """
        loaded = self.loaded
        if isinstance(loaded, NoneLoaded):
            raise RuntimeError(  # noqa: TRY004  # the type is right, the call is too early
                "credentials not loaded: call current() inside a wrapped function, or await load() before it"
            )
        loaded.read = True
        return loaded.value

    async def load(self) -> C:
        """
        Return credentials for use outside a wrapped function; refresh them first if they are due.

        Raises:
            RemedyFailed: There are no valid credentials, and the refresh failed. Its ``__cause__`` is the reason.
        """
        await self.ready()
        return self.current()

    def load_blocking(self) -> C:
        """
        Return credentials as :meth:`load` does, in a thread without an event loop.

        Raises:
            RemedyFailed: There are no valid credentials, and the refresh failed.
            TypeError: The refresh is a coroutine function.
        """
        drive(self.ready(runtime=THREAD))
        return self.current()

    async def ready(
        self,
        limits: CredentialLimits | None = None,
        on_flight: OnRefresh | None = None,
        runtime: Runtime = LOOP,
    ) -> RemedyFailed | None:
        """
        Load the first credentials, or renew those that expire soon.

        Returns:
            The error of a renewal ahead of expiry, if the present credentials are still valid; else None.

        Args:
            limits: The limits of refreshes, if the source has none of its own.
            on_flight: Called before the call waits for a refresh.
            runtime: The runtime of the call.

        Raises:
            RemedyFailed: There are no valid credentials, and the refresh failed. Its ``__cause__`` is the reason.
        """
        limits = self._limits or limits or _DEFAULTS
        loaded = self.loaded
        if isinstance(loaded, NoneLoaded):
            await self._renew(0, limits, on_flight, runtime)
            return None
        left = loaded.expires_at - time.time()
        if left <= 0:
            await self._renew(loaded.generation, limits, on_flight, runtime)
        elif left < limits.refresh_before and self._under_way() is None:
            return await self._renew_early(loaded.generation, min(left / 2, EARLY_SECONDS), limits, on_flight, runtime)
        return None

    async def renew(
        self,
        generation: int,
        limits: CredentialLimits | None = None,
        on_flight: OnRefresh | None = None,
        runtime: Runtime = LOOP,
    ) -> None:
        """
        Replace credentials that a service has rejected, unless newer ones are there already.

        Args:
            generation: The generation that was rejected.
            limits: As for :meth:`ready`.
            on_flight: As for :meth:`ready`.
            runtime: As for :meth:`ready`.

        Raises:
            RemedyFailed: The refresh failed (its ``__cause__`` is the reason); or the program has never read the
                rejected credentials, so that new ones would change nothing.
        """
        loaded = self.loaded
        if loaded.generation == generation and not loaded.read:
            raise RemedyFailed("refresh", "credentials not read: call sts.current() inside the wrapped function")
        await self._renew(generation, self._limits or limits or _DEFAULTS, on_flight, runtime)

    async def _renew_early(
        self,
        generation: int,
        patience: float,
        limits: CredentialLimits,
        on_flight: OnRefresh | None,
        runtime: Runtime,
    ) -> RemedyFailed | None:
        """Renew credentials that are still valid; a failure or a hang must not break the call."""
        ran = await runtime.run_until(
            runtime.now() + patience, self._renew, (generation, limits, on_flight, runtime), {}
        )
        if ran.cut:
            self._failed_at, self._failure = runtime.now(), TimeoutError()
            return _failed(self._failure)
        if ran.error is not None and not isinstance(ran.error, RemedyFailed):
            raise ran.error
        return ran.error

    async def _renew(
        self, generation: int, limits: CredentialLimits, on_flight: OnRefresh | None, runtime: Runtime
    ) -> None:
        while True:
            with self._mutex:
                if self.generation != generation:
                    return
                flight = self._under_way()
                leads = flight is None
                if flight is None:
                    self._raise_if_cooling(limits, runtime)
                    flight = self._flight = RefreshInFlight(runtime)
            if leads:
                await self._lead(flight, limits, on_flight)
                continue
            if flight.runtime is not runtime:
                raise RuntimeError(
                    "credentials are asked for in a plain thread and on an event loop at once; give each its own source"
                )
            if on_flight is not None:
                on_flight(flight, False)  # noqa: FBT003  # positional in the callback's type
            await flight.wait(runtime)
            if flight.error is not None:
                raise _failed(flight.error)

    def _under_way(self) -> RefreshInFlight | None:
        """Return the refresh that runs in this process; after a fork, one of the parent never ends here."""
        flight = self._flight
        return None if flight is None or flight.process != os.getpid() else flight

    async def _lead(self, flight: RefreshInFlight, limits: CredentialLimits, on_flight: OnRefresh | None) -> None:
        try:
            if on_flight is not None:
                on_flight(flight, True)  # noqa: FBT003  # positional in the callback's type
            value = await self._fetch(flight.runtime)
            expires_at = math.inf if self._expires is None else instant_of(self._expires(value))
        except Exception as error:
            flight.error = error
            self._failed_at, self._failure = flight.runtime.now(), error
            raise _failed(error) from error
        else:
            renew_at = expires_at - limits.refresh_before
            self.loaded = Loaded(value, self.generation + 1, expires_at, renew_at)
            self._failed_at = self._failure = None
        finally:
            # This runs after a cancellation too: a waiting call then finds no error and no newer generation, and leads.
            self._flight = None
            flight.end()

    async def _fetch(self, runtime: Runtime) -> C:
        if not runtime.blocks:
            return cast("C", await self._threads.awaitable(self._refresh)())
        if is_coroutine_function(self._refresh):
            raise TypeError("the refresh of these credentials is a coroutine function, and needs an event loop")
        return cast("C", self._refresh())

    def _raise_if_cooling(self, limits: CredentialLimits, runtime: Runtime) -> None:
        if self._failure is None or self._failed_at is None:
            return
        # The clock of a later event loop need not continue that of an earlier one.
        if 0 <= runtime.now() - self._failed_at < limits.cool_down:
            raise _failed(self._failure)


def _failed(cause: Exception) -> RemedyFailed:
    """Return a new exception for each caller, so that tracebacks and notes do not mix."""
    error = RemedyFailed("refresh", f"new credentials could not be had ({type(cause).__qualname__})")
    error.__cause__ = cause
    return error
