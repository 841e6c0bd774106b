"""Runs one attempt or one remedy, and says how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from attrs import frozen


@frozen
class Ran:
    """
    How an attempt or a remedy ended.

    Attributes:
        value: What it returned.
        error: What it raised, or None.
        cut: Whether our limit cut it short.
    """

    value: Any = None
    error: Exception | None = None
    cut: bool = False


async def run_until(
    limit: float | None, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Ran:
    """
    Await a function until an instant on the event loop's clock, or without limit.

    A cancellation from outside is no way to end: it passes through.
    """
    if limit is None:
        return await _run(function, args, kwargs)
    with anyio.CancelScope(deadline=limit):
        return await _run(function, args, kwargs)
    return Ran(cut=True)


async def _run(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Ran:
    try:
        return Ran(await function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  # the caller classifies it
        return Ran(error=error)
