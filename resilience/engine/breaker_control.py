"""What a program sees of a breaker, and can do by hand."""

from __future__ import annotations

from collections.abc import Callable

from resilience.core.admission.breaker import Breaker, BreakerState
from resilience.core.admission.outage import OutageLimits


class BreakerControl:
    """
    One breaker of an executor, as ``executor.breaker("alibaba")`` returns it.

    While a program holds it open or closed, results of calls change nothing. A breaker with ``mode = "shadow"`` refuses
    nothing, also where it is held open.

    Where processes share a store, what is done here holds in all of them: others learn it within a second of their next
    call. The store is asked at once, which takes a second at most. While it is away, this process does as it is told,
    and the others learn it when the store is back and this process makes a call.
    """

    def __init__(self, breaker: Breaker, tell: Callable[[Breaker], None] = lambda _: None) -> None:
        self._breaker = breaker
        self._tell = tell

    @property
    def state(self) -> BreakerState:
        """``closed``, ``open`` or ``half_open``; an open one is half-open from the first call after ``open_for``."""
        return self._breaker.state

    @property
    def is_held(self) -> bool:
        """Whether the program holds it open or closed."""
        return self._breaker.by_hand

    @property
    def refused(self) -> int:
        """How many attempts it has refused; a shadow counts those that it would have refused."""
        return self._breaker.refused

    def open(self) -> None:
        """Refuse every attempt from now on, until :meth:`close` or :meth:`reset`."""
        self._breaker.open()
        self._tell(self._breaker)

    def close(self) -> None:
        """Let every attempt pass from now on, whatever its result is, until :meth:`open` or :meth:`reset`."""
        self._breaker.close()
        self._tell(self._breaker)

    def reset(self) -> None:
        """Close it, forget all results, and let it open by itself again."""
        self._breaker.reset()
        self._tell(self._breaker)

    def __repr__(self) -> str:
        """Show the state."""
        held = " by hand" if self.is_held else ""
        return f"<BreakerControl {self.state}{held}>"


def control(
    outage: OutageLimits,
    provider: str | None,
    operation: str | None,
    tell: Callable[[Breaker], None],
) -> BreakerControl:
    """
    Return the control of a breaker.

    Args:
        outage: The breakers.
        provider: Of the breaker; None for the only one.
        operation: Its own name, where each operation has a breaker.
        tell: Tells the processes that share the breaker what was done by hand.

    Raises:
        ValueError: The policy has no such breaker.
    """
    known = sorted(outage.breakers)
    if provider is None:
        if len(known) != 1:
            raise ValueError(f"expected a provider, one of {_listed(known)}")
        [provider] = known
    if provider not in outage.breakers:
        raise ValueError(f"the policy has no [breaker.{provider}]; it has breakers of {_listed(known)}")
    breakers = outage.breakers[provider]
    if (breakers.limits.per == "operation") is (operation is None):
        if operation is None:
            raise ValueError(f"each operation of {provider} has a breaker of its own; name the operation as well")
        raise ValueError(f'all operations of {provider} share one breaker; leave out "{operation}"')
    return BreakerControl(breakers.of(operation or ""), tell)


def _listed(providers: list[str]) -> str:
    return ", ".join(providers) or "no provider"
