"""
Make a blocking call of an SDK's client give up by itself.

A thread cannot be interrupted, so the only way to end such a call in time is a time-out
of its own, and the SDKs keep theirs in the client. Each call here gets a shallow copy of
what holds it, so that other threads on the same client keep their own; connections and
sessions stay shared. What is copied is a few private attributes, which the adapters
know; a client without them is left alone.
"""

from __future__ import annotations

from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final

from resilience.clients import registry
from resilience.clients.common.timeouts import Call
from resilience.clients.sdk import Sdk

# Zero or less means "for ever" to some of the clients and is an error to others.
_SHORTEST: Final = 0.001


def within(function: Call, seconds: float, client: object = None) -> Call | None:
    """
    Return a function that does the same, and waits no longer than so for a connection or for an answer.

    It bounds each wait and not their sum: connecting may take ``seconds``, and the answer
    ``seconds`` again. It cannot bound the lookup of a host name, a host with several addresses
    (each has its turn), an answer that drips byte by byte, the repeats of a client that retries
    by itself, and the credentials that an SDK fetches before it signs. Time-outs that are
    shorter already stay.

    Args:
        function: A blocking method of a client whose adapter knows its time-outs; a function of an HTTP library; or a
            ``functools.partial`` of one.
        seconds: The longest wait; less than a millisecond counts as one.
        client: The client, where ``function`` is not bound to it but the function of its class. The result then
            takes the arguments that follow the client.

    Returns:
        None if nothing is known about the function: it is a coroutine function, or of none of these classes. A class
        that users derived from them may keep state that a copy would lose, and a transport of theirs may have its own
        time-out, so both count as unknown.
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
    Make a client wait no longer than so in all of its calls, as :func:`within` does for one of them.

    Args:
        client: A client whose adapter knows where it keeps its time-outs; it is changed.
        seconds: The longest wait; less than a millisecond counts as one.

    Returns:
        Whether that was done; other clients are left alone. Where a call brings options of its own, they count.
    """
    sdk = _sdk_of(type(client))
    return sdk is not None and sdk.lower(client, max(seconds, _SHORTEST))


def _within_partial(function: partial[Any], seconds: float, client: object) -> Call | None:
    args = function.args
    if client is None and args and getattr(function.func, "__self__", None) is None:
        # The first of them may be the client of a function of its class.
        inner = within(function.func, seconds, args[0])
        if inner is not None:
            return partial(inner, *args[1:], **function.keywords)
    inner = within(function.func, seconds, client)
    return None if inner is None else partial(inner, *args, **function.keywords)


def _sdk_of(thing: object) -> Sdk | None:
    """Return the adapter of the very package that a function or a class is from."""
    module = getattr(thing, "__module__", None)
    return registry.of_package(module.partition(".")[0]) if isinstance(module, str) else None
