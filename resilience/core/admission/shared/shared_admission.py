"""
The admission of calls whose limits other processes share, through a store.

Calls wait in the same queues as without a store, in the same order. What makes the first of a queue go on is a slot
from the store, which is a place in every limit of its queue; and where attempts under way are limited, a permit. Any
call that waits may be told to ask the store for more (:meth:`SharedAdmission.question`); its driver does so, and brings
the answer. Limits that adapt are those of all processes.

Where the store is away, a process keeps its own part of the limits (``share``), as without a store. Each request is
noted for these all the time, so nothing starts anew when the store goes away.
"""

from __future__ import annotations

import math
from collections import deque

from attrs import define, evolve, field, frozen

from resilience.core.admission.adaptation import Adaptation
from resilience.core.admission.admission import Admission
from resilience.core.admission.levels import AdmissionLevels
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.result import Result
from resilience.core.admission.shared.kept_value import Proposal
from resilience.core.admission.shared.names import SharedNames
from resilience.core.admission.shared.permit_pool import PermitPool
from resilience.core.admission.shared.permits import REVIEW
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest
from resilience.core.admission.shared.server_clock import ServerClock
from resilience.core.admission.shared.shared_adaptation import SharedAdaptation
from resilience.core.admission.shared.slot_pool import SlotPool
from resilience.core.admission.tickets import Queue, Ticket

_LEAST_WAIT = 1e-6


