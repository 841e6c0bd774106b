"""
Breakers: calls are refused for a while where those before them have failed.

    closed    -> open       a failure, where enough of the window's results are failures
    open      -> half_open  a call, after ``open_for``
    half_open -> closed     as many probes as ``probes`` says were answered
    half_open -> open       one of them failed
    any       -> any        by hand

What counts. A failure says that the service is in trouble: no answer, an unreadable answer, or an error of its own. A
refusal of the request itself (a wrong parameter, no permission, a name that is taken) shows that the service works: it
never opens a breaker, and it closes a half-open one as a success does. Otherwise a run whose resources all exist
already would keep a breaker half-open for ever. A throttled request says neither: the rate is too high, and an open
breaker would stop the calls that the limit still allows.

Probes. A probe is a lease of one place of a half-open breaker. The place comes back whatever the result is. The lease
also ends by itself after a time, in case its holder is gone; a result that comes later still counts. So a half-open
breaker always lets a call pass again.

Generations. Each change of state begins a generation. A result counts in the generation that its attempt began in, and
in no other: what was sent before the breaker opened says nothing about whether the service is back.

Time and results are arguments. The work for a call is constant, and so is the memory of a breaker.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from attrs import define, field, frozen

from resilience.core.admission.limits import BreakerLimits
from resilience.core.admission.recent import CallWindow, TimeWindow
from resilience.core.admission.result import Result
from resilience.core.admission.steady import Mutex, NoMutex, SteadyTime

BreakerState = Literal["closed", "open", "half_open"]
"""Whether calls pass, are refused, or are tried."""

LEAST_LEASE: Final = 60.0
"""How long a probe holds its place at least, in seconds: three times the usual limit of one attempt."""

# Changes that no call has told of; more than these happen only where no call comes.
_MOST_CHANGES: Final = 16

_CAN_CLOSE: Final = frozenset({"succeeded", "ignored"})


@frozen(kw_only=True)
class BreakerChange:
    """
    A breaker has changed its state.

    Attributes:
        old: The state before.
        new: The state since.
        by_hand: Whether a person or a program asked for it.
        failures: The failures in the window when it opened; 0 otherwise.
        results: All results in it; likewise.
    """

    old: BreakerState
    new: BreakerState
    by_hand: bool = False
    failures: int = 0
    results: int = 0


@frozen
class BreakerPass:
    """
    What an attempt holds that a breaker has let pass.

    Attributes:
        generation: The breaker's generation when the attempt began.
        probe: The number of the lease, if it is a probe; else 0.
        is_shadowed: Whether a breaker that is not a shadow would have refused it.
    """

    generation: int
    probe: int = 0
    is_shadowed: bool = False


@frozen
class BreakerRefusal:
    """
    What a call gets that a breaker refuses.

    Attributes:
        retry_after: When calls are tried again, in seconds; None where that is unknown: all probes are under way, or a
            person has opened the breaker.
    """

    retry_after: float | None


@define(eq=False)
class Breaker:
    """
    One breaker. Every attempt enters it, and leaves with its result.

    Attributes:
        limits: What the policy says.
        lease: How long a probe holds its place, in seconds.
        state: The present state; time alone does not change it.
        by_hand: Whether it keeps that state until it is reset.
        generation: The number of its changes.
        refused: The calls that it has refused; those that a shadow would have.
    """

    limits: BreakerLimits
    lease: float = field(kw_only=True)
    mutex: Mutex = field(factory=NoMutex, kw_only=True, repr=False)
    state: BreakerState = field(default="closed", init=False)
    by_hand: bool = field(default=False, init=False)
    generation: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    _time: SteadyTime = field(factory=SteadyTime, init=False, repr=False)
    _window: TimeWindow | CallWindow = field(init=False, repr=False)
    _open_until: float = field(default=0.0, init=False, repr=False)
    _leases: dict[int, float] = field(factory=dict, init=False, repr=False)  # until when each probe holds its place
    _given: int = field(default=0, init=False, repr=False)
    _answered: int = field(default=0, init=False, repr=False)  # probes of this generation
    _changes: deque[BreakerChange] = field(factory=lambda: deque(maxlen=_MOST_CHANGES), init=False, repr=False)

    @lease.default
    def _long_enough(self) -> float:
        return max(LEAST_LEASE, self.limits.open_for)

    @_window.default
    def _window_of_limits(self) -> TimeWindow | CallWindow:
        limits = self.limits
        if limits.window_calls is not None:
            return CallWindow(limits.window_calls)
        if limits.window is None:
            raise ValueError("expected a window")
        return TimeWindow(limits.window)

    def refusal(self, now: float) -> BreakerRefusal | None:
        """Refuse a call that :meth:`enter` would refuse, before it waits for anything else; None if it may go on."""
        if self.state == "closed":
            return None
        with self.mutex:
            refusal = None if self.limits.mode == "shadow" else self._refusal(self._time.at(now))
            self.refused += refusal is not None
            return refusal

    def refusal_after(self, delay: float, now: float) -> BreakerRefusal | None:
        """Refuse a call that would wait so many seconds and be refused then, if that is certain; else None."""
        if self.state != "open" or self.by_hand or self.limits.mode == "shadow":
            return None
        with self.mutex:
            left = self._open_until - self._time.at(now)
            if left <= delay:
                return None
            self.refused += 1
            return BreakerRefusal(left)

    def enter(self, now: float) -> BreakerPass | BreakerRefusal:
        """Let an attempt pass, or refuse it; what passes has to :meth:`leave`."""
        if self.state == "closed":
            return BreakerPass(self.generation)
        with self.mutex:
            return self._enter(self._time.at(now))

    def leave(self, held: BreakerPass, result: Result, now: float) -> None:
        """End an attempt; once for each that has passed, whatever came of it."""
        with self.mutex:
            self._leave(held, result, self._time.at(now))

    def open(self) -> None:
        """Refuse every call from now on, until :meth:`close` or :meth:`reset`."""
        self._set("open", by_hand=True)

    def close(self) -> None:
        """Let every call pass from now on, whatever comes of it, until :meth:`open` or :meth:`reset`."""
        self._set("closed", by_hand=True)

    def reset(self) -> None:
        """Begin anew: closed, with an empty window, and results count again."""
        self._set("closed", by_hand=False)

    def counts(self, now: float) -> tuple[int, int]:
        """Return how many results of the window are failures, and how many results it has."""
        with self.mutex:
            return self._window.counts(self._time.at(now))

    def take_changes(self) -> tuple[BreakerChange, ...]:
        """Return the changes that no one has taken yet, in order."""
        if not self._changes:
            return ()
        with self.mutex:
            changes = tuple(self._changes)
            self._changes.clear()
        return changes

    def _enter(self, at: float) -> BreakerPass | BreakerRefusal:
        if self.state == "open" and not self.by_hand and at >= self._open_until:
            self._change("half_open")
        refusal = self._refusal(at)
        if refusal is None:
            return self._let_pass(at)
        self.refused += 1
        return BreakerPass(self.generation, is_shadowed=True) if self.limits.mode == "shadow" else refusal

    def _leave(self, held: BreakerPass, result: Result, at: float) -> None:
        if held.generation != self.generation or held.is_shadowed:
            return
        if held.probe:
            self._leases.pop(held.probe, None)
            self._probed(result, at)
        elif not self.by_hand and self.state == "closed":
            self._count(result, at)

    def _refusal(self, at: float) -> BreakerRefusal | None:
        if self.state == "closed":
            return None
        if self.state == "open":
            if self.by_hand:
                return BreakerRefusal(None)
            return BreakerRefusal(self._open_until - at) if at < self._open_until else None
        self._end_leases(at)
        return None if len(self._leases) + self._answered < self.limits.probes else BreakerRefusal(None)

    def _let_pass(self, at: float) -> BreakerPass:
        if self.state != "half_open":
            return BreakerPass(self.generation)
        self._given += 1
        self._leases[self._given] = at + self.lease
        return BreakerPass(self.generation, self._given)

    def _end_leases(self, at: float) -> None:
        """Take back the places of probes that have not come back in time; there are as few as ``probes`` says."""
        for number in [number for number, until in self._leases.items() if until <= at]:
            del self._leases[number]

    def _probed(self, result: Result, at: float) -> None:
        if result == "failed":
            self._open(at)
        elif result in _CAN_CLOSE:
            self._answered += 1
            if self._answered >= self.limits.probes:
                self._change("closed")

    def _count(self, result: Result, at: float) -> None:
        if result == "failed":
            self._window.add(at, is_failure=True)
            failures, results = self._window.counts(at)
            if results >= self.limits.min_calls and failures / results >= self.limits.failure_rate:
                self._open(at, failures, results)
        elif result in _CAN_CLOSE:
            self._window.add(at, is_failure=False)

    def _open(self, at: float, failures: int = 0, results: int = 0) -> None:
        self._open_until = at + self.limits.open_for
        self._change("open", failures=failures, results=results)

    def _set(self, state: BreakerState, *, by_hand: bool) -> None:
        with self.mutex:
            self.by_hand = by_hand
            self._change(state, by_hand=True)

    def _change(self, state: BreakerState, *, by_hand: bool = False, failures: int = 0, results: int = 0) -> None:
        """Begin a generation."""
        if state != self.state:
            self._changes.append(
                BreakerChange(old=self.state, new=state, by_hand=by_hand, failures=failures, results=results)
            )
        self.state = state
        self.generation += 1
        self._leases.clear()
        self._answered = 0
        self._window.clear()


class Breakers:
    """
    The breakers of one provider: one, or one for each operation.

    Args:
        limits: What the policy says.
        lease: How long a probe holds its place, in seconds; None for the least that is sensible.
        mutex: What is held while they change; None where all calls run in one thread.
    """

    def __init__(self, limits: BreakerLimits, *, lease: float | None = None, mutex: Mutex | None = None) -> None:
        self.limits = limits
        self._lease = max(LEAST_LEASE, limits.open_for, lease or 0.0)
        self._mutex = NoMutex() if mutex is None else mutex
        self._breakers: dict[str, Breaker] = {}

    def of(self, operation: str) -> Breaker:
        """Return the breaker that calls of an operation meet."""
        name = operation if self.limits.per == "operation" else ""
        found = self._breakers.get(name)
        if found is None:
            found = self._breakers.setdefault(name, self._make(name))
        return found

    def _make(self, name: str) -> Breaker:  # noqa: ARG002  # breakers that processes share have names
        return Breaker(self.limits, lease=self._lease, mutex=self._mutex)
