"""
The protocol of observers.

The engine asks each observer once per call whether it wants to watch. The function that
the observer returns receives every later event of that call, in order, in the task of
the call. If an observer raises, that is logged once, and the call goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from resilience.core.events import CallStarted, Event

Slot = tuple[Mapping[str, Any], str]
"""A variable that the engine can read quickly: a mapping and a key of it."""

ALWAYS_IDLE: Final[Slot] = ({"": None}, "")
"""The slot of an observer that ignores calls that succeed at once."""

Sink = Callable[[Event], None]
"""Receives every event of one call after :class:`CallStarted`."""


class Observer(Protocol):
    """
    Watches calls.

    Attributes:
        idle_slot: A mapping and a key. While ``mapping[key] is None``, the engine does not announce a call that
            succeeds at once, and announces any other call when its first attempt has failed. None for an observer
            that wants every call from its beginning; ``ALWAYS_IDLE`` for one that never does.
    """

    idle_slot: Slot | None

    def watch(self, started: CallStarted) -> Sink | None:
        """Return the function that receives the events of this call; None to ignore the call."""
        ...
