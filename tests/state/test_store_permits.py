"""Permits for attempts under way, which every store gives alike; and their turns, on a clock of the test."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.redis import RedisServer

from resilience.core.admission.shared.permits import REVIEW, GivenPermits, PermitRequest
from resilience.core.admission.shared.reservation import SharedLimit, SlotRequest
from resilience.state.redis_client import RedisClient
from resilience.state.store import Store
from resilience.state.store.memory import MemoryStore
from resilience.state.store.opening import open_store
from resilience.state.store.permits import HEARD, POLL, TURN

pytest_plugins = ("store_fixtures",)
Another = Callable[[], Store]


def ask(
    store: Store, holder: str, wanted: int, *, held: int = 0, count: int = 4, lasts: float = 60.0, key: str = "p"
) -> GivenPermits:
    permits = PermitRequest(key=f"resilience:{key}", count=count, holder=holder, held=held, wanted=wanted, lasts=lasts)
    given = store.reserve(SlotRequest(permits=permits), 5.0).permits
    assert given is not None
    return given


def test_all_processes_together_hold_what_the_limit_says(another: Another) -> None:
    """The second process gets what is left, and learns that more is to come; the first learns what to give back."""
    one, other = another(), another()
    assert ask(one, "a", 9) == GivenPermits(granted=4, target=4, spare=0)
    assert ask(other, "b", 9) == GivenPermits(granted=0, target=2, spare=0, again=POLL)
    assert ask(one, "a", 9, held=4) == GivenPermits(granted=4, target=2, spare=0, again=POLL)
    assert ask(one, "a", 9, held=3) == GivenPermits(granted=3, target=2, spare=1, again=POLL)
    assert ask(other, "b", 9) == GivenPermits(granted=1, target=2, spare=0, again=POLL)
    assert ask(one, "a", 9, held=2) == GivenPermits(granted=2, target=2, spare=1, again=REVIEW)
    assert ask(other, "b", 9, held=1) == GivenPermits(granted=2, target=2, spare=0, again=REVIEW)


def test_who_wants_little_leaves_the_rest_to_others(store: Store) -> None:
    """A process that could use one permit keeps one, and the other has three of four."""
    assert ask(store, "a", 1) == GivenPermits(granted=1, target=1, spare=3)
    assert ask(store, "b", 9) == GivenPermits(granted=3, target=3, spare=0, again=REVIEW)
    assert ask(store, "a", 0) == GivenPermits(granted=0, target=0, spare=1)
    assert ask(store, "b", 9, held=3) == GivenPermits(granted=4, target=4, spare=0)


def test_permits_of_a_process_that_died_come_back(store: Store) -> None:
    """When its lease is over others get them, and what is asked of a lease that still runs does not shorten it."""
    assert ask(store, "a", 4, lasts=0.3).granted == 4
    assert ask(store, "a", 4, held=4, lasts=0.1).granted == 4
    time.sleep(0.15)
    assert ask(store, "b", 1, lasts=0.3).granted == 0
    time.sleep(0.25)
    assert ask(store, "b", 1).granted == 1


def test_who_has_no_permit_gets_no_slot(store: Store) -> None:
    """A slot would be lost to the processes that can use it."""
    limit = SharedLimit("resilience:ten", 10, 1.0)

    def both(holder: str) -> int:
        permits = PermitRequest(key="resilience:p", count=1, holder=holder, held=0, wanted=1, lasts=60.0)
        request = SlotRequest(limits=(limit,), name=holder, wanted=3, within=2.0, permits=permits)
        return len(store.reserve(request, 5.0).slots)

    assert both("a") == 3
    assert both("b") == 0


def test_a_process_that_lost_its_lease_is_told_the_truth(store: Store) -> None:
    """An attempt of it may still be under way; what it goes on holding counts, and nothing more is given."""
    assert ask(store, "a", 1, count=1, lasts=0.05).granted == 1
    time.sleep(0.1)
    assert ask(store, "b", 1, count=1).granted == 1
    assert ask(store, "a", 1, held=1, count=1).granted == 1
    assert ask(store, "b", 0, count=1).granted == 0
    assert ask(store, "c", 1, count=1).granted == 0
    assert ask(store, "a", 0, count=1).granted == 0
    assert ask(store, "c", 1, count=1).granted == 1


def test_threads_never_hold_too_many(another: Another) -> None:
    """Whoever asks at the same time: at no time are there more than the limit says."""
    stores = [another(), another()]
    lock, under_way, most, turns = threading.Lock(), 0, 0, 0

    def some(number: int) -> None:
        nonlocal under_way, most, turns
        store, name = stores[number % 2], f"p{number}"
        for _ in range(5):
            while not ask(store, name, 1, count=2).usable:
                time.sleep(0.002)
            with lock:
                under_way += 1
                most, turns = max(most, under_way), turns + 1
            time.sleep(0.003)
            with lock:
                under_way -= 1
            ask(store, name, 0, count=2)

    threads = [threading.Thread(target=some, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    assert turns == 30


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_a_server_gives_what_a_file_gives(count: int, server: RedisServer) -> None:
    """The script on the server has the same arithmetic as the code for a file and for memory."""
    RedisClient(server.url).ask(lambda client: client.flushall(), 5.0)
    chance, redis, memory = random.Random(count), open_store(server.url), MemoryStore()  # noqa: S311  # no secret
    held = dict.fromkeys("abcde", 0)
    for _ in range(200):
        name = chance.choice("abcde")
        keeps = chance.randint(0, held[name])
        wanted = chance.choice([0, 1, 2, count, 2 * count]) if keeps == 0 else keeps + chance.randint(0, count)
        answers = [ask(store, name, wanted, held=keeps, count=count) for store in (redis, memory)]
        first, second = ((each.granted, each.target, each.spare) for each in answers)
        assert first == second
        assert answers[0].again == (None if answers[1].again is None else pytest.approx(answers[1].again))
        assert answers[0].review == pytest.approx(answers[1].review, abs=0.5)
        held[name] = answers[0].granted
    redis.close()


def test_processes_take_turns_where_there_are_fewer_permits() -> None:
    """Each of three has the one permit for a turn, in the order in which they came."""
    now = 1000.0
    store = MemoryStore(clock=lambda: now)
    served: list[str] = []
    usable = dict.fromkeys("abc", 0)
    for step in range(900):
        now += 0.01
        for name in "abc":
            # Its attempt takes every second step; between two attempts it can give the permit back.
            before, usable[name] = usable[name], ask(store, name, 5, held=usable[name] * (step % 2), count=1).usable
            if usable[name] > before:
                served.append(name)
    assert "".join(served[:6]) == "abcabc"
    assert 7 <= len(served) <= 9.0 / TURN + 1


def test_who_waits_further_back_asks_less_often() -> None:
    """The next process asks soon, and the others later, so that many that wait are not many questions."""
    store = MemoryStore(clock=lambda: 1000.0)
    assert ask(store, "a", 1, count=1).usable == 1
    assert [ask(store, f"b{number:02}", 1, count=1).again for number in range(30)] == pytest.approx(
        [min(POLL * (1 + number), REVIEW) for number in range(30)]
    )


def test_who_waits_and_is_not_heard_of_any_more_holds_up_no_one() -> None:
    """A process that died while it waited counts for a short time."""
    now = 1000.0
    store = MemoryStore(clock=lambda: now)
    ask(store, "a", 1, count=1)
    assert ask(store, "dead", 1, count=1).granted == 0
    now += 0.1
    assert ask(store, "c", 1, count=1).granted == 0
    ask(store, "a", 0, count=1)
    assert ask(store, "c", 1, count=1).granted == 0
    now += HEARD
    assert ask(store, "c", 1, count=1).granted == 1


def test_a_clock_that_is_set_back_gives_no_one_a_lease_for_ever() -> None:
    """What was noted by the earlier clock is moved with it."""
    now = 10_000.0
    store = MemoryStore(clock=lambda: now)
    assert ask(store, "a", 1, count=1, lasts=10.0).granted == 1
    now = 1000.0
    assert ask(store, "b", 1, count=1).granted == 0
    now += 10.1
    assert ask(store, "b", 1, count=1).granted == 1


_STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.floats(0, 1), st.floats(0, 3)), min_size=1, max_size=60
)


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 5), steps=_STEPS)
def test_no_sequence_of_questions_gives_too_many(count: int, steps: list[tuple[str, int, float, float]]) -> None:
    """While leases run, all permits together are at most the limit; and a process alone gets all that it wants."""
    now = 1000.0
    store = MemoryStore(clock=lambda: now)
    granted: dict[str, int] = {}
    for name, wanted, part, delay in steps:
        held = int(granted.get(name, 0) * part)
        given = ask(store, name, wanted, held=held, count=count, lasts=1e6)
        granted[name] = given.granted
        assert sum(granted.values()) <= count
        assert given.granted >= held
        now += delay
    for name in "bcd":
        ask(store, name, 0, count=count)
    assert ask(store, "a", count, held=granted.get("a", 0), count=count).usable == count
