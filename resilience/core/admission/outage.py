"""The retry budgets and breakers that calls share, by provider: made from a policy, once for an executor or a play."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from attrs import astuple

from resilience.core.admission.breaker import Breaker, Breakers
from resilience.core.admission.budget import RetryBudget, budget_of
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.core.admission.shared.shared_breaker import SharedBreakers
from resilience.core.admission.shared.shared_budget import SharedBudget
from resilience.core.admission.steady import Mutex, NoMutex
from resilience.core.policy import PolicyValues


class OutageLimits:
    """
    The retry budgets and breakers of one policy, each with its state.

    Attributes:
        budgets: The budgets, by provider.
        breakers: The breakers, by provider.
    """

    def __init__(
        self, policy: PolicyValues, mutex: Mutex | None = None, names: Callable[[str], str] | None = None
    ) -> None:
        """
        Make them.

        Args:
            policy: What they are.
            mutex: What is held while they change; None where all calls run in one thread.
            names: Returns what begins the names of a provider's values in the store that processes share; None where
                they share nothing.
        """
        limits = policy.limits
        lease = limits.deadline if limits.attempt_timeout is None else limits.attempt_timeout
        self.budgets: dict[str, RetryBudget] = {}
        for provider, budget in policy.budgets.items():
            self.budgets[provider] = (
                budget_of(budget, mutex)
                if names is None
                else SharedBudget(budget, f"{names(provider)}:budget:{_words(budget)}", mutex or NoMutex())
            )
        self.breakers = {
            provider: Breakers(each, lease=lease, mutex=mutex)
            if names is None
            else SharedBreakers(f"{names(provider)}:breaker:{_words(each)}", each, lease=lease, mutex=mutex)
            for provider, each in policy.breakers.items()
        }

    def budget(self, provider: str | None) -> RetryBudget | None:
        """Return the budget of a provider's calls; None where the policy has none."""
        return None if provider is None else self.budgets.get(provider)

    def breaker(self, provider: str | None, operation: str) -> Breaker | None:
        """Return the breaker that calls of an operation meet; None where the policy has none."""
        breakers = None if provider is None else self.breakers.get(provider)
        return None if breakers is None else breakers.of(operation)


def _words(limits: BudgetLimits | BreakerLimits) -> str:
    """Return a short text that differs where limits do: processes with other limits share other values."""
    return hashlib.sha256(repr(astuple(limits)).encode()).hexdigest()[:8]
