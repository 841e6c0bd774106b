"""
Calls from an iterable, some at a time, on an event loop.

As many workers as calls may be under way pull the next call when they are free, make it, and hand its outcome over.
What has been pulled and not been read is bounded, so a slow reader slows the calls down and nothing piles up. All
workers end with the block, whatever ends it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectSendStream

from resilience.engine.bound_call import BoundCall
from resilience.fleet.maps.begun import PLACE, CallPlace
from resilience.fleet.maps.mapped_outcome import MappedOutcome
from resilience.fleet.maps.source import AsyncSource, PlainSource
from resilience.fleet.maps.stream import CommonStream, not_bound

T = TypeVar("T")

_NOT_IN_A_BLOCK: Final = "map: use the outcomes inside of `async with executor.map(...) as outcomes:`"


class OutcomeStream(CommonStream, AsyncIterator[MappedOutcome[T]], Generic[T]):
    """
    The outcomes of calls, to be read in an ``async with`` block; made by :meth:`resilience.Executor.map`.

    Leaving the block early cancels the calls that are under way, which may have taken effect; after :meth:`stop` they
    end, and their outcomes can be read. An error that is no call's own (of the input, or a programming error in a
    function) leaves the loop once the calls under way have ended, with a note of how the others did.

    Attributes:
        tally: What has been read so far, counted.
    """

    def __init__(
        self, calls: Iterable[BoundCall[T]] | AsyncIterable[BoundCall[T]], *, concurrency: int, **options: bool
    ) -> None:
        super().__init__(concurrency=concurrency, **options)
        self._calls = calls
        self._read = 0
        self._waiting: dict[int, MappedOutcome[T]] = {}
        self._workers: anyio.abc.TaskGroup | None = None
        self._under_way: list[tuple[CallPlace, anyio.CancelScope]] = []
        self._source: AsyncSource | PlainSource

    async def __aenter__(self) -> Self:
        """Begin to make calls."""
        if self._workers is not None:
            raise RuntimeError("map: these calls have been made already; call map again")
        self._source = AsyncSource(self._calls) if isinstance(self._calls, AsyncIterable) else PlainSource(self._calls)
        # An outcome that was pulled has a place here until it is read, so handing over never waits.
        places = 2 * self._concurrency
        self._places = anyio.Semaphore(places, fast_acquire=True)
        send, self._outcomes = anyio.create_memory_object_stream[tuple[int, MappedOutcome[T]]](places)
        self._workers = anyio.create_task_group()
        await self._workers.__aenter__()
        if isinstance(self._source, AsyncSource):
            self._workers.start_soon(self._source.feed)
        for _ in range(self._concurrency):
            self._workers.start_soon(self._work, send.clone())
        send.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is under way, and the input."""
        if self._workers is None:
            return
        self._workers.cancel_scope.cancel()
        try:
            # Without the error of the block, which the group would put into a group.
            await self._workers.__aexit__(None, None, None)
        finally:
            self._outcomes.close()
            self._source.close()

    def stop(self) -> None:
        """
        Begin no further call. Those under way end, and their outcomes are read as before.

        Raises:
            RuntimeError: It is not in its ``async with`` block.
        """
        if self._workers is None:
            raise RuntimeError(_NOT_IN_A_BLOCK)
        self._source.stop()

    def take_back(self) -> None:
        """
        After :meth:`stop`, cancel the calls that wait for their first attempt; they have no outcome.

        Only calls that :class:`~resilience.fleet.maps.begun.AttemptWatch` watches are known to have begun one.
        """
        for place, scope in self._under_way:
            if not place.has_begun:
                scope.cancel()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> MappedOutcome[T]:
        """
        Return the next outcome: of the call that ended next, or, if ``ordered``, of the next call.

        Raises:
            Exception: The input failed, or a function did with a programming error.
            ExceptionGroup: All calls have ended and some failed, where that was asked for.
        """
        if self._workers is None:
            raise RuntimeError(_NOT_IN_A_BLOCK)
        while not self._is_ordered or self._read not in self._waiting:
            try:
                number, received = await self._outcomes.receive()
            except anyio.EndOfStream:
                # A call that has no outcome leaves a gap in the order.
                self._read = min(self._waiting, default=self._read)
                break
            if not self._is_ordered:
                return self._counted(received)
            self._waiting[number] = received
        if self._waiting:
            self._read += 1
            return self._counted(self._waiting.pop(self._read - 1))
        self._end()
        raise StopAsyncIteration

    def _counted(self, outcome: MappedOutcome[T]) -> MappedOutcome[T]:
        self._places.release()
        self._has_read(outcome)
        return outcome

    async def _work(self, outcomes: MemoryObjectSendStream[tuple[int, MappedOutcome[T]]]) -> None:
        place, scope = CallPlace(), anyio.CancelScope()
        self._under_way.append((place, scope))
        PLACE.set(place)
        with outcomes, scope:
            while True:
                await self._places.acquire()
                try:
                    pulled = await self._source.next()
                    if pulled is None:
                        self._places.release()
                        return
                    number, call = pulled
                    place.has_begun = False
                    outcome = await _made(call)
                except Exception as error:  # noqa: BLE001  # it leaves where the outcomes are read
                    self._broken = self._broken or error
                    self._source.stop()
                    return
                if self._stops_on_failure and outcome.error is not None:
                    self._source.stop()
                outcomes.send_nowait((number, outcome))


async def _made(call: object) -> MappedOutcome[Any]:
    if not isinstance(call, BoundCall):
        raise not_bound(call, "BoundCall")
    return MappedOutcome(**vars(await call.outcome()), call=call)
