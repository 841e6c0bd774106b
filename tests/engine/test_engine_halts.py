"""Threads that are told to end their calls: a stand-in for cancellation, which threads do not have."""

from __future__ import annotations

import threading
import time

import pytest

from resilience.engine.runtime.halt import Halt, Halted
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.testing import virtual_time


async def _attempt() -> str:
    return "sent"


def test_a_halt_ends_a_wait() -> None:
    """A wait that has begun ends at once, and the next attempt does not begin."""
    halt = Halt(None)
    timer = threading.Timer(0.05, halt.set)
    timer.start()
    began = time.monotonic()
    with THREAD.under(halt):
        with pytest.raises(Halted):
            drive(THREAD.sleep(600.0))
        with pytest.raises(Halted):
            drive(THREAD.run_until(None, _attempt, (), {}))
    assert time.monotonic() - began < 60
    timer.join()
    assert drive(THREAD.run_until(None, _attempt, (), {})).value == "sent"


def test_a_halt_ends_a_wait_for_another_thread() -> None:
    """What the other thread did is not used, because the call ends."""
    halt = Halt(None)
    latch = THREAD.latch()

    def end() -> None:
        halt.set()
        latch.set()

    timer = threading.Timer(0.05, end)
    timer.start()
    with THREAD.under(halt), pytest.raises(Halted):
        drive(latch.wait())
    timer.join()


def test_a_halt_leaves_alone_what_is_shielded() -> None:
    """A note in the ledger that has to be written again is written."""
    halt = Halt(None)
    halt.set()
    with THREAD.under(halt):
        with THREAD.shield():
            drive(THREAD.sleep(0.001))
            assert drive(THREAD.run_until(None, _attempt, (), {})).value == "sent"
        assert THREAD.halt is halt
        with pytest.raises(Halted):
            drive(THREAD.sleep(0.0))


def test_a_halt_is_set_with_the_one_around_it() -> None:
    """Whenever it was made; and not the other way round."""
    outer = Halt(None)
    inner = Halt(outer)
    Halt(outer).set()
    assert [outer.is_set, inner.is_set] == [False, False]
    outer.set()
    assert [inner.is_set, Halt(outer).is_set] == [True, True]


def test_a_virtual_clock_knows_of_a_wait_under_a_halt() -> None:
    """A test that counts waits counts these."""
    with virtual_time() as clock, THREAD.under(Halt(None)):
        drive(THREAD.sleep(20.0))
        assert clock.monotonic() == 20.0
