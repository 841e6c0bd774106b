"""Several processes with one store on a virtual clock: each asks, sleeps and is woken as it is told."""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from random import Random

from attrs import Factory, define, field

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.result import Result
from resilience.core.admission.shared.names import SharedNames
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest
from resilience.core.admission.shared.shared_admission import Question, SharedAdmission
from resilience.core.admission.tickets import Ticket
from resilience.state.store.memory import MemoryStore


@define(eq=False)
class World:
    """
    The clock, the store and what the service counts.

    Attributes:
        limits: Of each process.
        processes: How many there are.
        trip: How long a question to the store takes, in seconds.
        late: By how much a call is late that is woken at an instant, at most.
        takes: How long an attempt takes.
        longest: How long an attempt may take.
        capacity: How many requests of a second the service really takes; None for all.
    """

    limits: RateLimits
    processes: int = 4
    trip: float = 0.001
    late: float = 0.0
    takes: float = 0.005
    longest: float = math.inf
    capacity: int | None = None
    random: Random = field(factory=lambda: Random(1))  # noqa: S311  # a simulation
    now: float = field(default=0.0, init=False)
    ahead: float = field(default=1.7e9, init=False)  # what the store's clock shows besides
    questions: int = field(default=0, init=False)
    arrivals: list[float] = field(factory=list, init=False)
    under_way: int = field(default=0, init=False)
    most_under_way: int = field(default=0, init=False)
    dead: set[int] = field(factory=set, init=False)  # processes that do nothing any more
    taken: list[float] = field(factory=list, init=False)
    refused: int = field(default=0, init=False)
    store: MemoryStore = field(
        init=False, default=Factory(lambda self: MemoryStore(clock=lambda: self.now + self.ahead), takes_self=True)
    )
    admissions: list[SharedAdmission] = field(factory=list, init=False)
    _events: list[tuple[float, int, Callable[[], None]]] = field(factory=list, init=False)
    _numbers: itertools.count[int] = field(factory=itertools.count, init=False)

    def __attrs_post_init__(self) -> None:
        for number in range(self.processes):
            names = SharedNames(account="acme:1", provider="acme", holder=f"p{number}")
            self.admissions.append(SharedAdmission(self.limits, names=names))

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Do something at an instant."""
        heapq.heappush(self._events, (when, next(self._numbers), do))

    def run(self, until: float = math.inf) -> None:
        """Let time pass until nothing is left to do."""
        while self._events and self._events[0][0] <= until:
            self.now, _, do = heapq.heappop(self._events)
            do()

    def call(
        self, process: int, at: float = 0.0, operation: str = "Make", then: Callable[[], None] | None = None
    ) -> None:
        """Let a process make a call."""
        self.at(at, lambda: _Call(self, process, operation, then).begin())

    def takes_more(self) -> bool:
        """Count a request as the service does; return whether it is taken."""
        self.arrivals.append(self.now)
        last = [] if self.capacity is None else self.taken[-self.capacity :]
        if last and len(last) == self.capacity and last[0] > self.now - 1.0:
            self.refused += 1
            return False
        self.taken.append(self.now)
        return True

    def local(self, process: int) -> float:
        """Return the time on the clock of a process."""
        return self.now + 1000.0 * (process + 1)


@define(eq=False)
class _Call:
    world: World
    process: int
    operation: str
    then: Callable[[], None] | None
    ticket: Ticket = field(init=False)
    _turn: int = field(default=0, init=False)
    _is_busy: bool = field(default=False, init=False)

    def begin(self) -> None:
        self.ticket = self._admission.enter(
            self.operation, "host", self.world.local(self.process), takes=self.world.longest
        )
        self._ask()

    @property
    def _admission(self) -> SharedAdmission:
        return self.world.admissions[self.process]

    def _wake(self) -> None:
        if not self._is_busy:
            self._again(self.world.now)

    def _again(self, when: float) -> None:
        self._turn += 1
        turn = self._turn
        self.world.at(when, lambda: self._ask() if turn == self._turn else None)

    def _ask(self) -> None:
        world, admission = self.world, self._admission
        if self.process in world.dead:
            return
        now = world.local(self.process)
        delay = admission.ask(self.ticket, now, self._wake)
        if delay == 0.0:
            self._turn += 1
            result: Result = "succeeded" if world.takes_more() else "throttled"
            world.under_way += 1
            world.most_under_way = max(world.most_under_way, world.under_way)
            world.at(world.now + world.takes, lambda: self._end(result))
            return
        question = admission.question(self.ticket, now)
        if question is not None:
            self._is_busy = True
            self._turn += 1
            self._put(question)
        elif delay < math.inf:
            self._again(world.now + delay + world.random.random() * world.late)

    def _put(self, question: Question) -> None:
        world, admission, asked = self.world, self._admission, self.world.local(self.process)
        world.questions += 1

        tells = admission.is_to_tell(question, asked)

        def reach() -> None:
            request = admission.request(question, asked, tells=tells)
            given = world.store.reserve(request, 1.0)
            world.at(world.now + world.trip / 2, lambda: arrive(request, given))

        def arrive(request: SlotRequest, given: GivenSlots) -> None:
            received = world.local(self.process)
            if not admission.answered(question, request, given, asked=asked, received=received):
                world.questions += 1
                world.at(world.now + world.trip / 2, reach)
                return
            if question.queue is not None:
                self._is_busy = False
                self._ask()
            self._give_back()

        world.at(world.now + world.trip / 2, reach)

    def _give_back(self) -> None:
        question = None if self.process in self.world.dead else self._admission.gives_back()
        if question is not None:
            self._put(question)

    def _end(self, result: Result) -> None:
        self.world.under_way -= 1
        if self.process in self.world.dead:
            return
        self._admission.leave(self.ticket, self.world.local(self.process), result)
        if self.then is not None:
            self.then()
        self._give_back()


def peak(instants: Sequence[float], window: float = 1.0) -> int:
    """Return the most of some instants that lie in one window."""
    times = sorted(instants)
    return max(bisect_left(times, each + window - 1e-9) - number for number, each in enumerate(times))
