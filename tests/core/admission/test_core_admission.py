"""Calls are admitted in turn, when there is room in all of their limits."""

from __future__ import annotations

import math

from admission_driver import Attempt, Driver

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate


def second(count: float) -> Rate:
    """Return so many in a second."""
    return Rate(count, 1.0)


def test_without_a_limit_every_call_is_admitted() -> None:
    """An operation that nothing is declared for waits for nothing."""
    driver = Driver(Admission(RateLimits(operations={"Delete": second(1)})))
    driver.make(*(Attempt() for _ in range(1000)))
    assert driver.now == 0.0


def test_calls_are_admitted_in_the_order_in_which_they_came() -> None:
    """Of calls that wait for one limit, the first goes first."""
    driver = Driver(Admission(RateLimits(operations={"Create": second(5)})))
    attempts = [Attempt(at=number / 100) for number in range(30)]
    driver.make(*attempts)
    assert driver.admitted == attempts


def test_retries_go_before_new_calls() -> None:
    """A retry that joins late goes before new calls that wait, and after retries that came before it."""
    driver = Driver(Admission(RateLimits(operations={"Create": second(2)})))
    new = [Attempt() for _ in range(8)]
    again = [Attempt(at=0.5, again=True), Attempt(at=0.6, again=True)]
    driver.make(*new, *again)
    assert driver.admitted == [*new[:2], *again, *new[2:]]


def test_a_call_takes_a_place_in_all_of_its_limits() -> None:
    """Two operations of 4/s each, at one host of 5/s: the host admits five in a second."""
    limits = RateLimits(per_host=second(5), operations={"Create": second(4), "Delete": second(4)})
    driver = Driver(Admission(limits))
    driver.make(*(Attempt(operation=name) for _ in range(15) for name in ("Create", "Delete")))
    times = [each.admitted for each in driver.admitted if each.admitted is not None]
    assert [sum(second <= time + 0.001 < second + 1 for time in times) for second in range(5)] == [5] * 5
    # In turn, because they came in turn.
    assert [each.operation for each in driver.admitted] == ["Create", "Delete"] * 15


def test_a_limit_of_the_account_holds_for_all_operations() -> None:
    """What is declared as default limits operations with a limit of their own as well, and those without."""
    driver = Driver(Admission(RateLimits(default=second(3), operations={"Create": second(2)})))
    driver.make(*(Attempt(operation=name) for _ in range(6) for name in ("Create", "Delete", "List")))
    times = sorted(each.admitted for each in driver.admitted if each.admitted is not None)
    assert max(sum(start <= time < start + 0.999 for time in times) for start in times) == 3
    assert driver.now < 6.1


def test_hosts_have_limits_of_their_own() -> None:
    """Two hosts take twice as much as one."""
    driver = Driver(Admission(RateLimits(per_host=second(10))))
    driver.make(*(Attempt(host=host) for _ in range(30) for host in ("a", "b")))
    assert driver.now < 3.1


def test_a_slow_operation_does_not_hold_up_another() -> None:
    """Calls of an operation of 1/s wait, and those of another go past them."""
    driver = Driver(Admission(RateLimits(operations={"Create": second(1), "List": second(100)})))
    slow = [Attempt() for _ in range(5)]
    quick = [Attempt(operation="List", at=0.1) for _ in range(100)]
    driver.make(*slow, *quick)
    assert max(each.admitted or 0.0 for each in quick) < 0.5


def test_no_more_attempts_are_under_way_than_may_be() -> None:
    """The end of one admits the next; the queue says what it waits for."""
    admission = Admission(RateLimits(concurrency=3))
    driver = Driver(admission)
    attempts = [Attempt(takes=1.0) for _ in range(10)]
    driver.make(*attempts)
    assert driver.most_under_way == 3
    assert driver.now == 4.0
    assert attempts[-1].ticket is not None
    assert attempts[-1].ticket.blocked_by == "concurrency"


