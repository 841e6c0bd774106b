"""
Finds the rate that is really there, where the service refuses requests although the declared limit is kept.

Others may use a part of the limit, the declared one may be wrong, or none is declared. What the service takes shows in
what it delivers: requests are counted in rounds, each a window long. A round in which requests were refused sets the
level to the most that one of the last rounds delivered, and a little more, so that what becomes free is noticed. A
refusal costs the service and the call next to nothing, whereas a level that is too low costs time. A round in which
calls waited for this limit and none was refused raises the level, each time by twice as much.

A first refusal can also mean that the service bears no bursts. From then on requests are sent evenly.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from attrs import define, field

from resilience.core.admission.levels import RateChange
from resilience.core.admission.rate_limiter import HASTE, RateLimiter
from resilience.core.admission.result import Result

START: Final = 10
"""The requests of a first second, where no limit is declared."""

MOST_CHANGES: Final = 64
"""Changes that no call has told of; more than these happen only where no call comes."""

# How many times quicker than the level requests are sent while an undeclared limit is looked for. The time between two
# of them bounds how quickly the level rises: at 500/s it takes a second less than at the usual haste.
_HASTE_AT_START: Final = 2 * HASTE
# By how much the level rises after the first, the second, ... round without a refusal.
_GAINS: Final = (1 / 8, 1 / 2, 1.0)
# By how much it is higher than what was delivered, after a round with refusals.
_MORE: Final = 1 / 32
# Windows in which others happen to take more than their mean must not lower the level.
_REMEMBERED: Final = 4
# How long nothing is sent where no request is taken any more, in seconds. At first it is this, or a part of the window
# where that is less. Each time that the next one is refused too, it is twice as long, up to the last.
_PAUSE: Final = 0.25
_PAUSE_PART: Final = 1 / 20
_LONGEST_PAUSE: Final = 16.0
_MOST_DOUBLED: Final = 30
# After how many rounds without a refusal bursts are tried again. Each time that it was in vain, the number grows by a
# factor, up to a largest.
_CALM: Final = 16
_CALMER: Final = 4
_CALMEST: Final = 512
# Up to which level a service may count the time between two requests, and how evenly they are sent then.
_FEW: Final = 10
_SLOWER: Final = 0.95
_SLOWEST: Final = 0.9


@define(eq=False)
class Round:
    """What was sent within one window, and what came of it."""

    began: float
    pending: int = 0
    delivered: int = 0
    refused: int = 0
    is_even: bool = False  # no burst was sent in it
    is_full: bool = False  # calls waited for this limit
    has_risen: bool = False  # an answer in it has raised the level
    is_over: bool = False


@define(eq=False)
class Adaptation:
    """
    The level of one limiter.

    Attributes:
        limiter: Whose ``count`` is set, up to its ``most``.
        level: The requests of a window that are sent at present.
        operation: The operation of the requests.
        changes: Gets every change of the level, at most one for each window.
        rounds: Those that are not over, the oldest first.
        best: What the last rounds delivered.
    """

    limiter: RateLimiter
    operation: str = ""
    changes: deque[RateChange] = field(factory=lambda: deque(maxlen=MOST_CHANGES))
    level: float = field(init=False)
    rounds: deque[Round] = field(factory=deque, init=False)
    best: deque[int] = field(factory=lambda: deque(maxlen=_REMEMBERED), init=False)
    _is_starting: bool = field(init=False)
    _rises: int = field(default=0, init=False)
    _is_stuck: bool = field(default=False, init=False)  # the last round was used, and no answer in it raised the level
    _calm: int = field(default=0, init=False)
    _needed: int = field(default=_CALM, init=False)
    _is_quicker: bool = field(default=False, init=False)  # bursts are tried again
    _refusals: int = field(default=0, init=False)  # one after the other, each sent when the last one was known
    _refused_at: float = field(default=-math.inf, init=False)
    _told: int = field(init=False)  # the limiter's count, when a change was told last

    def __attrs_post_init__(self) -> None:
        self.level = self._told = self.limiter.log.count
        self._is_starting = self.limiter.most is None
        if self._is_starting:
            self.limiter.haste = _HASTE_AT_START

    def sent(self, now: float) -> Round:
        """Note that a request is sent; return the round that it belongs to."""
        self.close(now)
        if not self.rounds or now >= self.rounds[-1].began + self.limiter.log.per:
            self.rounds.append(Round(now, is_even=self.limiter.haste <= 1.0))
        found = self.rounds[-1]
        found.pending += 1
        return found

    def waited_for(self, now: float) -> None:
        """Note that a call has to wait, if it is for this limit and not only for its turn in a burst."""
        limiter = self.limiter
        if self.rounds and (limiter.log.free_at(now) > now or (limiter.haste <= 1.0 and limiter.ready_at(now) > now)):
            self.rounds[-1].is_full = True

    def ended(self, found: Round, result: Result, sent: float, now: float) -> None:
        """Note what came of a request that was sent at ``sent``."""
        found.pending -= 1
        counted = self.rounds[-1] if found.is_over and self.rounds else found
        if result == "throttled":
            counted.refused += 1
            self._refused(sent, now)
        elif result in {"succeeded", "ignored"}:
            counted.delivered += 1
            if sent >= self._refused_at:
                self._refusals = 0
            if self._is_starting and self._is_used(counted):
                counted.has_risen = True
                self._set(self.level + 1)
        self.close(now)

    def _refused(self, sent: float, now: float) -> None:
        limiter = self.limiter
        self._is_starting = False
        self._calm = 0
        if self._is_quicker:
            self._is_quicker, self._needed = False, min(self._needed * _CALMER, _CALMEST)
        limiter.haste = min(limiter.haste, 1.0)
        limiter.at_once = 1.0
        # What was sent before the last refusal was known was refused for the same reason.
        if sent >= self._refused_at:
            self._refused_at = now
            self._refusals += 1
            if self._refusals > 1:
                pause = min(_PAUSE, limiter.log.per * _PAUSE_PART) * 2.0 ** min(self._refusals - 2, _MOST_DOUBLED)
                limiter.paused_until = now + min(pause, _LONGEST_PAUSE)

    def close(self, now: float) -> None:
        """Learn from the rounds that are over: all answers are there, or a window has passed besides."""
        rounds, per = self.rounds, self.limiter.log.per
        while rounds and now >= rounds[0].began + per and (not rounds[0].pending or now >= rounds[0].began + 2 * per):
            over = rounds.popleft()
            over.is_over = True
            self._learn(over)
            self._tell(over)

    def _learn(self, over: Round) -> None:
        if over.refused:
            self.best.append(over.delivered)
            self._rises = 0
            self._slow_down(is_even=over.is_even)
        elif over.delivered:
            self.best.append(over.delivered)
            self._calm += 1
            self._speed_up(over, is_used=self._is_used(over))

    def _slow_down(self, *, is_even: bool) -> None:
        limiter, best = self.limiter, max(self.best)
        if is_even and self.level <= _FEW:
            # Each of a few requests may be refused because it comes a moment too early, all the time.
            limiter.haste = min(limiter.haste, max(limiter.haste * _SLOWER, _SLOWEST))
        if best:
            self._set(min(self.level, best + max(best * _MORE, 1.0)))
        else:
            # Nothing is taken at all; what is taken again is found as at the start.
            self._set(self.level / 2)
            self._is_starting = True

    def _speed_up(self, over: Round, *, is_used: bool) -> None:
        limiter = self.limiter
        if self._calm % self._needed == 0 and limiter.haste < HASTE:
            limiter.haste, self._is_quicker = min(limiter.haste * 2, HASTE), True
        if is_used and not self._is_starting:
            gain = _GAINS[min(self._rises, len(_GAINS) - 1)]
            self._rises += 1
            self._set(self.level + max(self.level * gain, 1.0))
        elif is_used:
            # In one round after the other every answer was there before a call had to wait, as where one thread calls
            # what answers at once. Answers that come later would double the level in a window.
            if self._is_stuck and not over.has_risen:
                self._set(self.level * 2)
            self._is_stuck = not over.has_risen

    def _tell(self, over: Round) -> None:
        limiter, log = self.limiter, self.limiter.log
        old, self._told = self._told, log.count
        if old != log.count:
            self.changes.append(
                RateChange(
                    operation=self.operation,
                    old=old / log.per,
                    new=limiter.per_second,
                    declared=limiter.declared,
                    refused=over.refused,
                    answered=over.refused + over.delivered,
                )
            )

    def _is_used(self, found: Round) -> bool:
        """Tell whether calls waited for the limit, and came near it."""
        return found.is_full and found.delivered * 2 >= self.level

    def _set(self, level: float) -> None:
        most = self.limiter.most
        self.level = max(level if most is None else min(level, most), 1.0)
        self.limiter.log.count = math.ceil(self.level)
