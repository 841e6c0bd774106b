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
from resilience.engine.credentials.refreshes import LastRefresh, RefreshInFlight, refresh_failed
from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import Threads, is_coroutine_function
from resilience.engine.sharing.refresh_turns import NotNow, RefreshCoolingError, RefreshTurns, function_name
from resilience.engine.sharing.shared_store import SharedStore
from resilience.state.store import StateError

C = TypeVar("C")

OnRefresh = Callable[[object, bool], None]
"""Called with the refresh that a call waits for, and whether that call runs the refresh."""

_DEFAULTS = CredentialLimits()

# Seconds that a call waits at most for a renewal ahead of expiry; STS answers in well under a second.
EARLY_SECONDS = 10.0

# Where other processes refresh, what is still valid is renewed by a call that comes so many seconds later.
_EARLY_AGAIN = 1.0


class Credentials(Generic[C]):
    """
    A source of credentials that calls share.

    One refresh runs at a time. A call with rejected credentials takes newer ones if they are
    there, and else waits for the refresh that runs. A cancelled call stops waiting. If the call
    that runs the refresh is cancelled, the next waiting call starts it again. One source serves
    event loops, also several in threads of their own, or the threads of programs without an
    event loop (``SyncExecutor``). Rate limits do not count what a refresh sends, unless it is a
    wrapped function itself.

    Where the executor's policy has a ``[state]``, processes refresh one after the other, each its own credentials.
    While the token service is in trouble, one of them asks it for all. They take turns where provider, account and the
    name of the refresh function are the same.

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
        self._last = LastRefresh()
        self._turns: RefreshTurns | None = None
        self._early_at = -math.inf  # before this no call tries to renew what is still valid

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
        elif left < limits.refresh_before and self._under_way() is None and time.time() >= self._early_at:
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

    def take_turns(self, shared: SharedStore, begins: str, name: str | None = None) -> None:
        """
        Refresh in turn with the other processes that have such a source, from now on.

        Args:
            shared: The store that they share.
            begins: What begins the names of an account's values there.
            name: What the source is called in every process; None for the name of its function.
        """
        if self._turns is None:
            self._turns = RefreshTurns.of(shared, begins, name or function_name(self._refresh))

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
            runtime.now() + patience, self._renew, (generation, limits, on_flight, runtime), {"is_early": True}
        )
        if ran.cut:
            error = TimeoutError()
            self._last.failed(error, runtime.now())
            return refresh_failed(error)
        if ran.error is not None and not isinstance(ran.error, RemedyFailed):
            raise ran.error
        return ran.error

    async def _renew(
        self,
        generation: int,
        limits: CredentialLimits,
        on_flight: OnRefresh | None,
        runtime: Runtime,
        *,
        is_early: bool = False,
    ) -> None:
        while True:
            with self._mutex:
                if self.generation != generation or (is_early and time.time() < self._early_at):
                    return
                flight = self._under_way()
                leads = flight is None
                if flight is None:
                    self._last.raise_if_cooling(limits.cool_down, runtime.now())
                    flight = self._flight = RefreshInFlight(runtime)
            if leads:
                if not await self._lead(flight, limits, on_flight, is_early=is_early):
                    return
                continue
            if flight.runtime is not runtime:
                raise RuntimeError(
                    "credentials are asked for in a plain thread and on an event loop at once; give each its own source"
                )
            if on_flight is not None:
                on_flight(flight, False)  # noqa: FBT003  # positional in the callback's type
            await flight.wait(runtime)
            if flight.error is not None:
                raise refresh_failed(flight.error)

    def _under_way(self) -> RefreshInFlight | None:
        """Return the refresh that runs in this process; after a fork, one of the parent never ends here."""
        flight = self._flight
        return None if flight is None or flight.process != os.getpid() else flight

    async def _lead(
        self, flight: RefreshInFlight, limits: CredentialLimits, on_flight: OnRefresh | None, *, is_early: bool
    ) -> bool:
        """Refresh; False where other processes do, and what is still valid is renewed later."""
        now, cool_down = flight.runtime.now, limits.cool_down

        def begins() -> None:
            if on_flight is not None:
                on_flight(flight, True)  # noqa: FBT003  # positional in the callback's type

        try:
            if self._turns is None:
                begins()
                value: C | NotNow = await self._fetch(flight.runtime)
            else:
                value = await self._turns.refresh(self._fetch, flight, cool_down, waits=not is_early, begins=begins)
            if isinstance(value, NotNow):
                self._early_at = time.time() + _EARLY_AGAIN
                return False
            expires_at = math.inf if self._expires is None else instant_of(self._expires(value))
        except Exception as error:
            flight.error = error
            if isinstance(error, RefreshCoolingError):
                self._last.failed(error, now() - cool_down + error.left)
            elif not isinstance(error, StateError):
                self._last.failed(error, now())
            raise refresh_failed(error) from error
        else:
            renew_at = expires_at - limits.refresh_before
            self.loaded = Loaded(value, self.generation + 1, expires_at, renew_at)
            self._last.succeeded()
            return True
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
