"""What the machine remembers of a call."""

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

# A plain one, which is added to in less time than a proxy; nothing is ever set in it.
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
    What a failed attempt met.

    Attributes:
        fault: The fault that the decision answers; of a group, the most final leaf.
        effect: Whether the request may have taken effect.
        rule: The rule that matches the fault, or None if none does.
    """

    fault: Fault
    effect: Effect
    rule: Rule | None


@record
class Used:
    """
    What a call remembers of an action.

    Attributes:
        times: How often it was used.
        counted: How many of these uses ``max`` counts.
        first: When it was used first, on the driver's clock.
        wait: The last wait that belonged to it, in seconds, for decorrelated jitter.
    """

    times: int
    counted: int
    first: float
    wait: float


class History:
    """
    What the machine remembers of a call. A call owns its history; nothing else changes it.

    Attributes:
        plan: What the call can do.
        deadline: When the call must have ended, on the driver's clock; None for never.
        ours: Whether an attempt of this name, or an earlier run, may have taken effect.
        unresolved: Whether such an attempt has not been looked into.
        doubt_at: When the last doubtful attempt ended.
        attempts: Attempts that failed.
        counted: Those of them that use up ``max_attempts``.
        uses: What is remembered of each action, by its key.
        refreshes: Refreshes by provider.
        name: The number of the name in use; 1 is the caller's own.
        named_alone: Whether only this call makes things of the name in use: the caller's own, one that this run or its
            ledger knows, or one with a hash of the caller's.
        pending: What goes on when a verification or a remedy has brought its answer.
        verifying: Whether a verification is what the driver was last asked for.
        asked: How often the verifier was asked since the last failed attempt.
        ask_failures: How often it failed itself.
        last: What the last failed attempt met; None before one has failed.
        begun: Attempts that were begun.
        decision: What was decided last; None before anything was.
        now: When that was, on the driver's clock; later, when the wait that was decided had passed.
        budget: What pays for its retries, shared with other calls; None for no budget.
        paid: The retries that the budget has paid for.
        breaker: What its attempts have to pass, shared likewise; None for none.
        passed: What its attempt holds of the breaker, from when it has passed until the attempt has ended.
        admission: The rate limits that its attempts have to keep, shared likewise; None for none.
        ticket: Its place in them, from when the driver has it until the attempt has ended.
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
        # What has not happened yet has its value in the class: to set twenty attributes takes longer than to decide.
        self.plan = plan
        self.deadline = deadline

    @property
    def may_exist(self) -> bool:
        """Whether an attempt may have made something, and no verifier has looked since."""
        return self.unresolved and self.plan.repeat != "safe"

    def copy(self) -> History:
        """Return a copy with a life of its own."""
        copy = object.__new__(History)
        vars(copy).update(vars(self))
        return copy

    def __eq__(self, other: object) -> bool:
        """Tell whether two calls have come to the same."""
        if not isinstance(other, History):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _NAMES)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        """Show what differs from a call that has just begun."""
        return f"History({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


_NAMES: Final = tuple(History.__annotations__)