@frozen(eq=False)
class Question:
    """
    A question that the driver of a call is to ask a store, for all calls of its queue.

    Attributes:
        queue: The queue; None where permits are given back, and no call waits.
        pool: Its slots; None where it has no limits that need any.
        wanted: How many slots to ask for.
        adaptation: The limit of the operation, if it adapts.
        asks_permits: Whether it asks for permits, or gives them back.
    """

    queue: Queue | None
    pool: SlotPool | None
    wanted: int
    adaptation: SharedAdaptation | None
    asks_permits: bool


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
    _permits: PermitPool | None = field(init=False)
    _pools: dict[Queue, SlotPool] = field(factory=dict, init=False)
    _adapting: dict[str, SharedAdaptation] = field(factory=dict, init=False)  # by operation
    _of_queue: dict[Queue, SharedAdaptation] = field(factory=dict, init=False)
    _asking: set[Queue] = field(factory=set, init=False)
    _pool_count: int = field(default=0, init=False)
    _clock: ServerClock = field(factory=ServerClock, init=False)

    @_permits.default
    def _permits_of_limits(self) -> PermitPool | None:
        return self.names.permits(self.limits)

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
            queue, permits, at = ticket.queue, self._permits, self._time.at(now)
            pool = self._pools.get(queue)
            if queue in self._asking or (self.is_alone and not is_trial) or (pool is None and permits is None):
                return None
            wanted = 1 if is_trial and pool is not None else self._wanted(queue, at)
            if not wanted and not (is_trial or self._permits_due_at(at) <= at):
                return None
            if pool and ticket is queue.first and not is_trial and self._may_begin(at):
                # It has a slot, and must be there when it comes.
                self._wake_last(queue, at)
                return None
            self._asking.add(queue)
            asks_permits = permits is not None and permits.reserve()
            return Question(queue, pool, wanted, self._of_queue.get(queue), asks_permits)

    def gives_back(self) -> Question | None:
        """Return what to tell the store where calls have ended and none waits; None for nothing."""
        permits = self._permits
        if permits is None or self.is_alone:
            return None
        with self.mutex:
            if self._waiting or not permits.gives_back(self.under_way) or not permits.reserve():
                return None
            return Question(None, None, 0, None, asks_permits=True)

    def is_to_tell(self, question: Question, now: float) -> bool:
        """Tell whether a question is to tell the store how a limit has adapted."""
        with self.mutex:
            return question.adaptation is not None and question.adaptation.is_due(self._time.at(now))

    def request(self, question: Question, now: float, *, tells: bool) -> SlotRequest:
        """
        Return the question as it is asked.

        Args:
            question: The question.
            now: On the driver's clock.
            tells: Whether it tells the store how a limit has adapted.
        """
        with self.mutex:
            at = self._time.at(now)
            pool, adaptation, proposal = question.pool, question.adaptation, None
            request = SlotRequest()
            if adaptation is not None and tells:
                proposal = adaptation.propose()
            if pool is not None and question.wanted:
                pause = 0.0
                if adaptation is not None:
                    pool.limits = (adaptation.limit, *pool.limits[1:])
                    pause = adaptation.paused_for(at)
                request = pool.ask(question.wanted, pause=pause)
            permits = None
            if question.asks_permits and self._permits is not None:
                permits = self._permits.ask(self.under_way, self._demand(), at)
            return evolve(request, proposal=proposal, permits=permits)

    def answered(
        self, question: Question, request: SlotRequest, given: GivenSlots, *, asked: float, received: float
    ) -> bool:
        """Take the answer to a question; tell whether it is one, and the question need not be asked anew."""
        with self.mutex:
            at = self._time.at(received)
            asked = at - max(received - asked, 0.0)
            if not self._learned(question.adaptation, request.proposal, given, asked=asked, received=at):
                if question.pool is not None:
                    question.pool.unasked(request)
                return False
            queue, pool = question.queue, question.pool
            if pool is not None and question.wanted:
                pool.add(request, given, asked=asked, received=at)
            else:
                self._clock.learn(given.now, asked=asked, received=at)
            if question.adaptation is not None and given.is_behind(request):
                question.adaptation.waited(at)
            if self._permits is not None and given.permits is not None:
                self._permits.add(given.permits, asked=asked)
                self._wake_sleepers()
            if queue is not None:
                self._asking.discard(queue)
                self._wake_next(queue)
            return True

    def unanswered(self, question: Question) -> None:
        """Note that a question has no answer; another call may ask."""
        with self.mutex:
            if question.asks_permits and self._permits is not None:
                self._permits.give_up()
                self._wake_sleepers()
            if question.queue is not None:
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
        levels = evolve(levels, concurrency=limits.concurrency)
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
        if self.is_alone or queue in self._asking:
            return
        waiting = len(queue.again) + len(queue.new)
        if waiting > 1 and (self._wanted(queue, now) or self._permits_due_at(now) <= now):
            next(reversed(queue.new or queue.again)).wake()

    def _forget(self, now: float) -> None:
        super()._forget(now)
        kept = set(self._queues.values()) | self._asking
        self._pools = {queue: pool for queue, pool in self._pools.items() if queue in kept}
        self._of_queue = {queue: each for queue, each in self._of_queue.items() if queue in kept}

    def _queue(self, operation: str, host: str, now: float) -> Queue:
        queue = super()._queue(operation, host, now)
        limits = self.names.rates(self.limits, operation, host)
        if self.limits.adaptive:
            adaptation = self._of_queue[queue] = self._adaptation(operation)
            limits = (adaptation.limit, *(each for each in limits if each.key != adaptation.key))
        if limits:
            self._pool_count += 1
            self._pools[queue] = SlotPool(limits, f"{self.names.holder}:{self._pool_count}", self._clock)
        return queue

    def _adaptation(self, operation: str) -> SharedAdaptation:
        if operation not in self._adapting:
            name, limiter = self.names.adapting(self.limits, operation)
            self._adapting[operation] = SharedAdaptation(name, limiter, operation, self._changes)
        return self._adapting[operation]

    def _learned(
        self,
        adaptation: SharedAdaptation | None,
        proposal: Proposal | None,
        given: GivenSlots,
        *,
        asked: float,
        received: float,
    ) -> bool:
        if adaptation is None or proposal is None or given.kept is None:
            return True
        return adaptation.learn(proposal, given.kept, asked=asked, received=received)

    def _wanted(self, queue: Queue, now: float) -> int:
        """Return how many slots to ask for now, for the calls of a queue."""
        pool = self._pools.get(queue)
        if pool is None:
            return 0
        room = math.inf if self._permits is None else self._permits.room(self.under_way, now)
        return pool.wanted(len(queue.again) + len(queue.new), now, room=room)

    def _demand(self) -> int:
        """Return how many attempts could be under way: those that are, and the calls that have their turn soon."""
        demand = self.under_way
        for queue in self._waiting:
            pool, waiting = self._pools.get(queue), len(queue.again) + len(queue.new)
            demand += waiting if pool is None else min(waiting, pool.used_in(REVIEW))
        return demand

    def _may_begin(self, now: float) -> bool:
        return self._permits is None or self._permits.may_begin(self.under_way, now)

    def _permits_due_at(self, now: float) -> float:
        if self._permits is None:
            return math.inf
        return self._permits.due_at(self.under_way, self._demand(), now, self._clock.trip)

    def _expect(self, takes: float) -> None:
        if self._permits is not None:
            self._permits.may_take(takes)

    def _blocked_for(self, now: float) -> float:
        permits = self._permits
        if self.is_alone or permits is None:
            return super()._blocked_for(now)
        if permits.may_begin(self.under_way, now):
            return 0.0
        return max(self._permits_due_at(now) - now, _LEAST_WAIT)
