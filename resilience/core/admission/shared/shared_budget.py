"""
A retry budget that several processes share, through a store.

A process pays for a retry with what it knows of the budget. Before the attempt the store is told; where the retries of
other processes have used up the budget meanwhile, the attempt is not made.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field

from resilience.core.admission.budget import BudgetKind, RatioBudget, TokenBudget, budget_of
from resilience.core.admission.limits import BudgetLimits
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.replica import CopyChange, Replica
from resilience.core.admission.steady import Mutex, NoMutex

# After how many seconds successes, and calls that have begun, are told to the store.
_SOON: Final = 1.0
# Longer than an outage. A budget that no process uses for so long begins anew.
_KEPT: Final = 3600.0


@define(eq=False)
class SharedBudget:
    """
    One budget.

    Attributes:
        limits: What the policy says.
        key: Its name in the store.
        mutex: What is held while it changes.
    """

    limits: BudgetLimits
    key: str
    mutex: Mutex = field(factory=NoMutex, repr=False)
    replica: Replica = field(init=False, repr=False)
    _own: TokenBudget | RatioBudget = field(init=False)
    _is_paid: bool = field(default=True, init=False)  # the store knows of every payment
    _failing: int = field(default=0, init=False)
    _unpaid: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.replica = Replica(self.key, lambda: _KEPT, self._apply, self._pack, self._unpack)
        self._own = budget_of(self.limits, time=self.replica.time)

    @property
    def kind(self) -> BudgetKind:
        """How it counts."""
        return self._own.kind

    def begin(self, now: float) -> None:
        """Note that a call begins."""
        if self._own.kind == "ratio":
            with self.mutex:
                self._own.begin(now)
                self.replica.note(("begin", self.replica.time.at(now)))

    def withdraw(self, now: float) -> bool:
        """Pay for a retry; False where the budget has too little, as far as that is known here."""
        with self.mutex:
            is_paid = self._own.withdraw(now)
            if is_paid:
                self.replica.note(("withdraw", self.replica.time.at(now)))
                self._is_paid = False
            return is_paid

    def deposit(self) -> None:
        """Note that an attempt succeeded."""
        with self.mutex:
            if not self._own.is_full:
                self._own.deposit()
                self.replica.note(("deposit", 0.0))

    def retries_left(self, now: float | None) -> int:
        """Return how many retries could be made at once; None for the time at which it was used last."""
        return self._own.retries_left(now)

    def more_in(self, now: float) -> float | None:
        """Return after how many seconds a retry is allowed again; 0 if it is now, None if only successes decide."""
        return self._own.more_in(now)

    def is_due(self, now: float) -> bool:
        """Tell whether the store is to be asked before an attempt."""
        asked = self.replica.asked_at
        if asked is None or not self._is_paid:
            return True
        return self.replica.is_changed and not 0 <= now - asked < _SOON

    def take_unpaid(self) -> bool:
        """Tell whether there is a retry that the store has not paid for; true once for each of them."""
        with self.mutex:
            if self._unpaid:
                self._unpaid -= 1
                return True
            return False

    def propose(self, now: float) -> tuple[Proposal, None]:  # noqa: ARG002  # one form for all that is shared
        """Return what to propose to the store."""
        with self.mutex:
            self._failing = 0
            proposal = self.replica.propose()
            return proposal, None

    def learn(self, proposal: Proposal, kept: KeptValue, *, asked: float, received: float) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        with self.mutex:
            failing = self._failing
            holds = self.replica.learn(proposal, kept, asked=asked, received=received)
            if holds:
                self._unpaid += failing
                self._is_paid = True
            return holds

    def give_up(self) -> None:
        """Go on with what is known here, where the store has not answered."""
        with self.mutex:
            self.replica.renew()

    def _apply(self, change: CopyChange) -> None:
        what, at = change
        now = self.replica.time.clock.local(at)
        if what == "begin":
            self._own.begin(now)
        elif what == "deposit":
            self._own.deposit()
        elif not self._own.withdraw(now):
            self._failing += 1

    def _pack(self) -> Any:
        return self._own.packed()

    def _unpack(self, packed: Any) -> None:
        self._own.unpack(packed)
