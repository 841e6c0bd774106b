"""What calls ask the store of budgets and breakers that processes share, before an attempt."""

from __future__ import annotations

from typing import Protocol, TypeVar

from resilience.core.admission.breaker import BreakerPass, BreakerRefusal
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.shared_breaker import SharedBreaker
from resilience.core.admission.shared.shared_budget import SharedBudget
from resilience.core.decision import NotAdmitted
from resilience.engine.call.progress import Progress
from resilience.engine.sharing.shared_store import TIMEOUT, SharedStore
from resilience.engine.sharing.slots import asked_at, tell_change
from resilience.state.store import StateError, Store

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

# How often a proposal is made again where other processes are quicker, before that counts as a failure of the store.
_TRIES = 50


class SharedValue(Protocol[T_co]):
    """What a process has a copy of."""

    @property
    def key(self) -> str:
        """Its name in the store."""
        ...

    def is_due(self, now: float) -> bool:
        """Tell whether the store is to be asked."""
        ...

    def propose(self, now: float) -> tuple[Proposal, T_co]:
        """Return what to propose to the store, and what holds if the store takes it."""
        ...

    def learn(self, proposal: Proposal, kept: KeptValue, *, asked: float, received: float) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        ...

    def give_up(self) -> None:
        """Go on without an answer."""
        ...


async def pass_shared(call: Progress, until: float | None) -> NotAdmitted | None:
    """
    Settle with the store what an attempt needs of it, where processes share a budget or a breaker.

    Returns:
        What keeps the call from the attempt; None if nothing does, or the process decides by itself.

    Raises:
        StateError: The store cannot be used, and the policy says that calls fail then.
    """
    shared, history = call.target.setting.shared, call.history
    if shared is None:
        return None
    budget, breaker = history.budget, history.breaker
    if isinstance(budget, SharedBudget) and budget.is_due(call.now()):
        await settle(call, shared, budget, until)
        if history.begun and budget.take_unpaid():
            return NotAdmitted("budget", budget.more_in(call.now()))
    if isinstance(breaker, SharedBreaker) and breaker.is_due(call.now()):
        entered: BreakerPass | BreakerRefusal | None = await settle(call, shared, breaker, until)
        if isinstance(entered, BreakerRefusal):
            return NotAdmitted("breaker", entered.retry_after)
        history.passed = entered
    return None


async def settle(call: Progress, shared: SharedStore, value: SharedValue[T], until: float | None) -> T | None:
    """
    Propose a copy to the store until it is taken.

    Returns:
        What holds then; None where the store is away and the process decides by itself.

    Raises:
        StateError: The store cannot be used, and the policy says that calls fail then.
    """
    if shared.error is not None and not shared.begins_trial():
        shared.stand_in()
        return None
    virtual = call.runtime.virtual_store(shared.settings.store)
    now = asked_at(call, virtual)

    def carry_out(store: Store) -> T | None:
        # One call after the other: what one has learned, the next need not ask.
        with shared.turn(value.key):
            if not value.is_due(now()):
                return None
            for _ in range(_TRIES):
                before = now()
                proposal, entered = value.propose(before)
                try:
                    kept = store.exchange(proposal, TIMEOUT)
                except StateError:
                    value.give_up()
                    raise
                if value.learn(proposal, kept, asked=before, received=now()):
                    return entered
        raise StateError(shared.shown, "too many processes change one value at once; give fewer of them one store")

    try:
        ran = await call.runtime.run_until(until, call.runtime.ask_store, (lambda: shared.use(carry_out, virtual),), {})
    finally:
        tell_change(call, shared)
    if isinstance(ran.error, StateError):
        shared.stand_in()
        return None
    if ran.error is not None:
        raise ran.error
    return None if ran.cut else ran.value
