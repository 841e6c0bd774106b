"""
Interrupts a program at its n-th step.

On an event loop a step is a callback of asyncio or a step of a task of trio, and a scope is cancelled. In a thread it
is a line of a module, before which KeyboardInterrupt is raised, as by a signal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal

import anyio
import trio
from attrs import define, field

from resilience.testing import virtual_backend

Backend = Literal["asyncio", "trio"]


@define(eq=False)
class Steps:
    """
    Counts steps, and interrupts at one of them.

    Attributes:
        last: The step at which it interrupts.
        taken: How many steps have been taken.
        interrupt: What it does then; None while nothing is counted.
    """

    last: int
    taken: int = 0
    interrupt: Callable[[], object] | None = field(default=None, init=False)

    @property
    def was_reached(self) -> bool:
        """Whether it has interrupted."""
        return self.taken >= self.last

    def step(self) -> None:
        """Count a step."""
        if self.interrupt is not None:
            self.taken += 1
            if self.taken == self.last:
                self.interrupt()

    @contextmanager
    def counted(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Count the steps of a block."""
        self.interrupt = interrupt
        try:
            yield
        finally:
            self.interrupt = None

    async def cover(self, body: Callable[[], Awaitable[object]]) -> None:
        """Run what may be cancelled."""
        with anyio.CancelScope() as scope, self.counted(scope.cancel):
            await body()

    @contextmanager
    def lines_of(self, file: str) -> Iterator[None]:
        """
        Raise KeyboardInterrupt before a line of a file that this thread runs in a block.

        The first line of an ``__exit__`` is left out: no context manager of Python can do anything about that one.
        """
        entered: list[FrameType] = []

        def local(frame: FrameType, event: str, _: object) -> Any:
            if event == "line" and frame in entered:
                entered.remove(frame)
            elif event == "line":
                self.step()
            return local

        def called(frame: FrameType, event: str, _: object) -> Any:  # noqa: ARG001  # what a tracer is given
            if frame.f_code.co_filename != file:
                return None
            if frame.f_code.co_name == "__exit__":
                entered.append(frame)
            return local

        def interrupt() -> None:
            sys.settrace(None)
            raise KeyboardInterrupt

        before = sys.gettrace()
        with self.counted(interrupt):
            sys.settrace(called)
            try:
                yield
            finally:
                sys.settrace(before)


def run_with(steps: Steps, backend: Backend, main: Callable[[], Awaitable[None]], *, is_virtual: bool = True) -> None:
    """Run a program on an event loop whose steps are counted, with a virtual clock or the real one."""
    if backend == "trio":
        anyio.run(main, backend="trio", backend_options=_of_trio(steps, is_virtual=is_virtual))
        return
    options = {"loop_factory": lambda: counted_loop(steps, is_virtual=is_virtual)}
    anyio.run(main, backend="asyncio", backend_options=options)


def _of_trio(steps: Steps, *, is_virtual: bool) -> dict[str, Any]:
    class Counter(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002  # trio's signature
            steps.step()

    clock = virtual_backend("trio")[1] if is_virtual else {}
    return {**clock, "instruments": [Counter()]}


def counted_loop(steps: Steps, *, is_virtual: bool = True) -> asyncio.AbstractEventLoop:
    """Return an event loop of asyncio, with a virtual clock or the real one, whose callbacks are counted."""
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if is_virtual:
        make = virtual_backend("asyncio")[1]["loop_factory"]
    loop = make()
    real: Callable[..., asyncio.Handle] = loop.call_soon

    def call_soon(callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.Handle:
        def counted() -> None:
            steps.step()
            callback(*args)

        return real(counted, context=context)

    loop.call_soon = call_soon  # type: ignore[method-assign,assignment]  # only for this loop
    return loop
