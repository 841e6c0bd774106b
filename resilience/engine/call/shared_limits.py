"""The events of limits that calls share, and the exception of a call that such a limit refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from resilience.core.admission.budget import RetryBudget
from resilience.core.decision import Fail, StopReason
from resilience.core.events import BreakerChanged, RateAdapted, RetryPaid
from resilience.engine.call.progress import Progress
from resilience.engine.errors import BreakerOpen, BudgetExhausted, RateExceeded, Refused

_REFUSALS: Final[Mapping[StopReason, type[Refused]]] = {
    "breaker": BreakerOpen,
    "budget": BudgetExhausted,
    "rate": RateExceeded,
}


def refusal(call: Progress, decision: Fail) -> Refused | None:
    """Return our own exception if a shared limit ends the call, with the last attempt's as its cause; else None."""
    kind = _REFUSALS.get(decision.reason)
    if kind is None:
        return None
    error = kind(call.plan.operation, decision.retry_after)
    error.__cause__ = call.error
    return error


def tell_changes(call: Progress) -> None:
    """Tell observers how rate limits and the breaker have changed since a call told it last."""
    if not call.watch.sinks:
        return
    provider, admission, breaker = call.plan.provider or "", call.history.admission, call.history.breaker
    if admission is not None:
        for adapted in admission.take_changes():
            call.watch.tell(RateAdapted(provider=provider, change=adapted))
    if breaker is not None:
        is_per_operation = breaker.limits.per == "operation"
        for change in breaker.take_changes():
            call.watch.tell(
                BreakerChanged(
                    provider=provider,
                    operation=call.plan.operation if is_per_operation else None,
                    old=change.old,
                    new=change.new,
                    by_hand=change.by_hand,
                    is_shadow=breaker.limits.mode == "shadow",
                    failures=change.failures,
                    results=change.results,
                )
            )


def tell_payment(call: Progress, budget: RetryBudget) -> None:
    """Tell observers what the budget has left, if it has paid for the retry after this wait."""
    if call.watch.sinks and call.history.paid > call.paid:
        call.paid = call.history.paid
        left = budget.retries_left(call.history.now)
        call.watch.tell(RetryPaid(provider=call.plan.provider or "", retries_left=left))
