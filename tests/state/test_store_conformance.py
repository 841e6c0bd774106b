"""What every store does alike, whether it is in memory, in a file or on a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from attrs import evolve

from resilience.core.admission.shared.kept_value import Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.state.store import Store

pytest_plugins = ("store_fixtures",)
TEN = SharedLimit("ten", 10, 1.0)
ONE = SharedLimit("one", 1, 0.5)

Another = Callable[[], Store]
"""Opens the same store once more, as another process does."""


def ask(store: Store, name: str, wanted: int = 1, *limits: SharedLimit, within: float = 2.0) -> GivenSlots:
    request = SlotRequest(limits=limits or (TEN,), name=name, wanted=wanted, after=0.0, within=within)
    return store.reserve(request, 5.0)


def test_the_places_of_a_window_are_given_out_once(another: Another) -> None:
    """Two processes get ten slots of a window together, and the eleventh is a window after the first."""
    first, second = ask(another(), "a", 6), ask(another(), "b", 6)
    slots = [*first.slots, *second.slots]
    assert len(slots) == 12
    assert slots == sorted(slots)
    for early, late in zip(slots, slots[10:], strict=False):
        assert late >= early + TEN.held - 1e-6


def test_slots_follow_each_other_evenly(store: Store) -> None:
    """Slots that are behind their pace come twice as quickly, and the others one gap after the other."""
    slots = ask(store, "a", 8).slots
    gaps = [late - early for early, late in pairwise(slots)]
    assert gaps == pytest.approx([TEN.gap / 2] * 2 + [TEN.gap] * 5, abs=1e-5)


def test_a_slot_that_is_too_late_is_not_given_out(store: Store) -> None:
    """What is further ahead than asked for is only told, so that the process can ask again in time."""
    given = ask(store, "a", 20, within=0.5)
    assert 0 < len(given.slots) < 10
    assert given.next is not None
    assert given.next > given.now + 0.5
    assert all(at <= given.now + 0.5 for at in given.slots)


def test_a_slot_is_a_place_in_all_limits(store: Store) -> None:
    """The narrowest limit decides, and what it keeps back takes no place in the others."""
    given = ask(store, "a", 5, TEN, ONE, within=0.6)
    assert [late - early for early, late in pairwise(given.slots)] == pytest.approx([ONE.held], abs=1e-5)
    rest = ask(store, "b", 10).slots
    assert len([at for at in rest if at < given.now + 1.0]) == 8


def test_a_limit_of_another_name_is_another_limit(store: Store) -> None:
    """What one account has used is nothing to another."""
    ask(store, "a", 10)
    given = ask(store, "b", 1, evolve(TEN, key="other"))
    assert given.slots == pytest.approx([given.now])


def test_what_was_not_used_is_given_out_again(store: Store) -> None:
    """A slot that is given back makes room."""
    ask(store, "a", 10)
    request = SlotRequest(
        limits=(TEN,), name="b", wanted=3, after=0.0, within=2.0, unused=("a:7", "a:8", "a:9", "unknown")
    )
    given = store.reserve(request, 5.0)
    assert max(given.slots) < given.now + 1.0 + 3 * TEN.gap


def test_a_late_request_holds_its_place_for_longer(store: Store) -> None:
    """The place of a request that was sent late is free a window later than that."""
    first = ask(store, "a", 1, ONE)
    late = first.slots[0] + 0.2
    request = SlotRequest(limits=(ONE,), name="b", wanted=1, after=0.0, within=2.0, late={"a:0": late, "unknown": late})
    assert store.reserve(request, 5.0).slots[0] == pytest.approx(late + ONE.held, abs=1e-5)


def test_an_answer_that_takes_its_time_brings_slots_that_come_after_it(store: Store) -> None:
    """No slot is earlier than the process can know of it."""
    request = SlotRequest(limits=(TEN,), name="a", wanted=3, after=0.3, within=2.0)
    given = store.reserve(request, 5.0)
    assert min(given.slots) >= given.now + 0.3 - 1e-6


def test_threads_share_a_store(another: Another) -> None:
    """Any thread may ask at any time, and no place is given out twice."""
    stores = [another(), another()]
    slots: list[float] = []

    def some(number: int) -> None:
        for each in range(5):
            slots.extend(ask(stores[number % 2], f"{number}-{each}", 2, within=100.0).slots)

    threads = [threading.Thread(target=some, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slots.sort()
    assert len(slots) == 80
    assert all(late >= early + TEN.held - 1e-5 for early, late in zip(slots, slots[10:], strict=False))


def test_a_value_is_exchanged_only_for_the_one_that_is_known(another: Another) -> None:
    """Of two processes that change a value, the second learns what the first has made of it."""
    first, second = another(), another()
    nothing = first.exchange(Proposal("resilience:v", "", "", 60.0), 5.0)
    assert (nothing.version, nothing.value, nothing.is_changed) == ("", "", False)
    made = first.exchange(Proposal("resilience:v", "", "one", 60.0), 5.0)
    assert (made.value, made.is_changed) == ("one", True)
    late = second.exchange(Proposal("resilience:v", "", "two", 60.0), 5.0)
    assert (late.version, late.value, late.is_changed) == (made.version, "one", False)
    again = second.exchange(Proposal("resilience:v", late.version, "two", 60.0), 5.0)
    assert (again.value, again.is_changed) == ("two", True)
    assert again.version != made.version
    assert not first.exchange(Proposal("resilience:v", made.version, "three", 60.0), 5.0).is_changed


def test_a_value_is_forgotten_after_its_time(store: Store) -> None:
    """What nobody changes any more is gone, and is made anew."""
    made = store.exchange(Proposal("resilience:v", "", "one", 0.05), 5.0)
    time.sleep(0.1)
    assert store.exchange(Proposal("resilience:v", made.version, "two", 60.0), 5.0).version == ""
    assert store.exchange(Proposal("resilience:v", "", "two", 60.0), 5.0).is_changed


def test_threads_that_count_together_lose_nothing(another: Another) -> None:
    """Each change is made on the value that was there before."""
    stores = [another(), another()]

    def some(number: int) -> None:
        store, version, value = stores[number % 2], "", "0"
        for _ in range(5):
            while True:
                kept = store.exchange(Proposal("resilience:n", version, str(int(value or "0") + 1), 60.0), 5.0)
                version, value = kept.version, kept.value
                if kept.is_changed:
                    break

    threads = [threading.Thread(target=some, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].exchange(Proposal("resilience:n", "", "", 60.0), 5.0).value == "30"


def test_a_value_and_slots_come_with_one_question(store: Store) -> None:
    """Where the value can be changed there are slots as well, and where it has changed meanwhile there are none."""
    proposal = Proposal("resilience:v", "", "one", 60.0)
    request = SlotRequest(limits=(TEN,), name="a", wanted=2, within=2.0, proposal=proposal)
    given = store.reserve(request, 5.0)
    assert given.kept is not None
    assert (given.kept.value, given.kept.is_changed, len(given.slots)) == ("one", True, 2)
    late = store.reserve(evolve(request, name="b"), 5.0)
    assert late.kept is not None
    assert (late.kept.version, late.kept.value, late.kept.is_changed) == (given.kept.version, "one", False)
    assert (late.slots, late.next) == ((), None)
    looked = store.reserve(evolve(request, name="c", proposal=evolve(proposal, value="")), 5.0)
    assert looked.kept == evolve(late.kept, now=looked.now)
    assert len(looked.slots) == 2
    known = evolve(proposal, version=given.kept.version, value="")
    assert len(store.reserve(evolve(request, name="d", proposal=known), 5.0).slots) == 2
    assert store.reserve(evolve(request, name="e", proposal=evolve(known, version="1")), 5.0).slots == ()
