"""
Other libraries that try calls again, each as its documentation has it wrap a function.

The extra ``peers`` installs them. Each waits for nothing before it tries again, and logs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aioretry
import backoff
import hyx.retry
import opnieuw
import opnieuw.retries
import redress
import stamina
import stamina.instrumentation
import tenacity

Function = Callable[..., Awaitable[Any]]
Wrap = Callable[[Function, type[Exception]], Function]
"""Returns a function that is tried again after an exception of a type, and fails at once after any other one."""

_ATTEMPTS: Final = 5


def _tenacity(function: Function, again: type[Exception]) -> Function:
    wrapped: Function = tenacity.retry(
        retry=tenacity.retry_if_exception_type(again),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_none(),
        reraise=True,
    )(function)
    return wrapped


def _stamina(function: Function, again: type[Exception]) -> Function:
    stamina.instrumentation.set_on_retry_hooks([])
    wrapped: Function = stamina.retry(
        on=again, attempts=_ATTEMPTS, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
    )(function)
    return wrapped


def _redress(function: Function, again: type[Exception]) -> Function:
    policy = redress.AsyncPolicy(
        retry=redress.AsyncRetry(
            classifier=lambda error: (
                redress.ErrorClass.RATE_LIMIT if isinstance(error, again) else redress.ErrorClass.PERMANENT
            ),
            strategy=lambda _: 0.0,
            max_attempts=_ATTEMPTS,
        )
    )

    async def wrapped(*args: Any) -> Any:
        return await policy.call(functools.partial(function, *args))

    return wrapped


def _hyx(function: Function, again: type[Exception]) -> Function:
    wrapped: Function = hyx.retry.retry(on=again, attempts=_ATTEMPTS, backoff=0)(function)
    return wrapped


def _aioretry(function: Function, again: type[Exception]) -> Function:
    wrapped: Function = aioretry.retry(
        lambda info: (not isinstance(info.exception, again) or info.fails >= _ATTEMPTS, 0)
    )(function)
    return wrapped


def _backoff(function: Function, again: type[Exception]) -> Function:
    wrapped: Function = backoff.on_exception(
        backoff.constant, again, interval=0, jitter=None, max_tries=_ATTEMPTS, logger=None
    )(function)
    return wrapped


def _no_backoff(self: Any, exception: Exception | None = None) -> float | None:  # noqa: ARG001  # opnieuw's signature
    self.backoffs += 1
    return None if self.backoffs >= self.max_calls_total else 0.0


def _opnieuw(function: Function, again: type[Exception]) -> Function:
    # How long it waits is not the caller's to say, so its own calculator is replaced for good.
    opnieuw.retries.BackoffCalculator.get_backoff = _no_backoff
    wrapped: Function = opnieuw.retry_async(retry_on_exceptions=again, max_calls_total=_ATTEMPTS)(function)
    return wrapped


PEERS: Final[Mapping[str, Wrap]] = {
    "tenacity": _tenacity,
    "stamina": _stamina,
    "redress": _redress,
    "hyx": _hyx,
    "aioretry": _aioretry,
    "backoff": _backoff,
    "opnieuw": _opnieuw,
}

RETRY_ON_TRIO: Final = frozenset({"tenacity", "stamina", "aioretry"})
"""Those that can try again on trio; the others wait with asyncio."""
