"""
Calls from an iterable, some at a time, in threads: :mod:`resilience.fleet.mapping` for programs without an event loop.

A thread cannot be interrupted. So leaving the block early waits for the calls that are under way, and drops their
outcomes.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from attrs import evolve

from resilience.engine.bound_call import SyncBoundCall
from resilience.engine.outcome import Outcome
from resilience.fleet.mapping import not_bound
from resilience.fleet.tally import Tally, failures_group

T = TypeVar("T")

_END: Final = object()


class SyncOutcomeStream(Generic[T]):
    """
    The outcomes of calls, to be read in a ``with`` block or by a loop; made by :meth:`resilience.SyncExecutor.map`.

    Leaving early waits for the calls that are under way; after :meth:`stop` their outcomes can be read. An error that
    is no call's own (of the input, or a programming error in a function) leaves the loop once the calls under way have
    ended.

    Attributes:
        tally: What has been read so far, counted.
    """

    def __init__(
        self,
        calls: Iterable[SyncBoundCall[T]],
        *,
        concurrency: int,
        ordered: bool,
        stop_on_failure: bool,
        raise_failures: bool,
    ) -> None:
        self.tally = Tally()
        self._calls = calls
        self._concurrency = concurrency
        self._is_ordered = ordered
        self._stops_on_failure = stop_on_failure
        self._raises_failures = raise_failures
        self._is_stopped = False
        self._pulled = 0
        self._broken: BaseException | None = None
        self._threads: list[threading.Thread] = []
        # An outcome that was pulled has a place until it is read, so what waits is bounded.
        self._places = threading.Semaphore(2 * concurrency)
        self._lock = threading.Lock()
        self._outcomes: queue.SimpleQueue[tuple[int, Outcome[T]] | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Begin to make calls."""
        if self._threads:
            raise RuntimeError("map: these calls have been made already; call map again")
        self._source: Iterator[Any] = iter(self._calls)
        for number in range(1, self._concurrency + 1):
            work = contextvars.copy_context().run
            thread = threading.Thread(target=work, args=(self._work,), name=f"resilience-map-{number}")
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is under way, and end the input."""
        self._is_stopped = True
        self._places.release(self._concurrency)
        for thread in self._threads:
            thread.join()
        if isinstance(self._source, Generator):
            self._source.close()

    def stop(self) -> None:
        """Begin no further call. Those under way end, and their outcomes are read as before."""
        self._is_stopped = True

    def __iter__(self) -> Iterator[Outcome[T]]:
        """
        Yield outcomes: as calls end, or, if ``ordered``, in the order of the calls.

        Raises:
            Exception: The input failed, or a function did with a programming error.
            ExceptionGroup: All calls have ended and some failed, where that was asked for.
        """
        if self._threads:
            yield from self._read()
        else:
            with self:
                yield from self._read()

    def _read(self) -> Iterator[Outcome[T]]:
        errors: list[Exception] = []
        for outcome in self._in_order() if self._is_ordered else (outcome for _, outcome in self._received()):
            self._places.release()
            self.tally.add(outcome)
            if self._raises_failures and outcome.error is not None:
                errors.append(outcome.error)
            yield outcome
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        failures = failures_group(errors, self.tally.calls)
        if failures is not None:
            raise failures

    def _received(self) -> Iterator[tuple[int, Outcome[T]]]:
        ended = 0
        while ended < self._concurrency:
            received = self._outcomes.get()
            if received is None:
                ended += 1
            else:
                yield received

    def _in_order(self) -> Iterator[Outcome[T]]:
        waiting: dict[int, Outcome[T]] = {}
        expected = 0
        for number, outcome in self._received():
            waiting[number] = outcome
            while expected in waiting:
                yield waiting.pop(expected)
                expected += 1
        # A call that has no outcome leaves a gap in the order.
        for number in sorted(waiting):
            yield waiting[number]

    def _work(self) -> None:
        try:
            while True:
                self._places.acquire()
                with self._lock:
                    call = _END if self._is_stopped else next(self._source, _END)
                    number = self._pulled
                    self._pulled += 1
                if call is _END:
                    self._places.release()
                    return
                outcome = _made(call)
                if self._stops_on_failure and outcome.error is not None:
                    self._is_stopped = True
                self._outcomes.put((number, outcome))
        except BaseException as error:  # noqa: BLE001  # it leaves where the outcomes are read, in the program's own thread
            self._broken, self._is_stopped = self._broken or error, True
        finally:
            self._outcomes.put(None)


def _made(call: object) -> Outcome[Any]:
    if not isinstance(call, SyncBoundCall):
        raise not_bound(call, "SyncBoundCall")
    return evolve(call.outcome(), call=call)
