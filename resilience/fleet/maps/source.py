"""Where the calls of a fleet come from: an iterable, or an asynchronous one, asked for the next when it is wanted."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any, Final

import anyio

_END: Final = object()

Numbered = tuple[int, Any]
"""A call and its number in the input, from 0."""


class PlainSource:
    """
    An iterable. A worker that asks it waits for nothing.

    All workers ask it in one context, so that a generator can hold a span, which is detached where it was attached.
    """

    def __init__(self, calls: Iterable[Any]) -> None:
        self._context = contextvars.copy_context()
        self._calls = self._context.run(iter, calls)
        self._number = -1
        self._is_stopped = False

    async def next(self) -> Numbered | None:
        """Return the next call; None at the end, or once the input has been stopped."""
        call = _END if self._is_stopped else self._context.run(next, self._calls, _END)
        self._number += 1
        return None if call is _END else (self._number, call)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._is_stopped = True

    def close(self) -> None:
        """Close a generator, as the end of a loop over it would."""
        if isinstance(self._calls, Generator):
            self._context.run(self._calls.close)


class AsyncSource:
    """
    An asynchronous iterable.

    Only :meth:`feed` asks it, in a task of its own, because a generator may hold a cancel scope or a task group, which
    belong to one task.
    """

    def __init__(self, calls: AsyncIterable[Any]) -> None:
        self._calls = aiter(calls)
        self._wanted = anyio.Semaphore(0)
        self._send, self._receive = anyio.create_memory_object_stream[Numbered](0)
        self._feeding = anyio.CancelScope()
        self._error: Exception | None = None

    async def feed(self) -> None:
        """Ask for a call as often as a worker wants one, until the end; then close a generator."""
        number = 0
        with self._send, self._feeding:
            try:
                await self._wanted.acquire()
                async for call in self._calls:
                    await self._send.send((number, call))
                    number += 1
                    await self._wanted.acquire()
            except Exception as error:  # noqa: BLE001  # a worker raises it
                self._error = error
            finally:
                if isinstance(self._calls, AsyncGenerator):
                    await self._calls.aclose()

    async def next(self) -> Numbered | None:
        """Return the next call; None at the end, or once the input has been stopped, also if one was under way."""
        self._wanted.release()
        try:
            pulled = await self._receive.receive()
        except anyio.EndOfStream:
            error, self._error = self._error, None
            if error is not None:
                raise error from None
            return None
        return None if self._feeding.cancel_called else pulled

    def stop(self) -> None:
        """Ask for nothing more, and break off what is being asked for."""
        self._feeding.cancel()

    def close(self) -> None:
        """Give back what workers were fed through."""
        self._receive.close()
