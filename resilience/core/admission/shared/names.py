"""What names the limits of one provider in a store, and the limits that calls meet there."""

from __future__ import annotations

from attrs import frozen

from resilience.core.admission.adaptation import START
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.shared.permit_pool import PermitPool
from resilience.core.admission.shared.reservation import SharedLimit, shared_limit
from resilience.core.admission.sliding_log import SlidingLog


@frozen(kw_only=True)
class SharedNames:
    """
    What names the limits of one provider in a store.

    Attributes:
        account: The start of the names of limits of an account.
        provider: The start of the names of limits that count all accounts.
        holder: Names this process; no other has the same.
    """

    account: str
    provider: str
    holder: str

    def rates(self, limits: RateLimits, operation: str, host: str) -> tuple[SharedLimit, ...]:
        """Return the limits of an operation's calls to a host that the policy declares."""
        found = []
        if operation in limits.operations:
            rate = limits.operations[operation]
            found.append(shared_limit(f"{self.account}:operation:{operation}:{rate}", rate))
        if limits.default is not None:
            found.append(shared_limit(f"{self.account}:all:{limits.default}", limits.default))
        if limits.per_host is not None:
            found.append(shared_limit(f"{self.provider}:host:{host}:{limits.per_host}", limits.per_host))
        return tuple(found)

    def adapting(self, limits: RateLimits, operation: str) -> tuple[str, RateLimiter]:
        """Return the name of an operation's limit that adapts, and the limit as one process has it, not divided."""
        rate = limits.operations.get(operation) or limits.default
        name = f"{self.account}:operation:{operation}:{rate or 'adaptive'}"
        if rate is None:
            return name, RateLimiter(SlidingLog(START, 1.0), most=None, at_once=START)
        return name, RateLimiter.of(rate)

    def permits(self, limits: RateLimits) -> PermitPool | None:
        """Return the permits of this process; None where attempts under way are not limited."""
        count = limits.concurrency
        return None if count is None else PermitPool(f"{self.account}:concurrency:{count}", count, self.holder)
