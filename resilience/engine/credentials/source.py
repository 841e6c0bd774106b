"""Live credentials: loaded before they are used, renewed once for all who need it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Generic, NoReturn, TypeVar, cast, overload

from attrs import define, field, frozen

from resilience.core.policy import CredentialLimits
from resilience.engine.credentials.refreshes import RefreshInFlight
from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import Threads, is_coroutine_function

C = TypeVar("C")

OnRefresh = Callable[[object, bool], None]
"""Told about the refresh that is waited for, and whether the caller runs it."""

_DEFAULTS = CredentialLimits()

# What a call that could be made waits at most for a renewal ahead of expiry; STS answers in well under a second.
EARLY_SECONDS = 10.0


@frozen
class NoneLoaded:
    """What is held before the first refresh."""

    generation: int = 0
    renew_at: float = -math.inf
    read: bool = True


_NONE_LOADED: Final = NoneLoaded()


@define
class Loaded(Generic[C]):
    """
    What a refresh brought.

    Attributes:
        value: The credentials.
        generation: Counted from 1.
        expires_at: In epoch seconds; infinite where nothing is known of an end.
        renew_at: When they are to be renewed, in epoch seconds, as the limits of their own refresh say.
        read: Whether anybody has asked for them since.
    """

    value: C = field(repr=False)
    generation: int
    expires_at: float = math.inf
    renew_at: float = math.inf
    read: bool = False


class Credentials(Generic[C]):
    """
    A source of credentials that calls share.

    One refresh runs at a time. Who meets a rejected credential while a newer one
    is already there takes the newer one; who comes while a refresh runs waits for
    it. A cancelled waiter leaves; when the one who runs the refresh is cancelled,
    the next in line starts it again. One source serves event loops, also several in
    threads of their own, or the threads of programs without one (``SyncExecutor``).

    Attributes:
        held: What is held now, or None before the first were loaded.

    Args:
        refresh: Gets new credentials: a coroutine function, or a plain function, which runs in a thread.
        expires: Reads from credentials when they expire, as epoch seconds or a datetime; without it
            (or where it returns None) only faults renew them.
        limits: How they are renewed; None for the policy's table.
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
        # One refresh runs at a time; those that were abandoned and hang must not keep the next one from its thread.
        self._threads = Threads()
        self._expires = expires
        self._limits = limits
        self.held: Loaded[C] | NoneLoaded = _NONE_LOADED
        self._flight: RefreshInFlight | None = None
        self._mutex = ProcessLock()
        self._failed_at: float | None = None
        self._failure: Exception | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: credentials must not end up in a file."""
        raise TypeError("credentials cannot be pickled")

    def __repr__(self) -> str:
        """Say which generation is held, and nothing of what it is."""
        return f"<Credentials generation={self.generation}>"

    @property
    def generation(self) -> int:
        """How many credentials there have been; 0 before the first were loaded."""
        return self.held.generation

    def current(self) -> C:
        """
        Return the credentials in force.

        Raises:
            RuntimeError: Nothing was loaded yet.
        """
        held = self.held
        if isinstance(held, NoneLoaded):
            raise RuntimeError(  # noqa: TRY004  # it is not a wrong type, it is too early
                "credentials not loaded: call current() inside a wrapped function, or await load() before it"
            )
        held.read = True
        return held.value

    async def load(self) -> C:
        """
        Return credentials that are good for a while, for use outside a wrapped function.

        Raises:
            RemedyFailed: There are none, and none could be had. Its cause is why.
        """
        await self.ready()
        return self.current()

    def load_blocking(self) -> C:
        """
        Do what :meth:`load` does, in a thread that has no event loop.

        Raises:
            RemedyFailed: As :meth:`load`.
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
        See to it that there are credentials: load the first ones, renew those that expire soon.

        Returns:
            Why credentials that still hold could not be renewed ahead of their expiry, or None.

        Args:
            limits: How they are renewed, where the source has no limits of its own.
            on_flight: Told when a refresh is waited for.
            runtime: Where the call runs that needs them.

        Raises:
            RemedyFailed: There are none, and none could be had. Its cause is why.
        """
        limits = self._limits or limits or _DEFAULTS
        held = self.held
        if isinstance(held, NoneLoaded):
            await self._renew(0, limits, on_flight, runtime)
            return None
        left = held.expires_at - time.time()
        if left <= 0:
            await self._renew(held.generation, limits, on_flight, runtime)
        elif left < limits.refresh_before and self._under_way() is None:
            return await self._renew_early(held.generation, min(left / 2, EARLY_SECONDS), limits, on_flight, runtime)
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
            RemedyFailed: The refresh failed (its cause is why), or nobody has ever read the rejected
                credentials, so that new ones would change nothing.
        """
        held = self.held
        if held.generation == generation and not held.read:
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
        """Renew credentials that still hold: neither a failure nor a hang may break a call that can succeed."""
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
        """Return the refresh that runs; one of the process that this one was forked from will never end here."""
        flight = self._flight
        return None if flight is None or flight.process != os.getpid() else flight

    async def _lead(self, flight: RefreshInFlight, limits: CredentialLimits, on_flight: OnRefresh | None) -> None:
        try:
            if on_flight is not None:
                on_flight(flight, True)  # noqa: FBT003  # positional in the callback's type
            value = await self._fetch(flight.runtime)
            expires_at = self._expiry(value)
        except Exception as error:
            flight.error = error
            self._failed_at, self._failure = flight.runtime.now(), error
            raise _failed(error) from error
        else:
            renew_at = expires_at - limits.refresh_before
            self.held = Loaded(value, self.generation + 1, expires_at, renew_at)
            self._failed_at = self._failure = None
        finally:
            # Also when cancelled: a waiter finds no error and no newer generation, and leads next.
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
        # Clocks of event loops that run one after another need not go on where the last one ended.
        if 0 <= runtime.now() - self._failed_at < limits.cool_down:
            raise _failed(self._failure)

    def _expiry(self, value: C) -> float:
        moment: Any = None if self._expires is None else self._expires(value)
        if moment is None:
            return math.inf
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return moment.timestamp()
        if isinstance(moment, int | float) and not isinstance(moment, bool):
            return float(moment)
        found = "a datetime without a time zone" if isinstance(moment, datetime) else type(moment).__qualname__
        raise TypeError(f"expires: expected epoch seconds, an aware datetime or None, got {found}")


def _failed(cause: Exception) -> RemedyFailed:
    """Return a fresh exception for each caller, so that tracebacks and notes do not mix."""
    error = RemedyFailed("refresh", f"new credentials could not be had ({type(cause).__qualname__})")
    error.__cause__ = cause
    return error


@define(eq=False)
class NoCredentials:
    """Stands for the source of a call that needs no credentials: what it holds never expires."""

    held: Loaded[None] = field(factory=lambda: Loaded(None, 0))


NO_CREDENTIALS: Final = NoCredentials()
