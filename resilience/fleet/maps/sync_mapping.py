"""
Calls from an iterable, some at a time, in threads: ``mapping`` for programs without an event loop.

The thread that reads the outcomes asks for the calls too, while it waits for the next outcome: rows of a database and
spans of a generator belong to one thread. The others only make calls. A thread cannot be interrupted, so leaving early
waits for the attempts that are under way.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from resilience.engine.bound_call import SyncBoundCall
from resilience.engine.runtime.halt import Halt, Halted
from resilience.engine.runtime.plain_thread import THREAD
from resilience.fleet.maps.begun import PLACE, CallPlace
from resilience.fleet.maps.mapped_outcome import SyncMappedOutcome
from resilience.fleet.maps.stream import CommonStream, not_bound

T = TypeVar("T")

_END: Final = object()

_LOOK: Final = 0.1
"""Seconds between two looks whether the attempts under way are still waited for."""


class SyncOutcomeStream(CommonStream, Generic[T]):
    """
    The outcomes of calls, to be read in a ``with`` block or by a loop; made by :meth:`resilience.SyncExecutor.map`.

    The input is asked for calls while an outcome is waited for, in the thread that waits. Leaving early waits for the
    attempts that are under way, which may have taken effect; no other one begins, and waits between attempts end. After
    :meth:`stop` the calls under way end as usual, and their outcomes can be read. An error that is no call's own (of
    the input, or a programming error in a function) leaves the loop once the calls under way have ended, with a note of
    how the others did.

    Attributes:
        tally: What has been read so far, counted.
    """

    def __init__(self, calls: Iterable[SyncBoundCall[T]], *, concurrency: int, **options: bool) -> None:
        super().__init__(concurrency=concurrency, **options)
        self._calls = calls
        self._is_stopped = False
        self._has_failed = False
        self._threads: list[threading.Thread] = []
        self._source: Iterator[Any] = iter(())
        self._is_entered = False
        self._begun = self._read = self._under_way = 0
        self._wanted: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[int, SyncMappedOutcome[T] | BaseException | None] | None]
        self._ended = queue.SimpleQueue()
        self._places: list[tuple[CallPlace, Halt]] = []
        self._is_taken_back = self._is_abandoned = False
        self._halt = Halt(THREAD.halt)

    def __enter__(self) -> Self:
        """Make the calls ready."""
        if self._is_entered:
            raise RuntimeError("map: these calls have been made already; call map again")
        self._is_entered = True
        self._source = iter(self._calls)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the attempts that are under way, unless they are abandoned, and end the input."""
        try:
            self._let_go()
            for thread in self._threads:
                # Ctrl-C may have come before it was started.
                while thread.is_alive() and not self._is_abandoned:
                    thread.join(_LOOK)
        finally:
            # Again, where Ctrl-C came in between: a thread that is not told to end waits for ever.
            self._let_go()
            if isinstance(self._source, Generator):
                self._source.close()

    def _let_go(self) -> None:
        """Let all threads end after their attempts."""
        self._is_stopped = True
        self._halt.set()
        for _ in self._threads:
            self._wanted.put(None)

    def stop(self) -> None:
        """Begin no further call. Those under way end, and their outcomes are read as before."""
        self._is_stopped = True

    # Handlers of signals call these two in the midst of anything, so they take no lock: the reader does the work.

    def take_back(self) -> None:
        """
        After :meth:`stop`, end the calls that wait for their first attempt; they have no outcome.

        Only calls that :class:`~resilience.fleet.maps.begun.AttemptWatch` watches are known to have begun one.
        """
        self._is_taken_back = True
        self._ended.put(None)

    def abandon(self) -> None:
        """End the outcomes at once. Attempts under way go on in their threads, which do not outlive the program."""
        self._is_stopped = self._is_abandoned = True
        self._ended.put(None)

    def __iter__(self) -> Iterator[SyncMappedOutcome[T]]:
        """
        Yield outcomes: as calls end, or, if ``ordered``, in the order of the calls.

        Raises:
            Exception: The input failed, or a function did with a programming error.
            ExceptionGroup: All calls have ended and some failed, where that was asked for.
        """
        if self._is_entered:
            yield from self._outcomes()
        else:
            with self:
                yield from self._outcomes()

    def _outcomes(self) -> Iterator[SyncMappedOutcome[T]]:
        ended = self._as_ended()
        for outcome in _in_order(ended) if self._is_ordered else (outcome for _, outcome in ended):
            self._read += 1
            self._has_read(outcome)
            yield outcome
        if not self._is_abandoned:
            self._end()

    def _as_ended(self) -> Iterator[tuple[int, SyncMappedOutcome[T]]]:
        """Yield outcomes with their numbers, as calls end; ask for a call wherever there is a place."""
        while True:
            self._ask()
            if not self._under_way:
                return
            received = self._ended.get()
            if self._is_abandoned:
                return
            THREAD.go_on()
            if received is None:
                for place, halt in self._places:
                    if not place.has_begun:
                        halt.set()
                continue
            number, ended = received
            self._under_way -= 1
            if isinstance(ended, SyncMappedOutcome):
                yield number, ended
            elif ended is not None:
                self._broken, self._is_stopped = self._broken or ended, True

    def _ask(self) -> None:
        # Of those that have ended, as many may wait for an earlier one as are under way.
        while self._under_way < self._concurrency and self._begun - self._read < 2 * self._concurrency:
            try:
                call = _END if self._is_stopped else next(self._source, _END)
            except Exception as error:  # noqa: BLE001  # it leaves when the calls under way have ended
                self._broken, call = self._broken or error, _END
            if call is _END:
                self._is_stopped = True
                return
            self._wanted.put((self._begun, call))
            self._begun += 1
            self._under_way += 1
            if len(self._threads) < self._under_way:
                self._start_thread()

    def _start_thread(self) -> None:
        name = f"resilience-map-{len(self._threads) + 1}"
        place, halt = CallPlace(), Halt(self._halt)
        self._places.append((place, halt))
        work = (contextvars.copy_context(), place, halt)
        # A program that ends waits for no thread whose attempt it has abandoned.
        thread = threading.Thread(target=self._work, args=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, context: contextvars.Context, place: CallPlace, halt: Halt) -> None:
        context.run(PLACE.set, place)
        with THREAD.under(halt):
            while (wanted := self._wanted.get()) is not None:
                number, call = wanted
                # A context of its own: what a call sets is not seen by the next.
                self._ended.put((number, context.copy().run(self._made, call, place, halt)))

    def _made(self, call: object, place: CallPlace, halt: Halt) -> SyncMappedOutcome[Any] | BaseException | None:
        """Make a call; return its outcome, an error that is not its own, or None where it was not begun or halted."""
        place.has_begun = False
        if self._has_failed or self._is_taken_back or halt.is_set:
            return None
        try:
            if not isinstance(call, SyncBoundCall):
                raise not_bound(call, "SyncBoundCall")  # noqa: TRY301  # as if the call had raised it
            outcome = call.outcome()
        except Halted:
            return None
        except BaseException as error:  # noqa: BLE001  # it leaves where outcomes are read, in the program's own thread
            return error
        if self._stops_on_failure and outcome.error is not None:
            self._has_failed = self._is_stopped = True
        return SyncMappedOutcome(**vars(outcome), call=call)


def _in_order(ended: Iterator[tuple[int, SyncMappedOutcome[T]]]) -> Iterator[SyncMappedOutcome[T]]:
    waiting: dict[int, SyncMappedOutcome[T]] = {}
    expected = 0
    for number, outcome in ended:
        waiting[number] = outcome
        while expected in waiting:
            yield waiting.pop(expected)
            expected += 1
    # A call that has no outcome leaves a gap in the order.
    for number in sorted(waiting):
        yield waiting[number]