def test_equal_processes_divide_what_may_be_under_way() -> None:
    """Each of three has a third of it, and one attempt at least."""
    driver = Driver(Admission(RateLimits(concurrency=7, share=3)))
    driver.make(*(Attempt(takes=1.0) for _ in range(4)))
    assert driver.most_under_way == 2
    driver = Driver(Admission(RateLimits(concurrency=2, share=3)))
    driver.make(*(Attempt(takes=1.0) for _ in range(4)))
    assert driver.most_under_way == 1


def test_who_gives_up_does_not_hold_up_who_waits() -> None:
    """The first of a queue leaves while it waits, and the next one takes its turn."""
    driver = Driver(Admission(RateLimits(operations={"Create": second(1)})))
    first, leaves, last = Attempt(), Attempt(gives_up=0.5), Attempt()
    driver.make(first, leaves, last)
    assert driver.admitted == [first, last]
    assert last.admitted is not None
    assert last.admitted < 1.1


def test_a_ticket_that_has_left_is_left_alone() -> None:
    """To leave twice is to leave once."""
    admission = Admission(RateLimits(concurrency=1))
    ticket = admission.enter("Create", "", 0.0)
    assert admission.ask(ticket, 0.0) == 0.0
    assert admission.ask(ticket, 0.0) == 0.0
    admission.leave(ticket, 1.0, "succeeded")
    admission.leave(ticket, 1.0, "cancelled")
    assert admission.under_way == 0


def test_only_the_first_of_a_queue_is_told_when_to_ask() -> None:
    """Those behind it are woken when it is their turn: a queue of any length has one timer."""
    admission = Admission(RateLimits(operations={"Create": second(1)}))
    tickets = [admission.enter("Create", "", 0.0) for _ in range(3)]
    assert [admission.ask(ticket, 0.0) for ticket in tickets] == [0.0, 1.0, math.inf]


def test_the_last_of_a_long_queue_knows_how_long_it_waits_at_least() -> None:
    """A call that cannot be in time is told at once."""
    admission = Admission(RateLimits(operations={"Create": second(10)}))
    for _ in range(100):
        admission.enter("Create", "", 0.0)
    ticket = admission.enter("Create", "", 0.0)
    assert admission.not_before(ticket, 5.0) == 15.0
    assert admission.not_before(admission.enter("Create", "", 5.0, again=True), 5.0) == 5.0


def test_a_long_queue_is_never_gone_through() -> None:
    """Each of 25,000 calls asks a few times, and the rest of the queue is not looked at: it takes a second."""
    driver = Driver(Admission(RateLimits(operations={"Create": second(500)}, per_host=second(500))))
    driver.make(*(Attempt() for _ in range(25_000)))
    assert driver.asked < 4 * 25_000


def test_a_clock_that_begins_anew_holds_nobody_up() -> None:
    """Each run of an event loop may have a clock of its own, and what was sent under another one still counts."""
    admission = Admission(RateLimits(operations={"Create": second(1)}))
    for start in (5000.0, 3.0, 70.0):
        first, second_one = admission.enter("Create", "", start), admission.enter("Create", "", start)
        now = start
        while (delay := admission.ask(first, now)) > 0:
            assert delay < 1.2
            now += delay
        admission.leave(first, now, "succeeded")
        assert 0.9 < admission.ask(second_one, now) < 1.2
        admission.leave(second_one, now)


def test_hosts_that_are_not_called_any_more_are_forgotten() -> None:
    """A program that calls a host after the other does not fill the memory."""
    admission = Admission(RateLimits(per_host=second(5)))
    for number in range(2000):
        ticket = admission.enter("Create", f"host-{number}", number / 100)
        assert admission.ask(ticket, number / 100) == 0.0
        admission.leave(ticket, number / 100, "succeeded")
    assert len(admission._queues) < 400
    assert len(admission._hosts) < 400
