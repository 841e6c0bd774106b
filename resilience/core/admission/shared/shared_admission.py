"""
The admission of calls whose limits other processes share, through a store.

Calls wait in the same queues as without a store, in the same order. What makes the first of a queue go on is a slot
from the store, which is a place in every limit of its queue. Any call that waits may be told to ask the store for more
(:meth:`SharedAdmission.question`); its driver does so, and brings the answer. Limits that adapt are those of all
processes. Attempts under way are counted in this process alone.

Where the store is away, a process keeps its own part of the limits (``share``), as without a store. Each request is
noted for these all the time, so nothing starts anew when the store goes away.
"""

from __future__ import annotations

import math
from collections import deque

from attrs import define, evolve, field, frozen

from resilience.core.admission.adaptation import START, Adaptation
from resilience.core.admission.admission import Admission
from resilience.core.admission.levels import AdmissionLevels
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.result import Result
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest, shared_limit
from resilience.core.admission.shared.server_clock import ServerClock
from resilience.core.admission.shared.shared_adaptation import SharedAdaptation
from resilience.core.admission.shared.slot_pool import SlotPool
from resilience.core.admission.sliding_log import SlidingLog
from resilience.core.admission.tickets import Queue, Ticket

_LEAST_WAIT = 1e-6


@frozen(kw_only=True)
class SharedNames:
    """
    What names the limits of one provider in a store.

    Attributes:
        account: The start of the names of limits of an account.
        provider: The start of the names of limits that count all accounts.
        holder: Names this process; no other has the same.
    """

    account: str
    provider: str
    holder: str


@frozen
class Question:
    """
    A question that the driver of a call is to ask a store, for all calls of its queue.

    Attributes:
        queue: The queue.
        pool: Its slots.
        wanted: How many slots to ask for.
        adaptation: The limit of the operation, if it adapts; the store is asked of it first.
    """

    queue: Queue
    pool: SlotPool
    wanted: int
    adaptation: SharedAdaptation | None


