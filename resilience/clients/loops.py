"""Tell which clients need asyncio."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from resilience.clients import registry
from resilience.clients.common.fields import attribute
from resilience.clients.common.raised.frames import frames
from resilience.clients.common.raised.misuse import needs_running_loop


def needs_asyncio(function: Callable[..., Any]) -> bool:
    """Tell whether a function is an asynchronous method, bound or not, of a client that works under asyncio only."""
    while isinstance(function, partial):
        function = function.func
    plain = getattr(function, "__func__", function)
    if not iscoroutinefunction(plain):
        return False
    # A method that users add to a class of theirs belongs to no SDK.
    sdk = registry.of_package(plain.__module__.partition(".")[0])
    return sdk is not None and sdk.needs_asyncio


def wrong_loop(error: BaseException) -> str | None:
    """
    Return a sentence about a client that needs asyncio, and what works instead; None for any other exception.

    Args:
        error: The exception of an attempt; its traceback names the method.
    """
    inner = error if type(error) is RuntimeError else attribute(error, "inner_exception") or error.__context__
    if not isinstance(inner, BaseException) or not needs_running_loop(inner):
        return None
    passed = [frame for each in (error, inner) for frame in frames(each)]
    sentences = (sdk.wrong_loop(error, passed) for sdk in registry.sdks())
    return next((each for each in sentences if each is not None), None)
