"""The virtual clock that users test their policies with, on both event loops."""

from __future__ import annotations

import math
import time
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio

from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


async def test_a_wait_of_an_hour_is_over_at_once_and_takes_an_hour() -> None:
    """A wait moves the event loop's clock by its length, and the real clock hardly at all."""
    real, began = time.monotonic(), anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - began == pytest.approx(3600)
    assert time.monotonic() - real < 5


async def test_waits_end_in_the_order_of_their_instants() -> None:
    """Tasks that wait at the same time wake in the order in which their waits end."""
    woken: list[float] = []

    async def wait(delay: float) -> None:
        await anyio.sleep(delay)
        woken.append(delay)

    async with anyio.create_task_group() as group:
        for delay in (30.0, 10.0, 86_400.0 * 3, 20.0):
            group.start_soon(wait, delay)
    assert woken == [10.0, 20.0, 30.0, 86_400.0 * 3]


async def test_a_timeout_cuts_a_longer_wait() -> None:
    """A timeout fires at its instant although nothing waits for real."""
    began = anyio.current_time()
    with anyio.move_on_after(2.5) as scope:
        await anyio.sleep(math.inf)
    assert scope.cancelled_caught
    assert anyio.current_time() - began == pytest.approx(2.5)


def test_trio_sleeps_while_a_thread_works_and_nothing_has_a_deadline() -> None:
    """The loop takes no processor from the thread that it waits for."""

    class Waits(trio.abc.Instrument):
        count = 0

        def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002  # trio's signature
            self.count += 1

    waits = Waits()

    async def main() -> float:
        await anyio.to_thread.run_sync(time.sleep, 0.05)
        # Then it jumps as before.
        began = anyio.current_time()
        await anyio.sleep(3600)
        await anyio.to_thread.run_sync(time.sleep, 0.05)
        return anyio.current_time() - began

    _, options = virtual_backend("trio")
    assert anyio.run(main, backend="trio", backend_options=options | {"instruments": [waits]}) == 3600
    assert waits.count < 100


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_patience_lets_a_thread_finish_before_the_clock_jumps(name: str) -> None:
    """With patience, a timeout does not hit a thread that is about to answer."""

    def answer_late() -> str:
        time.sleep(0.01)
        return "answer"

    async def main() -> tuple[str, float]:
        began = anyio.current_time()
        with anyio.fail_after(1000):
            answer = await anyio.to_thread.run_sync(answer_late)
        return answer, anyio.current_time() - began

    backend, options = virtual_backend("asyncio" if name == "asyncio" else "trio", patience=0.5)
    answer, took = anyio.run(main, backend=backend, backend_options=options)
    assert answer == "answer"
    assert took < 1000