@define(eq=False)
class SharedAdmission(Admission):
    """
    The limits of one provider, shared by the executors of several processes.

    Attributes:
        names: Its names in the store.
        is_alone: Whether the store is away, so that the process keeps its own part of the limits.
    """

    names: SharedNames = field(kw_only=True)
    is_alone: bool = field(default=False, init=False)
    _pools: dict[Queue, SlotPool] = field(factory=dict, init=False)
    _adapting: dict[str, SharedAdaptation] = field(factory=dict, init=False)  # by operation
    _of_queue: dict[Queue, SharedAdaptation] = field(factory=dict, init=False)
    _asking: set[Queue] = field(factory=set, init=False)
    _pool_count: int = field(default=0, init=False)
    _clock: ServerClock = field(factory=ServerClock, init=False)

    @property
    def is_shared(self) -> bool:
        """Whether its limits are those of several processes together: not while the store is away."""
        return not self.is_alone

    def question(self, ticket: Ticket, now: float, *, is_trial: bool = False) -> Question | None:
        """
        Return what the driver of a waiting call is to ask the store at once; None for nothing.

        Args:
            ticket: Of the call.
            now: On the driver's clock.
            is_trial: Whether a store that is away is tried.
        """
        with self.mutex:
            queue = ticket.queue
            pool = self._pools.get(queue)
            if pool is None or queue in self._asking or (self.is_alone and not is_trial):
                return None
            waiting = min(len(queue.again) + len(queue.new), self._concurrency - self.under_way)
            wanted = 1 if is_trial else pool.wanted(int(waiting), self._time.at(now))
            if not wanted:
                return None
            if len(pool) and ticket is queue.first and not is_trial:
                # It has a slot, and must be there when it comes.
                self._wake_last(queue, self._time.at(now))
                return None
            self._asking.add(queue)
            return Question(queue, pool, wanted, self._of_queue.get(queue))

    def request(self, question: Question, now: float) -> SlotRequest:
        """Return what to ask the store of slots, when it has been asked how the limit has adapted."""
        with self.mutex:
            pool, adaptation = question.pool, question.adaptation
            if adaptation is None:
                return pool.ask(question.wanted)
            pool.limits = (adaptation.limit, *pool.limits[1:])
            return pool.ask(question.wanted, pause=adaptation.paused_for(self._time.at(now)))

    def is_due(self, adaptation: SharedAdaptation, now: float) -> bool:
        """Tell whether the store is to be told of a limit that adapts."""
        with self.mutex:
            return adaptation.is_due(self._time.at(now))

    def propose(self, adaptation: SharedAdaptation) -> Proposal:
        """Return what to propose to the store of a limit that adapts."""
        with self.mutex:
            return adaptation.propose()

    def learn(
        self, adaptation: SharedAdaptation, proposal: Proposal, kept: KeptValue, *, asked: float, received: float
    ) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        with self.mutex:
            at = self._time.at(received)
            return adaptation.learn(proposal, kept, asked=at - max(received - asked, 0.0), received=at)

    def answered(
        self, question: Question, request: SlotRequest, given: GivenSlots, *, asked: float, received: float
    ) -> None:
        """Take the answer to a question."""
        with self.mutex:
            self._asking.discard(question.queue)
            at = self._time.at(received)
            question.pool.add(request, given, asked=at - max(received - asked, 0.0), received=at)
            if question.adaptation is not None and given.is_behind(request):
                question.adaptation.waited(at)
            self._wake_next(question.queue)

    def unanswered(self, question: Question) -> None:
        """Note that a question has no answer; another call may ask."""
        with self.mutex:
            self._asking.discard(question.queue)
            self._wake_next(question.queue)

    def stand_alone(self, *, is_alone: bool) -> bool:
        """Keep this process's part of the limits from now on, or ask the store again; tell whether that is new."""
        if self.is_alone is is_alone:
            return False
        with self.mutex:
            self.is_alone = is_alone
            for queue in self._waiting:
                queue.sleeps = True
            self._wake_sleepers()
        return True

    def not_before(self, ticket: Ticket, now: float) -> float:
        """Return an instant before which a call that has just joined its queue cannot be admitted."""
        pool = self._pools.get(ticket.queue)
        if self.is_alone or pool is None:
            return super().not_before(ticket, now)
        with self.mutex:
            queue, at = ticket.queue, self._time.at(now)
            ahead = len(queue.again) - 1 if ticket.is_again else len(queue.again) + len(queue.new) - 1
            missing = ahead + 1 - len(pool)
            if missing <= 0:
                return now
            return now + max(pool.next_at(at) + (missing - 1) // each.count * each.held for each in pool.limits) - at

    def _ready_at(self, queue: Queue, now: float) -> float:
        pool = self._pools.get(queue)
        if self.is_alone or pool is None:
            return super()._ready_at(queue, now)
        at = pool.ready_at(now)
        if at == math.inf and queue not in self._asking:
            # Its driver asks the store, now or then.
            at = max(pool.again, now + _LEAST_WAIT)
        adaptation = self._of_queue.get(queue)
        return at if adaptation is None else max(at, now + adaptation.paused_for(now))

    def _admit(self, ticket: Ticket, now: float) -> None:
        pool = self._pools.get(ticket.queue)
        if pool is not None and not self.is_alone:
            pool.take(now)
        super()._admit(ticket, now)
        adaptation = self._of_queue.get(ticket.queue)
        if adaptation is not None:
            adaptation.sent(now)
        self._wake_last(ticket.queue, now)

    def _end(self, ticket: Ticket, now: float, result: Result) -> None:
        adaptation = self._of_queue.get(ticket.queue)
        if adaptation is not None:
            adaptation.ended(result, ticket.places[0].since, now)
        super()._end(ticket, now, result)

    def _of_operation(self, operation: str) -> tuple[RateLimiter | None, Adaptation | None]:
        own, adaptation = super()._of_operation(operation)
        if adaptation is not None:
            # It holds while the store is away. What is told is how the limit of all processes adapts.
            adaptation.changes = deque(maxlen=1)
        return own, adaptation

    def levels(self) -> AdmissionLevels:
        """Return what the limits of all processes are at present, and how many calls of this one wait."""
        levels, limits = super().levels(), self.limits
        if self.is_alone:
            return levels
        with self.mutex:
            adapted = {name: each.limiter for name, each in self._adapting.items()}
        rates = []
        for level in levels.rates:
            declared = {
                "operation": limits.operations.get(level.operation or ""),
                "account": limits.default,
                "host": limits.per_host,
            }[level.scope]
            limiter = adapted.get(level.operation or "") if level.scope == "operation" else None
            if limiter is not None:
                rates.append(evolve(level, per_second=limiter.per_second, declared=limiter.declared))
            elif declared is not None:
                rates.append(evolve(level, per_second=declared.per_second, declared=declared.per_second))
        return evolve(levels, rates=tuple(rates))

    def _wake_last(self, queue: Queue, now: float) -> None:
        """Wake the last of a queue, which has the most time, if it is to ask the store."""
        pool = self._pools.get(queue)
        if pool is None or self.is_alone or queue in self._asking:
            return
        waiting = len(queue.again) + len(queue.new)
        if waiting > 1 and pool.wanted(waiting, now):
            next(reversed(queue.new or queue.again)).wake()

    def _forget(self, now: float) -> None:
        super()._forget(now)
        kept = set(self._queues.values()) | self._asking
        self._pools = {queue: pool for queue, pool in self._pools.items() if queue in kept}
        self._of_queue = {queue: each for queue, each in self._of_queue.items() if queue in kept}

    def _queue(self, operation: str, host: str, now: float) -> Queue:
        queue = super()._queue(operation, host, now)
        limits = self._shared(operation, host)
        if self.limits.adaptive:
            adaptation = self._of_queue[queue] = self._adaptation(operation)
            limits = (adaptation.limit, *(each for each in limits if each.key != adaptation.key))
        if limits:
            self._pool_count += 1
            self._pools[queue] = SlotPool(limits, f"{self.names.holder}:{self._pool_count}", self._clock)
        return queue

    def _shared(self, operation: str, host: str) -> tuple[SharedLimit, ...]:
        """Return the limits of an operation's calls to a host that the policy declares."""
        limits, names = self.limits, self.names
        found = []
        if operation in limits.operations:
            rate = limits.operations[operation]
            found.append(shared_limit(f"{names.account}:operation:{operation}:{rate}", rate))
        if limits.default is not None:
            found.append(shared_limit(f"{names.account}:all:{limits.default}", limits.default))
        if limits.per_host is not None:
            found.append(shared_limit(f"{names.provider}:host:{host}:{limits.per_host}", limits.per_host))
        return tuple(found)

    def _adaptation(self, operation: str) -> SharedAdaptation:
        """Return the limit of an operation that adapts, of all processes; as one process has it, but not divided."""
        if operation not in self._adapting:
            limits = self.limits
            rate = limits.operations.get(operation) or limits.default
            name = f"{self.names.account}:operation:{operation}:{rate or 'adaptive'}"
            limiter = (
                RateLimiter(SlidingLog(START, 1.0), most=None, at_once=START) if rate is None else RateLimiter.of(rate)
            )
            self._adapting[operation] = SharedAdaptation(name, limiter, operation, self._changes)
        return self._adapting[operation]
