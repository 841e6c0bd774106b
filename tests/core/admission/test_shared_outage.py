"""Breakers and budgets that several processes share: one state, whoever changes it, and no change is lost."""

from __future__ import annotations

import itertools

import pytest
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.core.admission.breaker import Breaker, BreakerPass, BreakerRefusal
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.core.admission.result import Result
from resilience.core.admission.shared.shared_breaker import SharedBreaker
from resilience.core.admission.shared.shared_budget import SharedBudget
from resilience.state.store.memory import MemoryStore

LIMITS = BreakerLimits(failure_rate=0.5, window=30.0, min_calls=4, open_for=20.0, probes=2)


@define
class Processes:
    """Some processes with one store, each with a clock of its own."""

    limits: BreakerLimits = LIMITS
    count: int = 2
    now: float = field(default=0.0, init=False)
    store: MemoryStore = field(init=False)
    breakers: list[SharedBreaker] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # A window is twenty slices long; they begin at the same moments as those of a breaker of one process.
        self.store = MemoryStore(clock=lambda: self.now + 1.5e9)
        self.breakers = [SharedBreaker(self.limits, lease=60.0, key="b") for _ in range(self.count)]

    def local(self, process: int) -> float:
        return self.now + 500.0 * process

    def enter(self, process: int) -> BreakerPass | BreakerRefusal:
        breaker, now = self.breakers[process], self.local(process)
        is_due = breaker.is_due(now)
        while is_due:
            proposal, entered = breaker.propose(now)
            if breaker.learn(proposal, self.store.exchange(proposal, 1.0), asked=now, received=now):
                return entered
        return breaker.enter(self.local(process))

    def leave(self, process: int, held: BreakerPass | BreakerRefusal, result: Result) -> None:
        assert isinstance(held, BreakerPass)
        self.breakers[process].leave(held, result, self.local(process))

    def make(self, process: int, result: Result) -> None:
        self.leave(process, self.enter(process), result)

    def opened(self) -> None:
        """Let failures of both processes open the breaker."""
        for process in (0, 1, 0, 1):
            self.make(process, "failed")
        for process in (0, 1, 0):
            self.now += 1.0
            self.enter(process)
        assert [each.state for each in self.breakers] == ["open", "open"]


def test_failures_of_two_processes_open_the_breaker_of_both() -> None:
    """Each alone has too few results; together they are enough, and each process tells of it once."""
    both = Processes()
    both.opened()
    assert isinstance(both.enter(0), BreakerRefusal)
    assert isinstance(both.enter(1), BreakerRefusal)
    for breaker in both.breakers:
        (change,) = breaker.take_changes()
        assert (change.old, change.new) == ("closed", "open")


def test_successes_of_another_process_count_too() -> None:
    """The failures of one process do not open a breaker where the others succeed."""
    both = Processes()
    for _ in range(10):
        both.make(1, "succeeded")
    both.now += 1.5
    both.enter(1)
    for _ in range(5):
        both.make(0, "failed")
        both.now += 0.2
    both.enter(0)
    assert both.breakers[0].state == "closed"


def test_a_half_open_breaker_has_so_many_probes_in_all_processes_together() -> None:
    """Two probes pass, whichever process they are of, and their successes close the breaker for both."""
    both = Processes()
    both.opened()
    both.now += 21.0
    held = [both.enter(0), both.enter(1)]
    assert all(isinstance(each, BreakerPass) and each.probe for each in held)
    assert isinstance(both.enter(0), BreakerRefusal)
    assert isinstance(both.enter(1), BreakerRefusal)
    both.leave(0, held[0], "succeeded")
    both.leave(1, held[1], "succeeded")
    both.enter(0)
    both.enter(1)
    assert isinstance(both.enter(0), BreakerPass)
    assert [each.state for each in both.breakers] == ["closed", "closed"]


def test_a_probe_that_fails_opens_it_for_all() -> None:
    """The other process learns of it before it makes a probe of its own."""
    both = Processes()
    both.opened()
    both.now += 21.0
    both.make(0, "failed")
    both.now += 0.11
    both.enter(0)
    assert isinstance(both.enter(1), BreakerRefusal)
    assert both.breakers[1].state == "open"


