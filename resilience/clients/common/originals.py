"""
The SDK's own methods under covered ones, and a client that has them again.

A wrapped method carries ``__resilience_covered__`` and keeps what it covers in ``__wrapped__``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

_Client = TypeVar("_Client")

_MARK: Final = "__resilience_covered__"
_PLAIN: Final = "__resilience_plain__"


def original(method: Any) -> Any:
    """Return the method under all covers; a method that has none itself."""
    while getattr(method, _MARK, False):
        method = method.__wrapped__
    return method


def plain_client(client: _Client) -> _Client:
    """
    Return a client whose wrapped methods are the SDK's own again; the client itself if none is covered.

    What is asked through it inside a wrapped call, such as a read-back, is not
    covered a second time. Session, credentials and configuration are shared
    with the client; an attribute that is set on either later is not.
    """
    cls: type = type(client)
    originals = _originals(cls)
    if not originals:
        return client
    plain = _plain_class(cls, originals)
    # Not copy.copy: a client of the user's own may leave its session out of a copy, as it does when it is pickled.
    fresh = plain.__new__(plain)
    vars(fresh).update(vars(client))
    return fresh  # type: ignore[no-any-return]  # an instance of a subclass that exists only at run time


def _originals(cls: type) -> tuple[tuple[str, Callable[..., Any]], ...]:
    # What comes first in the order of classes wins: a method of the user's own stays in front of a covered one, which
    # it reaches through super().
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found |= vars(base)
    return tuple((name, original(method)) for name, method in found.items() if getattr(method, _MARK, False))


def _plain_class(cls: type, originals: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    """Return the class with the originals; it is kept in the class itself, so that both go together."""
    known = vars(cls).get(_PLAIN)
    if known is not None and known[0] == originals:
        return known[1]
    plain = _made_plain(cls, originals)
    setattr(cls, _PLAIN, (originals, plain))
    return plain


def _made_plain(cls: type, originals: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, **dict(originals)}
    if hasattr(cls, "__del__"):
        # The old SDK's client closes its session when it goes, and the session belongs to the one that we copied.
        members["__del__"] = _leave_open
    return type(cls)(cls.__name__, (cls,), members)


def _leave_open(_: object) -> None:
    """Close nothing."""
