"""
Retry budgets: how many retries the calls of one provider may make together.

During an outage each call would repeat its request, and a service in trouble would get several times its usual load. A
budget lets a few retries pass whatever happens, and more of them only while other calls succeed.

The first attempt of a call is no retry. An attempt after a refresh or a rename is none either: the service has
answered, and both have limits of their own in a call. Every other attempt is a retry, also where its action does not
count towards ``max_attempts``: a service that is down gets these attempts too. Only where rate limits adapt, a
throttled request costs nothing: they see to it that no more is sent than the service takes.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol

from resilience.core.admission.limits import BudgetLimits
from resilience.core.admission.recent import RecentCount
from resilience.core.admission.steady import Mutex, NoMutex, SteadyTime

BudgetKind = Literal["tokens", "ratio"]
"""How a budget counts: tokens that successes give back, or retries for each call of a window."""

# Sums of costs such as 0.1 are never quite the number that is meant.
_ROUNDING: Final = 1e-9


class RetryBudget(Protocol):
    """What the calls of one provider share; ``now`` is in seconds on one clock."""

    @property
    def kind(self) -> BudgetKind:
        """How it counts."""
        ...

    def begin(self, now: float) -> None:
        """Note that a call begins."""
        ...

    def withdraw(self, now: float) -> bool:
        """Pay for a retry; False where the budget has too little, and then nothing is taken."""
        ...

    def deposit(self) -> None:
        """Note that an attempt succeeded."""
        ...

    def retries_left(self, now: float | None) -> int:
        """Return how many retries could be made at once; None for the time at which it was used last."""
        ...

    def more_in(self, now: float) -> float | None:
        """Return after how many seconds a retry is allowed again; 0 if it is now, None if only successes decide."""
        ...


def budget_of(
    limits: BudgetLimits, mutex: Mutex | None = None, time: SteadyTime | None = None
) -> TokenBudget | RatioBudget:
    """
    Make a budget, which begins with its full allowance.

    Args:
        limits: What the policy says.
        mutex: What is held while it changes; None where all calls run in one thread.
        time: The time of its window; None for that of its first reading.
    """
    mutex = NoMutex() if mutex is None else mutex
    if limits.ratio is None:
        return TokenBudget(limits, mutex)
    return RatioBudget(limits, limits.ratio, mutex, SteadyTime() if time is None else time)


class TokenBudget:
    """
    Tokens: a retry takes some, a success gives some back.

    Attributes:
        limits: What the policy says.
        tokens: Those that are there.
    """

    kind: Final[BudgetKind] = "tokens"

    def __init__(self, limits: BudgetLimits, mutex: Mutex) -> None:
        self.limits = limits
        self.tokens = limits.capacity
        self._mutex = mutex

    def begin(self, now: float) -> None:
        """Do nothing: calls that begin give no tokens."""

    def withdraw(self, now: float) -> bool:  # noqa: ARG002  # time gives no tokens
        """Take the cost of a retry; False, and nothing is taken, where there is too little."""
        with self._mutex:
            if self.tokens + _ROUNDING < self.limits.cost:
                return False
            self.tokens = max(self.tokens - self.limits.cost, 0.0)
        return True

    def deposit(self) -> None:
        """Give back what a success brings, up to the capacity."""
        with self._mutex:
            self.tokens = min(self.tokens + self.limits.deposit, self.limits.capacity)

    @property
    def is_full(self) -> bool:
        """Whether a success gives nothing more."""
        return self.tokens >= self.limits.capacity

    def packed(self) -> float:
        """Return what it remembers, for :meth:`unpack`."""
        return self.tokens

    def unpack(self, packed: Any) -> None:
        """Remember what another one did; None to begin anew."""
        self.tokens = self.limits.capacity if packed is None else packed

    def retries_left(self, now: float | None) -> int:  # noqa: ARG002  # time gives no tokens
        """Return how many retries the tokens pay for."""
        return int((self.tokens + _ROUNDING) / self.limits.cost)

    def more_in(self, now: float) -> float | None:
        """Return 0 if a retry is allowed now; None if only successes decide when one is."""
        return 0.0 if self.retries_left(now) else None


class RatioBudget:
    """
    A window: so many retries for each call that began in it, and always a few.

    The number of retries in any window is at most the larger of ``floor`` and ``ratio`` times the calls that began in a
    window that is longer by a twentieth.

    Attributes:
        limits: What the policy says.
        ratio: Retries for each call.
    """

    kind: Final[BudgetKind] = "ratio"

    def __init__(self, limits: BudgetLimits, ratio: float, mutex: Mutex, time: SteadyTime) -> None:
        self.limits = limits
        self.ratio = ratio
        self._time = time
        self._calls, self._retries = RecentCount(limits.window), RecentCount(limits.window)
        self._mutex = mutex

    def begin(self, now: float) -> None:
        """Count a call."""
        with self._mutex:
            self._calls.add(self._time.at(now))

    def withdraw(self, now: float) -> bool:
        """Count a retry; False, and it is not counted, where the window has no more."""
        with self._mutex:
            at = self._time.at(now)
            if self._left(at) < 1:
                return False
            self._retries.add(at)
        return True

    def deposit(self) -> None:
        """Do nothing: a success gives no retries."""

    @property
    def is_full(self) -> bool:
        """Whether a success gives nothing more; it never does."""
        return True

    def packed(self) -> list[list[int]]:
        """Return what it remembers, for :meth:`unpack`."""
        return [self._calls.packed(), self._retries.packed()]

    def unpack(self, packed: Any) -> None:
        """Remember what another one did; None to begin anew."""
        if packed is None:
            self._calls.clear()
            self._retries.clear()
        else:
            self._calls.unpack(packed[0])
            self._retries.unpack(packed[1])

    def retries_left(self, now: float | None) -> int:
        """Return how many retries could be made at once; None for the time at which it was used last."""
        with self._mutex:
            return self._left(self._time.last if now is None else self._time.at(now))

    def more_in(self, now: float) -> float | None:
        """Return after how many seconds the window has forgotten a retry; None where it never allows one."""
        with self._mutex:
            at = self._time.at(now)
            return 0.0 if self._left(at) else self._retries.fewer_in(at)

    def _left(self, at: float) -> int:
        allowed = max(self.limits.floor, int(self.ratio * self._calls.move(at) + _ROUNDING))
        return max(allowed - self._retries.move(at), 0)
