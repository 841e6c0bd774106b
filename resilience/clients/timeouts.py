"""
Make a blocking call of an SDK's client give up by itself.

A thread cannot be interrupted, so only the client's own time-outs can end such a call. The
SDKs keep time-outs in the client. Each call here uses a shallow copy of the client, so that
other threads keep their time-outs; connections and sessions stay shared. The adapters know
which private attributes to change; a client without them stays unchanged.
"""

from __future__ import annotations

from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final

from resilience.clients import registry
from resilience.clients.common.timeouts import AnyFunction
from resilience.clients.sdk import Sdk

# In seconds. Some clients wait for ever with zero or less, others raise an error.
_SHORTEST: Final = 0.001


def within(function: AnyFunction, seconds: float, client: object = None) -> AnyFunction | None:
    """
    Return the same function with time-outs of at most ``seconds``.

    The limit holds for each wait and not for their sum: connecting may take ``seconds``, and the
    answer ``seconds`` again. It does not hold for the lookup of a host name, for the sum over
    several addresses of a host, for an answer that comes byte by byte, for retries of the client
    itself, and for credentials that an SDK fetches before it signs. Shorter time-outs stay.

    Args:
        function: A blocking method of a client whose adapter knows its time-outs; a function of an HTTP library; or a
            ``functools.partial`` of one.
        seconds: The longest wait; less than a millisecond counts as one.
        client: The client, if ``function`` is the function of its class. The result then takes the arguments that
            follow the client.

    Returns:
        None for a coroutine function, and for a function of no known class. Classes that users derive from a client
        are unknown, because they may keep state that a copy would lose; so are transports of the user's, which may
        have their own time-outs.
    """
    if isinstance(function, partial):
        return _within_partial(function, seconds, client)
    owner = getattr(function, "__self__", None) if client is None else client
    plain = getattr(function, "__func__", function)
    sdk = _sdk_of(plain)
    if sdk is None or iscoroutinefunction(plain) or (owner is not None and _sdk_of(type(owner)) is not sdk):
        return None
    return sdk.within(plain, owner, max(seconds, _SHORTEST))


def lower(client: Any, seconds: float) -> bool:
    """
    Make a client wait at most ``seconds`` in all of its calls; :func:`within` does it for one call.

    Args:
        client: A client whose adapter knows its time-outs; it is changed.
        seconds: The longest wait; less than a millisecond counts as one.

    Returns:
        Whether that was possible; other clients stay unchanged. Options of one call still override the time-outs.
    """
    sdk = _sdk_of(type(client))
    return sdk is not None and sdk.lower(client, max(seconds, _SHORTEST))


def _within_partial(function: partial[Any], seconds: float, client: object) -> AnyFunction | None:
    args = function.args
    if client is None and args and getattr(function.func, "__self__", None) is None:
        # The function may be that of a class, and the first argument its client.
        inner = within(function.func, seconds, args[0])
        if inner is not None:
            return partial(inner, *args[1:], **function.keywords)
    inner = within(function.func, seconds, client)
    return None if inner is None else partial(inner, *args, **function.keywords)


def _sdk_of(thing: object) -> Sdk | None:
    """Return the adapter of the package that a function or a class is from; None if it has none."""
    module = getattr(thing, "__module__", None)
    return registry.of_package(module.partition(".")[0]) if isinstance(module, str) else None
