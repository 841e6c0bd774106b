"""
What calls of one provider have to pass before each attempt: all limits at once, in turn.

Calls that wait stand in one queue for each operation and host. The first of a queue is admitted when there is room in
every limit of it, and takes a place in all of them at once. A retry goes before new calls, and otherwise the one that
came first. Where queues share a limit, the same order holds between their first calls.

There is no clock and no event loop here. A driver asks, and sleeps as long as it is told, or until its ticket is woken:
that is when another call was admitted or has ended.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field

from resilience.core.admission.adaptation import MOST_CHANGES, START, Adaptation
from resilience.core.admission.levels import AdmissionLevels, RateChange, RateLevel, RateScope
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.result import Result
from resilience.core.admission.sliding_log import SlidingLog
from resilience.core.admission.steady import Mutex, NoMutex, SteadyTime
from resilience.core.admission.tickets import Queue, Ticket

# Hosts come from the program. Past so many queues, those are forgotten that remember nothing.
_MANY: Final = 256
# In seconds: what a clock that has run for weeks still counts.
_LEAST_WAIT: Final = 1e-6
# The results that only a service can give.
_ANSWERS: Final[frozenset[Result]] = frozenset({"succeeded", "ignored", "throttled"})


@define(eq=False)
class Admission:
    """
    The limits of one provider, for one executor.

    Attributes:
        limits: What the policy declares.
        mutex: What is held while it changes, and while tickets are woken.
    """

    limits: RateLimits
    mutex: Mutex = field(factory=NoMutex, repr=False)
    under_way: int = field(default=0, init=False)
    _concurrency: float = field(init=False)
    _default: RateLimiter | None = field(init=False)
    _hosts: dict[str, RateLimiter] = field(factory=dict, init=False)
    _operations: dict[str, tuple[RateLimiter | None, Adaptation | None]] = field(factory=dict, init=False)
    _queues: dict[tuple[str, str], Queue] = field(factory=dict, init=False)
    _waiting: dict[Queue, None] = field(factory=dict, init=False)  # the queues that are not empty
    _many: int = field(default=_MANY, init=False)
    _given: int = field(default=0, init=False)
    _changes: deque[RateChange] = field(factory=lambda: deque(maxlen=MOST_CHANGES), init=False)
    _time: SteadyTime = field(factory=SteadyTime, init=False)

    def __attrs_post_init__(self) -> None:
        limits, concurrency = self.limits, self.limits.own_concurrency
        self._concurrency = math.inf if concurrency is None else concurrency
        self._default = None if limits.default is None else RateLimiter.of(limits.own_rate(limits.default))

    @property
    def is_shared(self) -> bool:
        """Whether its limits are those of several processes together."""
        return False

    def enter(self, operation: str, host: str, now: float, *, again: bool = False, takes: float = math.inf) -> Ticket:
        """
        Join the queue; a retry goes before new calls.

        Args:
            operation: Of the call.
            host: That it is sent to.
            now: On the driver's clock.
            again: Whether it is a retry.
            takes: How long the attempt takes at most, in seconds.
        """
        with self.mutex:
            self._expect(takes)
            queue = self._queues.get((operation, host)) or self._queue(operation, host, self._time.at(now))
            self._given += 1
            ticket = Ticket(queue, again, self._given)
            (queue.again if again else queue.new)[ticket] = None
            self._waiting[queue] = None
            return ticket

    def ask(self, ticket: Ticket, now: float, wake: Callable[[], object] | None = None) -> float:
        """
        Admit a call, or say when to ask again.

        Args:
            ticket: Of the call.
            now: On the driver's clock.
            wake: Called when it is worth asking again earlier, in any thread; None for what the ticket has.

        Returns:
            0: it is admitted. Above 0: ask again after so many seconds, or when the ticket is woken; infinity: when it
            is woken.
        """
        with self.mutex:
            if wake is not None:
                ticket.wake = wake
            return 0.0 if ticket.is_admitted else self._ask(ticket, self._time.at(now))

    def leave(self, ticket: Ticket, now: float, result: Result = "cancelled") -> None:
        """End an attempt, or give up waiting; the ticket is of no more use."""
        with self.mutex:
            if ticket.has_left:
                return
            ticket.has_left = True
            if ticket.is_admitted:
                self._end(ticket, self._time.at(now), result)
            else:
                was_first = ticket.queue.first is ticket
                self._remove(ticket)
                if was_first:
                    self._wake_next(ticket.queue)

    def not_before(self, ticket: Ticket, now: float) -> float:
        """
        Return an instant before which a call that has just joined its queue cannot be admitted.

        If calls before it give up waiting, it may come earlier.
        """
        with self.mutex:
            queue, at = ticket.queue, self._time.at(now)
            ahead = len(queue.again) - 1 if ticket.is_again else len(queue.again) + len(queue.new) - 1
            return now + max((limiter.not_before(ahead, at) for limiter in queue.limiters), default=at) - at

    def take_changes(self) -> tuple[RateChange, ...]:
        """Return how limits have adapted since they were asked last, in order."""
        if not self._changes:
            return ()
        with self.mutex:
            changes = tuple(self._changes)
            self._changes.clear()
        return changes

    def levels(self) -> AdmissionLevels:
        """Return what the limits are at present, and how many calls they keep waiting."""
        with self.mutex:
            known: list[tuple[RateScope, str | None, RateLimiter | None]] = [
                *(("operation", name, limiter) for name, (limiter, _) in self._operations.items()),
                ("account", None, self._default),
                ("host", None, next(iter(self._hosts.values()), None)),
            ]
            waiting = dict.fromkeys((operation for operation, _ in self._queues), 0)
            for (operation, _), queue in self._queues.items():
                waiting[operation] += len(queue.again) + len(queue.new)
            return AdmissionLevels(
                rates=tuple(
                    RateLevel(
                        scope=scope, operation=operation, per_second=limiter.per_second, declared=limiter.declared
                    )
                    for scope, operation, limiter in known
                    if limiter is not None
                ),
                is_shared=self.is_shared,
                concurrency=None if self._concurrency == math.inf else int(self._concurrency),
                under_way=self.under_way,
                waiting=waiting,
            )

    def _ask(self, ticket: Ticket, now: float) -> float:
        queue = ticket.queue
        if queue.first is not ticket:
            return math.inf
        queue.sleeps = False
        blocked_for = self._blocked_for(now)
        if blocked_for > 0.0:
            queue.blocked_by, queue.sleeps = "concurrency", True
            self._wake_behind(queue)
            return blocked_for
        at = self._ready_at(queue, now)
        if at > now:
            queue.blocked_by = "rate"
            self._wake_behind(queue)
            if queue.adaptation is not None:
                queue.adaptation.waited_for(now)
            return max(at - now, _LEAST_WAIT)
        rival = self._rival(ticket, now)
        if rival is not None:
            queue.sleeps = True
            rival.queue.behind.append(queue)
            rival.wake()
            return math.inf
        self._admit(ticket, now)
        return 0.0

    def _expect(self, takes: float) -> None:
        """Note how long an attempt may take."""

    def _blocked_for(self, now: float) -> float:  # noqa: ARG002  # processes that share a limit ask again later
        """Return for how many seconds no attempt may begin; infinity for as long as those under way take."""
        return 0.0 if self.under_way < self._concurrency else math.inf

    def _ready_at(self, queue: Queue, now: float) -> float:
        """Return when the first of a queue may be sent, as far as its rates are concerned."""
        return queue.ready_at(now)

    def _end(self, ticket: Ticket, now: float, result: Result) -> None:
        self.under_way -= 1
        queue, adaptation = ticket.queue, ticket.queue.adaptation
        before = 0 if adaptation is None else adaptation.limiter.log.count
        made_room = False
        if result in _ANSWERS:
            # Of other attempts it is unknown when they reached the service, if they did.
            for limiter, place in zip(queue.limiters, ticket.places, strict=True):
                made_room = limiter.answered(place, now) or made_room
        if adaptation is not None and ticket.round is not None:
            adaptation.ended(ticket.round, result, ticket.places[0].since, now)
            made_room = made_room or adaptation.limiter.log.count > before
        if made_room:
            # Earlier than the first of each queue was told.
            for waiting in self._waiting:
                waiting.sleeps = True
        self._wake_sleepers()

    def _admit(self, ticket: Ticket, now: float) -> None:
        queue = ticket.queue
        ticket.is_admitted = True
        self._remove(ticket)
        self.under_way += 1
        ticket.places = [limiter.take(now) for limiter in queue.limiters]
        if queue.adaptation is not None:
            ticket.round = queue.adaptation.sent(now)
        self._wake_next(queue)

    def _remove(self, ticket: Ticket) -> None:
        queue = ticket.queue
        del (queue.again if ticket.is_again else queue.new)[ticket]
        if queue.first is None:
            self._waiting.pop(queue, None)

    def _wake_next(self, queue: Queue) -> None:
        """Wake the first call of a queue, and those that have let another one go before."""
        if queue.first is not None:
            queue.first.wake()
        self._wake_behind(queue)

    def _wake_behind(self, queue: Queue) -> None:
        """Wake the calls that have let the first of a queue go before them: it has gone, or cannot go now."""
        behind, queue.behind = queue.behind, []
        for each in behind:
            if each.first is not None:
                each.first.wake()

    def _wake_sleepers(self) -> None:
        for queue in tuple(self._waiting):
            if queue.sleeps and queue.first is not None:
                queue.first.wake()

    def _rival(self, ticket: Ticket, now: float) -> Ticket | None:
        """Return the call of another queue that may have what this one would take, and comes before it."""
        if len(self._waiting) == 1:
            return None
        mine, best = ticket.queue, ticket
        for queue in self._waiting:
            first = queue.first
            if queue is mine or first is None or first.rank > best.rank:
                continue
            is_shared = self._concurrency < math.inf or any(each in mine.limiters for each in queue.limiters)
            if is_shared and self._ready_at(queue, now) <= now:
                best = first
        return None if best is ticket else best

    def _queue(self, operation: str, host: str, now: float) -> Queue:
        """Make the queue of an operation and a host."""
        if len(self._queues) >= self._many:
            self._forget(now)
            # So many more have to come before the rest is gone through again.
            self._many = max(_MANY, 2 * len(self._queues))
        limits = self.limits
        own, adaptation = self._of_operation(operation)
        limiters = [] if own is None else [own]
        if self._default is not None:
            limiters.append(self._default)
        if limits.per_host is not None:
            if host not in self._hosts:
                self._hosts[host] = RateLimiter.of(limits.own_rate(limits.per_host))
            limiters.append(self._hosts[host])
        queue = self._queues[operation, host] = Queue(tuple(limiters), adaptation)
        return queue

    def _forget(self, now: float) -> None:
        """Forget the hosts that nothing was sent to lately and nothing waits for, and the queues that are empty."""
        wanted = {host for (_, host), queue in self._queues.items() if queue in self._waiting}
        self._hosts = {
            host: limiter for host, limiter in self._hosts.items() if host in wanted or limiter.log.held(now)
        }
        self._queues = {
            (operation, host): queue
            for (operation, host), queue in self._queues.items()
            if host in self._hosts or queue in self._waiting
        }

    def _of_operation(self, operation: str) -> tuple[RateLimiter | None, Adaptation | None]:
        """Return the limiter of an operation; one that adapts also where only others are declared, or none."""
        if operation not in self._operations:
            limits = self.limits
            rate = limits.operations.get(operation) or (limits.default if limits.adaptive else None)
            own = None if rate is None else RateLimiter.of(limits.own_rate(rate))
            if own is None and limits.adaptive:
                count = max(START // limits.share, 1)
                own = RateLimiter(SlidingLog(count, 1.0), most=None, at_once=count)
            adaptation = Adaptation(own, operation, self._changes) if own is not None and limits.adaptive else None
            self._operations[operation] = own, adaptation
        return self._operations[operation]


def admission_of(rates: Mapping[str, RateLimits], provider: str | None, mutex: Mutex | None = None) -> Admission | None:
    """Return the admission of a provider's calls; None where the policy limits no rate of theirs."""
    limits = None if provider is None else rates.get(provider)
    return None if limits is None else Admission(limits, NoMutex() if mutex is None else mutex)
