"""
A limit that adapts, of several processes: what all of them are told by the service decides how fast all of them send.

Requests and answers are told to the store, a refusal with the next question and the others twice in a window. The
arithmetic is that of one process (:mod:`resilience.core.admission.adaptation`), by the store's clock.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Final

from attrs import define, field

from resilience.core.admission.adaptation import Adaptation, Round
from resilience.core.admission.levels import RateChange
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.result import Result
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.replica import CopyChange, Replica
from resilience.core.admission.shared.reservation import SharedLimit

# How often results are told to the store, as a part of the window, and in seconds at most.
_OFTEN_PART: Final = 0.5
_SELDOM: Final = 1.0
# So long nothing is known of a limit any more; what the service takes may have changed.
_LEAST_KEPT: Final = 600.0
_MOST_KNOWN: Final = 256
_REMEMBERED: Final = (
    *("level", "_is_starting", "_rises", "_calm", "_needed", "_is_quicker", "_refusals", "_refused_at", "_told"),
)
_OF_LIMITER: Final = ("haste", "at_once", "paused_until")


@define(eq=False)
class SharedAdaptation:
    """
    The level of one limit that processes share.

    Attributes:
        key: The name of the limit in the store.
        limiter: The limit as the policy declares it, of all processes together.
        operation: The operation of the requests.
        changes: Gets every change of the level.
    """

    key: str
    limiter: RateLimiter
    operation: str
    changes: deque[RateChange]
    replica: Replica = field(init=False)
    _own: Adaptation = field(init=False)
    _said: float = field(init=False)  # the requests of a second that were told last
    _first: tuple[Any, ...] = field(init=False)
    _has_refusals: bool = field(default=False, init=False)
    _known: deque[float] = field(factory=lambda: deque(maxlen=_MOST_KNOWN), init=False)  # when refusals became known

    def __attrs_post_init__(self) -> None:
        # What making the copy anew tells is told once, at its end.
        self._own = Adaptation(self.limiter, self.operation, deque(maxlen=1))
        self._first = self._pack()
        self._said = self.limiter.per_second
        lasts = max(_LEAST_KEPT, 10 * self.limiter.log.per)
        self.replica = Replica(f"{self.key}:level", lambda: lasts, self._apply, self._pack, self._unpack)

    @property
    def limit(self) -> SharedLimit:
        """The limit in force."""
        log, haste = self.limiter.log, self.limiter.haste
        return SharedLimit(self.key, log.count, log.per / min(haste, 1.0))

    def paused_for(self, now: float) -> float:
        """Return for how many seconds nothing is to be sent, because nothing is taken."""
        return max(self.limiter.paused_until - self.replica.time.at(now), 0.0)

    def sent(self, now: float) -> None:
        """Note that a request is sent."""
        self._note("sent", self.replica.time.at(now))

    def waited(self, now: float) -> None:
        """Note that calls wait for this limit."""
        self._note("full", self.replica.time.at(now))

    def ended(self, result: Result, sent: float, now: float) -> None:
        """Note what came of a request that was sent at ``sent``."""
        at, began = self.replica.time.at(now), self.replica.time.at(sent)
        # A request that was sent before this process knew of a refusal was refused for the same reason, also where it
        # was sent after it: another process had been refused.
        known = next((each for each in reversed(self._known) if each <= began), -math.inf)
        self._note("ended", at, result, began, _number(known))
        if result == "throttled":
            self._has_refusals = True
            self._known.append(at)

    def is_due(self, now: float) -> bool:
        """Tell whether the store is to be asked."""
        asked = self.replica.asked_at
        if asked is None or self._has_refusals:
            return True
        return not 0 <= now - asked < min(_OFTEN_PART * self.limiter.log.per, _SELDOM)

    def propose(self) -> Proposal:
        """Return what to propose to the store."""
        return self.replica.propose()

    def learn(self, proposal: Proposal, kept: KeptValue, *, asked: float, received: float) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        holds = self.replica.learn(proposal, kept, asked=asked, received=received)
        self._has_refusals = self._has_refusals and not holds
        self._known.append(kept.now)
        if self.limiter.per_second != self._said:
            last = self._own.changes[-1] if self._own.changes else None
            self.changes.append(
                RateChange(
                    operation=self.operation,
                    old=self._said,
                    new=self.limiter.per_second,
                    declared=self.limiter.declared,
                    refused=0 if last is None else last.refused,
                    answered=0 if last is None else last.answered,
                )
            )
            self._said = self.limiter.per_second
        return holds

    def _note(self, *change: Any) -> None:
        self._apply(change)
        self.replica.note(change)

    def _apply(self, change: CopyChange) -> None:
        what, at, *more = change
        own = self._own
        if what == "sent":
            own.sent(at)
        elif what == "full":
            if own.rounds:
                own.rounds[-1].is_full = True
        else:
            result, sent, known = more
            found = next((each for each in reversed(own.rounds) if each.began <= sent), None)
            since = _meant(known) if result == "throttled" else sent
            own.ended(found or Round(sent, is_over=True), result, since, at)

    def _pack(self) -> Any:
        own, limiter = self._own, self.limiter
        return [
            [_number(getattr(own, name)) for name in _REMEMBERED],
            [_number(getattr(limiter, name)) for name in _OF_LIMITER],
            [
                [each.began, each.pending, each.delivered, each.refused, each.is_even, each.is_full]
                for each in own.rounds
            ],
            list(own.best),
        ]

    def _unpack(self, packed: Any) -> None:
        own, limiter = self._own, self.limiter
        remembered, of_limiter, rounds, best = self._first if packed is None else packed
        for name, value in zip(_REMEMBERED, remembered, strict=True):
            setattr(own, name, _meant(value))
        for name, value in zip(_OF_LIMITER, of_limiter, strict=True):
            setattr(limiter, name, _meant(value))
        limiter.log.count = math.ceil(own.level)
        own.rounds.clear()
        own.rounds.extend(Round(*each) for each in rounds)
        own.best.clear()
        own.best.extend(best)


def _number(value: Any) -> Any:
    """Return a value as JSON can hold it, which knows no infinity."""
    return None if value == -math.inf else value


def _meant(value: Any) -> Any:
    return -math.inf if value is None else value
