"""The retry budgets and breakers that calls share, by provider: made from a policy, once for an executor or a play."""

from __future__ import annotations

from resilience.core.admission.breaker import Breaker, Breakers
from resilience.core.admission.budget import RetryBudget, budget_of
from resilience.core.admission.steady import Mutex
from resilience.core.policy import PolicyValues


class OutageLimits:
    """
    The retry budgets and breakers of one policy, each with its state.

    Attributes:
        budgets: The budgets, by provider.
        breakers: The breakers, by provider.
    """

    def __init__(self, policy: PolicyValues, mutex: Mutex | None = None) -> None:
        limits = policy.limits
        lease = limits.deadline if limits.attempt_timeout is None else limits.attempt_timeout
        self.budgets = {provider: budget_of(each, mutex) for provider, each in policy.budgets.items()}
        self.breakers = {
            provider: Breakers(each, lease=lease, mutex=mutex) for provider, each in policy.breakers.items()
        }

    def budget(self, provider: str | None) -> RetryBudget | None:
        """Return the budget of a provider's calls; None where the policy has none."""
        return None if provider is None else self.budgets.get(provider)

    def breaker(self, provider: str | None, operation: str) -> Breaker | None:
        """Return the breaker that calls of an operation meet; None where the policy has none."""
        breakers = None if provider is None else self.breakers.get(provider)
        return None if breakers is None else breakers.of(operation)
