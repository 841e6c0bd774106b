"""The limits that calls share, as values: ``[rate]``, ``[budget]`` and ``[breaker]`` of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import evolve, field, frozen
from attrs.validators import ge, gt, le, optional

from resilience.core.admission.rate import Rate
from resilience.core.values import fixed, reduced

BreakerMode = Literal["on", "shadow"]
"""Whether an open breaker refuses calls, or only tells that it would."""

BreakerScope = Literal["provider", "operation"]
"""Which calls share one breaker: all of a provider, or those of each operation."""

DEFAULT_RATIO: Final = 0.2
"""The default ``ratio`` of a budget, which is failsafe-go's too."""

DEFAULT_WINDOW: Final[float | None] = 30.0
"""The default window of a breaker, in seconds."""


@frozen(kw_only=True)
class RateLimits:
    """
    The calls that one executor may send to one provider: ``[rate.PROVIDER]``.

    Every limit that is set holds at once. None of them is divided by ``share`` yet.

    Attributes:
        per_host: Calls to one host; None for no limit.
        default: Calls of all operations together, of one account; None for no limit.
        operations: Calls of one operation, by its name.
        adaptive: Slow down when the service refuses calls all the same, and recover afterwards.
        concurrency: Attempts under way at once; None for no limit.
        share: How many equal processes divide these limits.
        part: Which of them this process is, counted from 0; None where it does not know. Four that know divide
            ``10/s`` into 2, 3, 2 and 3. Four that do not take 2 each, since any third request might be the eleventh.
    """

    per_host: Rate | None = None
    default: Rate | None = None
    operations: Mapping[str, Rate] = field(factory=dict, converter=fixed)
    adaptive: bool = False
    concurrency: int | None = field(default=None, validator=optional(ge(1)))
    share: int = field(default=1, validator=ge(1))
    part: int | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a part that is none of the share."""
        if self.part is not None and not 0 <= self.part < self.share:
            raise ValueError(f"expected a part from 0 to {self.share - 1}, got {self.part}")

    def own_rate(self, rate: Rate) -> Rate:
        """
        Return the part of one of these rates that belongs to this process.

        A part of a request cannot be sent. Where a window holds fewer requests than there are processes, each of them
        sends one in a longer window: of ``1/s`` each of two sends one in two seconds.
        """
        count = self._own(int(rate.count)) if rate.count >= self.share else 0
        return Rate(count, rate.per) if count else Rate(1, rate.per * self.share / rate.count)

    @property
    def own_concurrency(self) -> int | None:
        """The attempts that this process may have under way at once, one at least; None for no limit."""
        return None if self.concurrency is None else max(self._own(self.concurrency), 1)

    def _own(self, count: int) -> int:
        if self.part is None:
            return count // self.share
        return count * (self.part + 1) // self.share - count * self.part // self.share

    def most_processes(self, operation: str) -> int | None:
        """Return how many processes can have whole requests of each limit that an operation meets; None for any."""
        own = self if self.share == 1 else self._own_limits()
        rates = (own.per_host, own.default, own.operations.get(operation))
        counts = [max(int(rate.count), 1) for rate in rates if rate is not None]
        return min(counts if own.concurrency is None else [*counts, own.concurrency], default=None)

    def parted(self, part: int, processes: int) -> RateLimits:
        """Return the limits of one of several processes that know their numbers, from 0."""
        return evolve(self if self.share == 1 else self._own_limits(), share=processes, part=part)

    def _own_limits(self) -> RateLimits:
        return RateLimits(
            per_host=None if self.per_host is None else self.own_rate(self.per_host),
            default=None if self.default is None else self.own_rate(self.default),
            operations={name: self.own_rate(rate) for name, rate in self.operations.items()},
            adaptive=self.adaptive,
            concurrency=self.own_concurrency,
        )

    def limits_rate(self, operation: str) -> bool:
        """Tell whether calls of an operation have to keep a rate."""
        return self.adaptive or operation in self.operations or self.default is not None or self.per_host is not None

    def lowest(self, operation: str) -> Rate | None:
        """Return the lowest rate that holds for calls of an operation; None where none is declared."""
        found = (self.operations.get(operation), self.default, self.per_host)
        return min((each for each in found if each is not None), key=lambda rate: rate.per_second, default=None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy or a pickle from the values."""
        return reduced(self)


@frozen(kw_only=True)
class BudgetLimits:
    """
    How many retries the calls of one provider may make together: ``[budget.PROVIDER]``.

    There are two kinds. A token budget (``ratio`` is None) starts full; a retry takes ``cost`` tokens, and a success
    gives ``deposit`` back, up to ``capacity``. A ratio budget allows ``floor`` retries in any ``window``, and beyond
    these as many as ``ratio`` times the calls that began in it.

    The defaults of the token budget are those of the AWS SDKs' standard mode until November 2026 (500 tokens, 5 for a
    retry, 1 back for a success). Ratio and floor are failsafe-go's (20 %, at least 3). The window is our choice: an
    outage is forgotten soon, and a few calls still allow a retry.

    Attributes:
        capacity: The most tokens.
        cost: The tokens that a retry takes.
        deposit: The tokens that a success gives back.
        ratio: Retries for each call of the window; None for a token budget.
        floor: Retries that a window allows whatever the number of its calls.
        window: How long a ratio budget looks back, in seconds.
    """

    capacity: float = field(default=500.0, validator=gt(0))
    cost: float = field(default=5.0, validator=gt(0))
    deposit: float = field(default=1.0, validator=ge(0))
    ratio: float | None = field(default=None, validator=optional([ge(0), le(1)]))
    floor: int = field(default=3, validator=ge(0))
    window: float = field(default=10.0, validator=gt(0))


@frozen(kw_only=True)
class BreakerLimits:
    """
    When calls of one provider are refused because they fail: ``[breaker.PROVIDER]``.

    Attributes:
        failure_rate: The part of the results in the window that must be failures for the breaker to open; above 0,
            at most 1.
        window: How long it looks back, in seconds; None where ``window_calls`` says how many results it looks at.
        window_calls: How many of the last results it looks at; None where ``window`` is a length of time.
        min_calls: The results that the window must hold before the breaker can open.
        open_for: How long it stays open before calls are tried again, in seconds.
        probes: The calls that are tried while it is half-open, and that must all succeed for it to close.
        mode: ``shadow`` decides and tells, and refuses nothing.
        per: Which calls share one breaker.
    """

    failure_rate: float = field(default=0.5, validator=[gt(0), le(1)])
    window: float | None = field(default=DEFAULT_WINDOW, validator=optional(gt(0)))
    window_calls: int | None = field(default=None, validator=optional(ge(1)))
    min_calls: int = field(default=10, validator=ge(1))
    open_for: float = field(default=20.0, validator=gt(0))
    probes: int = field(default=2, validator=ge(1))
    mode: BreakerMode = "on"
    per: BreakerScope = "provider"

    def __attrs_post_init__(self) -> None:
        """Refuse a breaker with two windows, or with none."""
        if (self.window is None) is (self.window_calls is None):
            raise ValueError("expected a window in seconds or a window in calls, and not both")