def test_the_place_of_a_process_that_died_comes_back() -> None:
    """A probe whose process is gone holds its place until its lease ends."""
    both = Processes(BreakerLimits(failure_rate=0.5, window=30.0, min_calls=4, open_for=20.0, probes=1))
    both.opened()
    both.now += 21.0
    assert isinstance(both.enter(0), BreakerPass)
    assert isinstance(both.enter(1), BreakerRefusal)
    both.now += 60.0
    assert isinstance(both.enter(1), BreakerPass)


def test_a_closed_breaker_asks_seldom() -> None:
    """While calls succeed, the store is asked once in a second, and after a failure within a tenth."""
    both = Processes()
    breaker, asked = both.breakers[0], 0
    for _ in range(1000):
        asked += breaker.is_due(both.local(0))
        both.make(0, "succeeded")
        both.now += 0.01
    assert asked <= 11
    both.enter(0)
    both.now += 0.2
    both.make(0, "failed")
    both.now += 0.11
    assert breaker.is_due(both.local(0))


@frozen
class Step:
    """What one process does: it makes a call with a result, after some time."""

    process: int
    result: Result
    after: float


steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from(["succeeded", "failed", "ignored", "throttled", "cancelled"]),
    st.sampled_from([0.0, 0.07, 0.53, 1.61, 25.3]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=60), st.sampled_from([LIMITS, BreakerLimits(window=None, window_calls=6, min_calls=3)]))
def test_processes_that_tell_at_once_are_like_one(made: list[Step], limits: BreakerLimits) -> None:
    """Three processes that ask the store before and after each call do what one process with one breaker would do."""
    one = Breaker(limits, lease=60.0)
    one.counts(0.0)
    three = Processes(limits, 3)
    for step in made:
        three.now += step.after
        held = one.enter(three.now)
        for process in range(3):
            three.breakers[process].replica.asked_at = None
        theirs = three.enter(step.process)
        assert isinstance(held, BreakerPass) == isinstance(theirs, BreakerPass)
        if isinstance(held, BreakerPass):
            one.leave(held, step.result, three.now)
            three.leave(step.process, theirs, step.result)
            three.breakers[step.process].replica.asked_at = None
            breaker = three.breakers[step.process]
            for _ in range(2):  # the second finds nothing to change
                proposal = breaker.replica.propose()
                now = three.local(step.process)
                breaker.learn(proposal, three.store.exchange(proposal, 1.0), asked=now, received=now)
        assert three.breakers[step.process].state == one.state


def test_no_result_is_lost_where_processes_meet() -> None:
    """A process whose proposal comes too late makes it anew on what the other has told."""
    both = Processes(BreakerLimits(failure_rate=1.0, window=30.0, min_calls=6, open_for=20.0))
    for process in (0, 1):
        held = both.enter(process)
        for _ in range(3):
            both.leave(process, held, "failed")
    first, second = both.breakers
    proposals = [first.propose(0.0)[0], second.propose(500.0)[0]]
    assert first.learn(proposals[0], both.store.exchange(proposals[0], 1.0), asked=0.0, received=0.0)
    assert not second.learn(proposals[1], both.store.exchange(proposals[1], 1.0), asked=500.0, received=500.0)
    assert second.state == "open"


@define
class Budgets:
    """Two processes with one budget."""

    limits: BudgetLimits
    now: float = field(default=0.0, init=False)
    store: MemoryStore = field(init=False)
    both: list[SharedBudget] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = MemoryStore(clock=lambda: self.now + 1.7e9)
        self.both = [SharedBudget(self.limits, "x") for _ in range(2)]

    def ask(self, process: int) -> None:
        budget = self.both[process]
        for _ in range(3):
            proposal, _ = budget.propose(self.now)
            if budget.learn(proposal, self.store.exchange(proposal, 1.0), asked=self.now, received=self.now):
                return
        raise AssertionError("the store takes nothing")


