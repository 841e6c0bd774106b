"""The machine's memory of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker, BreakerPass
from resilience.core.admission.budget import RetryBudget
from resilience.core.admission.tickets import Ticket
from resilience.core.decision import Decision, StopReason
from resilience.core.fault import Effect, Fault
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule
from resilience.core.values import record

# A plain dictionary: adding to a copy of it is faster than to a proxy. Nothing ever changes this one.
_NOTHING: Final[Mapping[Any, Any]] = {}


class Choice(NamedTuple):
    """
    The action that a fault leads to.

    Attributes:
        rule: The rule that matched, or None if none did.
        action: The action after following ``then``; ``fail`` if the chain ended.
        reason: Why the call stops if the action is ``fail``.
        provider: Whose credentials a refresh renews.
        is_free: Whether the service has refused a request for its rate, and rate limits and a deadline bound what
            follows. Then it uses up neither ``max_attempts`` nor ``max``.
        is_paced: Whether limits that adapt say when the next attempt is made. A backoff comes first only if the attempt
            counts.
    """

    rule: Rule | None
    action: Action
    reason: StopReason
    provider: str | None
    is_free: bool = False
    is_paced: bool = False

    @property
    def counts(self) -> bool:
        """Whether the failed attempt uses up one of ``max_attempts``."""
        return self.action.counts and not self.is_free


@record
class Met:
    """
    The fault of a failed attempt, with its meaning.

    Attributes:
        fault: The fault that the decision answers; for a group, the fault of its most final leaf.
        effect: Whether the request may have taken effect.
        rule: The rule that matches the fault, or None if none does.
    """

    fault: Fault
    effect: Effect
    rule: Rule | None


@record
class Used:
    """
    The uses of an action in one call.

    Attributes:
        times: The number of uses.
        counted: The number of uses that ``max`` counts.
        first: The instant of the first use, on the driver's clock.
        wait: The wait of the last use, in seconds, for decorrelated jitter.
    """

    times: int
    counted: int
    first: float
    wait: float


class History:
    """
    The machine's memory of a call. A call owns its history; nothing else changes it.

    Attributes:
        plan: What the call can do.
        deadline: When the call must have ended, on the driver's clock; None for never.
        ours: Whether an attempt under this name, in this or an earlier run, may have taken effect.
        unresolved: Whether there is such an attempt that no verifier has looked into.
        doubt_at: The end of the last doubtful attempt, on the driver's clock.
        attempts: Attempts that failed.
        counted: The failed attempts that use up ``max_attempts``.
        uses: The uses of each action, by its key.
        refreshes: The number of refreshes, by provider.
        name: The number of the name in use; 1 is the caller's own.
        named_alone: Whether only this call makes resources of the name in use: it is the caller's name, this run or its
            ledger knows it, or it has a hash of the caller's name.
        pending: The action that goes on after the answer to a verification or a remedy; None if there is none.
        verifying: Whether the last decision was a verification.
        asked: How often the verifier was asked since the last failed attempt.
        ask_failures: How often the verifier failed since the last failed attempt.
        last: The fault of the last failed attempt; None before an attempt has failed.
        begun: The number of attempts that have begun.
        decision: The last decision; None before the first.
        now: The instant of the last decision, on the driver's clock; after the wait that was decided, its end.
        budget: The retry budget, shared with other calls; None for no budget.
        paid: The number of retries that the budget has paid for.
        breaker: The breaker, shared with other calls; None for no breaker.
        passed: The pass of the breaker for an attempt; None while no attempt is under way.
        admission: The rate limits, shared with other calls; None for no limits.
        ticket: The place in the rate limits for an attempt; None while no attempt is under way.
    """

    plan: Plan
    deadline: float | None
    ours: bool = False
    unresolved: bool = False
    doubt_at: float = 0.0
    attempts: int = 0
    counted: int = 0
    uses: Mapping[str, Used] = _NOTHING
    refreshes: Mapping[str | None, int] = _NOTHING
    name: int = 1
    named_alone: bool = True
    pending: Choice | None = None
    verifying: bool = False
    asked: int = 0
    ask_failures: int = 0
    last: Met | None = None
    begun: int = 0
    decision: Decision | None = None
    now: float = 0.0
    budget: RetryBudget | None = None
    paid: int = 0
    breaker: Breaker | None = None
    passed: BreakerPass | None = None
    admission: Admission | None = None
    ticket: Ticket | None = None

    def __init__(self, plan: Plan, deadline: float | None) -> None:
        # The class has the first values of all other attributes: setting twenty takes longer than a decision.
        self.plan = plan
        self.deadline = deadline

    @property
    def may_exist(self) -> bool:
        """Whether an attempt may have made something, and no verifier has looked since."""
        return self.unresolved and self.plan.repeat != "safe"

    def copy(self) -> History:
        """Return an independent copy."""
        copy = object.__new__(History)
        vars(copy).update(vars(self))
        return copy

    def __eq__(self, other: object) -> bool:
        """Tell whether two histories are equal."""
        if not isinstance(other, History):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _NAMES)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        """Show the values that differ from those of a call that has just begun."""
        return f"History({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


_NAMES: Final = tuple(History.__annotations__)
