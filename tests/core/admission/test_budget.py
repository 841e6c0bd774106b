"""Retry budgets: what retries cost, what successes give back, and how much an outage is amplified."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.admission.budget import RetryBudget, TokenBudget, budget_of
from resilience.core.admission.limits import BudgetLimits

STEPS = st.lists(st.tuples(st.sampled_from(["begin", "retry", "success"]), st.floats(0.0, 4.0)), max_size=200)


def withdrawn(budget: RetryBudget, now: float, most: int = 10_000) -> int:
    """Make retries until one is refused; return how many were made."""
    return next(number for number in range(most) if not budget.withdraw(now))


def test_the_default_is_that_of_the_sdks() -> None:
    """500 tokens, 5 for a retry, 1 back for a success: 100 retries, and then one for five successes."""
    budget = budget_of(BudgetLimits())
    assert budget.retries_left(0.0) == 100
    assert withdrawn(budget, 0.0) == 100
    for _ in range(4):
        budget.deposit()
    assert not budget.withdraw(1e9)
    budget.deposit()
    assert budget.withdraw(0.0)
    assert budget.retries_left(0.0) == 0


def test_a_budget_is_never_more_than_full() -> None:
    """Successes before an outage do not pay for more retries in it."""
    budget = budget_of(BudgetLimits(capacity=10, cost=5, deposit=1))
    for _ in range(1000):
        budget.deposit()
    assert withdrawn(budget, 0.0) == 2


def test_a_refusal_takes_nothing() -> None:
    """A retry that cannot be paid for leaves the tokens that are there."""
    budget = budget_of(BudgetLimits(capacity=7, cost=5, deposit=1))
    assert budget.withdraw(0.0)
    assert not any(budget.withdraw(0.0) for _ in range(100))
    assert isinstance(budget, TokenBudget)
    assert budget.tokens == pytest.approx(2)


def test_costs_may_be_fractions() -> None:
    """Ten retries of 0.1 are 1, whatever the rounding."""
    budget = budget_of(BudgetLimits(capacity=1, cost=0.1, deposit=0.01))
    assert withdrawn(budget, 0.0) == 10
    for _ in range(10):
        budget.deposit()
    assert withdrawn(budget, 0.0) == 1


def test_a_ratio_allows_a_share_of_the_calls_and_always_a_few() -> None:
    """Whatever the number of calls there are 3 retries; of 100 calls in the window, 20."""
    budget = budget_of(BudgetLimits(ratio=0.2, floor=3, window=10.0))
    assert withdrawn(budget, 0.0) == 3
    for _ in range(100):
        budget.begin(20.0)
    assert budget.retries_left(20.0) == 20
    assert withdrawn(budget, 20.0) == 20
    assert budget.retries_left(40.0) == 3


def test_when_it_is_worth_asking_again() -> None:
    """A window tells when it forgets a retry; tokens come with successes only, which no one can foresee."""
    window = budget_of(BudgetLimits(ratio=0.0, floor=2, window=10.0))
    assert window.more_in(0.0) == 0
    assert withdrawn(window, 3.0) == 2
    more_in = window.more_in(4.0)
    assert more_in is not None
    assert 9.0 <= more_in <= 9.5 + 1e-9
    assert window.retries_left(4.0 + more_in - 0.01) == 0
    assert window.retries_left(4.0 + more_in + 0.01) == 2

    never = budget_of(BudgetLimits(ratio=0.5, floor=0))
    assert (never.withdraw(0.0), never.more_in(0.0)) == (False, None)

    tokens = budget_of(BudgetLimits(capacity=5, cost=5))
    assert tokens.more_in(0.0) == 0
    assert tokens.withdraw(0.0)
    assert tokens.more_in(0.0) is None


@given(STEPS, st.integers(0, 4), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_any_window_has_at_most_its_share(steps: Sequence[tuple[str, float]], floor: int, ratio: float) -> None:
    """In any window there are no more retries than the floor, or the ratio times the calls of little more than it."""
    length = 10.0
    budget = budget_of(BudgetLimits(ratio=ratio, floor=floor, window=length))
    now, calls, retries = 0.0, list[float](), list[float]()
    for step, pause in steps:
        now += pause
        if step == "begin":
            budget.begin(now)
            calls.append(now)
        elif step == "success":
            budget.deposit()
        elif budget.withdraw(now):
            retries.append(now)
            recent = sum(at > now - length for at in retries)
            begun = sum(at > now - length * 1.05 - 1e-9 for at in calls)
            assert recent <= max(floor, ratio * begun + 1e-6)


@given(STEPS, st.sampled_from([5.0, 20.0, 500.0]), st.sampled_from([0.0, 1.0, 5.0]))
def test_tokens_pay_for_every_retry(steps: Sequence[tuple[str, float]], capacity: float, deposit: float) -> None:
    """Retries cost no more than the capacity and what successes gave; a refusal means that too little is left."""
    budget = budget_of(BudgetLimits(capacity=capacity, cost=5.0, deposit=deposit))
    tokens = capacity
    for step, _ in steps:
        if step == "success":
            budget.deposit()
            tokens = min(tokens + deposit, capacity)
        elif step == "retry":
            assert budget.withdraw(0.0) is (tokens >= 5.0)
            tokens -= 5.0 * (tokens >= 5.0)
        assert budget.retries_left(0.0) == tokens // 5.0


@pytest.mark.parametrize("limits", [BudgetLimits(), BudgetLimits(ratio=0.2, floor=3)], ids=["tokens", "ratio"])
@pytest.mark.parametrize("calls", [1, 100, 5000])
def test_an_outage_is_not_amplified(limits: BudgetLimits, calls: int) -> None:
    """While every attempt fails, calls that would each be tried five times lead to few more attempts than calls."""
    budget = budget_of(limits)
    attempts = 0
    for number in range(calls):
        now = number * 0.01
        budget.begin(now)
        attempts += 1 + sum(budget.withdraw(now) for _ in range(4))
    windows = calls * 0.01 / limits.window + 1
    allowed = limits.capacity / limits.cost if limits.ratio is None else limits.ratio * calls + limits.floor * windows
    assert attempts <= calls + allowed


def test_a_clock_that_steps_back_does_no_harm() -> None:
    """A window that was used up forgets after its length, and not when the clock has caught up with itself."""
    budget = budget_of(BudgetLimits(ratio=0.0, floor=1, window=10.0))
    assert budget.withdraw(1e9)
    assert not budget.withdraw(5.0)
    assert not budget.withdraw(14.0)
    assert budget.withdraw(16.0)


def test_threads_do_not_overdraw() -> None:
    """Many threads at once get as many retries as there are."""
    budget = budget_of(BudgetLimits(capacity=2000, cost=1, deposit=0), threading.Lock())
    counts = list[int]()

    def retry() -> None:
        counts.append(withdrawn(budget, 0.0))

    threads = [threading.Thread(target=retry) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 2000