@pytest.mark.parametrize(
    "limits", [BudgetLimits(capacity=20, cost=5), BudgetLimits(ratio=0.1, floor=4)], ids=["tokens", "ratio"]
)
def test_two_processes_make_so_many_retries_as_one_may(limits: BudgetLimits) -> None:
    """What both pay for at the same moment is refused to one of them before it is made."""
    budgets = Budgets(limits)
    made = 0
    for process in (0, 1):
        budgets.ask(process)
    for _, process in itertools.product(range(4), (0, 1)):
        if budgets.both[process].withdraw(budgets.now):
            assert budgets.both[process].is_due(budgets.now)
            if process == 1:
                budgets.ask(0)
            budgets.ask(process)
            made += not budgets.both[process].take_unpaid()
            made -= process == 1 and budgets.both[0].take_unpaid()
    assert made == 4
    assert [each.retries_left(0.0) for each in budgets.both] == [0, 0]


def test_successes_of_one_process_pay_for_retries_of_the_other() -> None:
    """Tokens come back to all of them, and a budget that is full tells the store nothing."""
    budgets = Budgets(BudgetLimits(capacity=10, cost=5, deposit=1))
    budgets.ask(0)
    budgets.both[0].deposit()
    assert not budgets.both[0].replica.is_changed
    for _ in range(2):
        assert budgets.both[0].withdraw(0.0)
    budgets.ask(0)
    budgets.ask(1)
    assert budgets.both[1].retries_left(0.0) == 0
    for _ in range(5):
        budgets.both[1].deposit()
    budgets.ask(1)
    budgets.ask(0)
    assert budgets.both[0].retries_left(0.0) == 1


def by_hand(processes: Processes, process: int, what: str) -> None:
    """Do something by hand in a process, and tell the store."""
    breaker = processes.breakers[process]
    getattr(breaker, what)()
    while True:
        proposal = breaker.propose_by_hand()
        if breaker.learn_by_hand(proposal, processes.store.exchange(proposal, 1.0)):
            return


def test_what_is_done_by_hand_holds_in_all_processes() -> None:
    """A breaker that is held open refuses everywhere, whatever time passes, until it is reset anywhere."""
    processes = Processes()
    for process in (0, 1):
        processes.make(process, "succeeded")
    by_hand(processes, 0, "open")
    processes.now += 1.0
    assert isinstance(processes.enter(1), BreakerRefusal)
    (change,) = processes.breakers[1].take_changes()
    assert (change.old, change.new, change.by_hand) == ("closed", "open", True)
    processes.now += 86_400.0
    for process in (0, 1):
        assert isinstance(processes.enter(process), BreakerRefusal)
    by_hand(processes, 1, "reset")
    processes.now += 1.0
    processes.make(0, "succeeded")
    (change,) = processes.breakers[0].take_changes()[1:]
    assert (change.old, change.new, change.by_hand) == ("open", "closed", True)
    by_hand(processes, 1, "close")
    processes.now += 1.0
    for _ in range(10):
        processes.make(0, "failed")
    assert [each.state for each in processes.breakers] == ["closed", "closed"]
    assert all(each.by_hand for each in processes.breakers)


def test_what_is_done_by_hand_ends_an_open_time_for_all() -> None:
    """A person who knows that the service is back need not wait for any process."""
    processes = Processes()
    processes.opened()
    by_hand(processes, 1, "reset")
    processes.now += 1.0
    processes.make(0, "succeeded")
    assert [each.state for each in processes.breakers] == ["closed", "closed"]


def test_what_was_done_by_hand_without_the_store_is_told_with_the_next_attempt() -> None:
    """The process goes by it at once, and the others when the store has learned it."""
    processes = Processes()
    for process in (0, 1):
        processes.make(process, "succeeded")
    processes.breakers[0].open()
    assert isinstance(processes.enter(0), BreakerRefusal)
    processes.now += 1.0
    assert isinstance(processes.enter(1), BreakerRefusal)
