"""
A breaker that several processes share, through a store: its state, its window and its probes, by the store's clock.

Results of a process reach the others within a second, failures within a tenth. A half-open breaker lets a probe pass
only where the store has taken the lease of its place. What a person does by hand holds in all processes, until it is
reset in any of them.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field

from resilience.core.admission.breaker import (
    Breaker,
    BreakerChange,
    BreakerPass,
    BreakerRefusal,
    Breakers,
    BreakerState,
)
from resilience.core.admission.limits import BreakerLimits
from resilience.core.admission.result import Result
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.replica import CopyChange, Replica
from resilience.core.admission.steady import Mutex

# After how many seconds results are told to the store, and where one of them is a failure.
_SOON: Final = 1.0
_AT_ONCE: Final = 0.1
_HAND: Final = "hand"
_TOLD: Final[frozenset[Result]] = frozenset({"succeeded", "ignored", "failed"})
_LEAST_KEPT: Final = 60.0
# So long it is open or closed by hand, where no process uses it.
_BY_HAND_KEPT: Final = 30 * 86_400.0


@define(eq=False)
class SharedBreaker(Breaker):
    """
    One breaker.

    Attributes:
        key: Its name in the store.
    """

    key: str = field(kw_only=True)
    replica: Replica = field(init=False, repr=False)
    _has_failed: bool = field(default=False, init=False)
    _has_hand: bool = field(default=False, init=False)  # the store does not know of what was done by hand

    def __attrs_post_init__(self) -> None:
        self.replica = Replica(self.key, self._lasts, self._apply, self._pack, self._unpack)
        self._time = self.replica.time

    def is_due(self, now: float) -> bool:
        """Tell whether the store is to be asked before an attempt."""
        asked = self.replica.asked_at
        if asked is None or self.state == "half_open" or self._has_hand:
            return True
        if self.replica.is_changed and not 0 <= now - asked < (_AT_ONCE if self._has_failed else _SOON):
            return True
        if self.state == "open" and not self.by_hand and self._time.at(now) >= self._open_until:
            return True
        return not 0 <= now - asked < _SOON

    def refusal(self, now: float) -> BreakerRefusal | None:
        """Refuse a call before it waits for anything else, where the store need not be asked for that."""
        return None if self.is_due(now) else super().refusal(now)

    def leave(self, held: BreakerPass, result: Result, now: float) -> None:
        """End an attempt; once for each that has passed, whatever came of it."""
        super().leave(held, result, now)
        if (held.probe or result in _TOLD) and not held.is_shadowed and not self.by_hand:
            with self.mutex:
                self.replica.note((held.generation, held.probe, result, self._time.at(now)))
                self._has_failed = self._has_failed or result == "failed" or bool(held.probe)

    def propose_by_hand(self) -> Proposal:
        """Return what to propose to the store where no attempt is to be made."""
        with self.mutex:
            before = self._before()
            proposal = self.replica.propose()
            self._tell(before)
            return proposal

    def learn_by_hand(self, proposal: Proposal, kept: KeptValue) -> bool:
        """Take the answer of the store, where no call asks; tell whether the proposal holds."""
        with self.mutex:
            before = self._before()
            holds = self.replica.take(proposal, kept)
            self._has_hand = self._has_hand and not holds
            self._tell(before)
            return holds

    def propose(self, now: float) -> tuple[Proposal, BreakerPass | BreakerRefusal]:
        """Return what to propose to the store before an attempt, and what the attempt gets if the store takes it."""
        entered: list[BreakerPass | BreakerRefusal] = []
        with self.mutex:
            before = self._before()
            proposal = self.replica.propose(lambda: entered.append(self._enter(self._time.at(now))))
            self._tell(before)
        return proposal, entered[0]

    def learn(self, proposal: Proposal, kept: KeptValue, *, asked: float, received: float) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        with self.mutex:
            before = self._before()
            self._has_failed = False
            holds = self.replica.learn(proposal, kept, asked=asked, received=received)
            self._has_hand = self._has_hand and not holds
            self._tell(before)
            return holds

    def give_up(self) -> None:
        """Go on with what is known here, where the store has not answered."""
        with self.mutex:
            before = self._before()
            self.replica.renew()
            self._tell(before)

    def _set(self, state: BreakerState, *, by_hand: bool) -> None:
        super()._set(state, by_hand=by_hand)
        with self.mutex:
            self.replica.note((_HAND, state, by_hand))
            self._has_hand = True

    def _before(self) -> tuple[BreakerState, bool, int]:
        return self.state, self.by_hand, len(self._changes)

    def _tell(self, before: tuple[BreakerState, bool, int]) -> None:
        """Keep one change of the state, of all that making it anew has brought."""
        old, was_by_hand, told = before
        made = [self._changes.pop() for _ in range(len(self._changes) - told)]
        if self.state == old:
            return
        last = next((each for each in made if each.new == self.state and each.results), None)
        failures, results = (last.failures, last.results) if last is not None else (0, 0)
        by_hand = self.by_hand or was_by_hand
        self._changes.append(
            BreakerChange(old=old, new=self.state, by_hand=by_hand, failures=failures, results=results)
        )

    def _lasts(self) -> float:
        if self.by_hand:
            return _BY_HAND_KEPT
        return 2 * max(self.limits.window or 0.0, self.limits.open_for, self.lease, _LEAST_KEPT)

    def _apply(self, change: CopyChange) -> None:
        if change[0] == _HAND:
            _, state, self.by_hand = change
            self._change(state, by_hand=True)
            return
        generation, probe, result, at = change
        self._leave(BreakerPass(generation, probe), result, at)

    def _pack(self) -> Any:
        leases = {str(number): round(until, 6) for number, until in self._leases.items()}
        return [
            *(
                self.state,
                self.by_hand,
                self.generation,
                round(self._open_until, 6),
                leases,
                self._given,
                self._answered,
            ),
            self._window.packed(),
        ]

    def _unpack(self, packed: Any) -> None:
        if packed is None:
            packed = ["closed", False, 0, 0.0, {}, 0, 0, None]
        self.state, self.by_hand, self.generation, self._open_until, *rest = packed
        leases, self._given, self._answered, window = rest
        self._leases = {int(number): until for number, until in leases.items()}
        if window is None:
            self._window.clear()
        else:
            self._window.unpack(window)


class SharedBreakers(Breakers):
    """
    The breakers of one provider: one, or one for each operation.

    Args:
        key: What their names in the store begin with.
        limits: What the policy says.
        lease: How long a probe holds its place, in seconds; None for the least that is sensible.
        mutex: What is held while they change; None where all calls run in one thread.
    """

    def __init__(
        self, key: str, limits: BreakerLimits, *, lease: float | None = None, mutex: Mutex | None = None
    ) -> None:
        super().__init__(limits, lease=lease, mutex=mutex)
        self._key = key

    def _make(self, name: str) -> Breaker:
        return SharedBreaker(self.limits, lease=self._lease, mutex=self._mutex, key=f"{self._key}:{name}")
