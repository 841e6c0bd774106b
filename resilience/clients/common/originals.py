"""
Get the SDK's own method from a wrapped one, and a client without wrapped methods.

A wrapped method has the attribute ``__resilience_wrapped__``, and the SDK's method in ``__wrapped__``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

_Client = TypeVar("_Client")

_MARK: Final = "__resilience_wrapped__"
_PLAIN: Final = "__resilience_plain__"


def mark_wrapped(method: Callable[..., Any]) -> None:
    """Mark a method as wrapped; its ``__wrapped__`` is the method that it wraps."""
    setattr(method, _MARK, True)


def original(method: Any) -> Any:
    """Return the SDK's own method from a method that may be wrapped several times, or not at all."""
    while getattr(method, _MARK, False):
        method = method.__wrapped__
    return method


def plain_client(client: _Client) -> _Client:
    """
    Return a client with the SDK's own methods in place of the wrapped ones; the client itself if it has none.

    A read-back inside a wrapped call uses it, so that the policy does not apply to the read-back a second time. The
    two clients share session, credentials and configuration, but no attribute that is set later.
    """
    cls: type = type(client)
    originals = _originals(cls)
    if not originals:
        return client
    plain = _plain_class(cls, originals)
    # Not copy.copy: a client class of the user's may drop its session from a copy, as it does in a pickle.
    fresh = plain.__new__(plain)
    vars(fresh).update(vars(client))
    return fresh  # type: ignore[no-any-return]  # an instance of a subclass that exists only at run time


def _originals(cls: type) -> tuple[tuple[str, Callable[..., Any]], ...]:
    # The first class of the MRO wins: a method of the user's stays in front of a wrapped one, and calls it by super().
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found |= vars(base)
    return tuple((name, original(method)) for name, method in found.items() if getattr(method, _MARK, False))


def _plain_class(cls: type, originals: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    """Return the class with the SDK's methods; the client's class keeps it, so that both live equally long."""
    known = vars(cls).get(_PLAIN)
    if known is not None and known[0] == originals:
        return known[1]
    plain = _made_plain(cls, originals)
    setattr(cls, _PLAIN, (originals, plain))
    return plain


def _made_plain(cls: type, originals: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, **dict(originals)}
    if hasattr(cls, "__del__"):
        # The old SDK's client closes its session in __del__, and this session belongs to the client that was copied.
        members["__del__"] = _leave_open
    return type(cls)(cls.__name__, (cls,), members)


def _leave_open(_: object) -> None:
    """Close nothing."""
