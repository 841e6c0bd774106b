"""Which calls of a map have begun an attempt; when a fleet is stopped, those that have not are taken back."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from attrs import define

from resilience.core.events import AttemptStarted, CallStarted, Event
from resilience.core.observer import Sink, Slot


@define(eq=False)
class CallPlace:
    """
    A place for one call at a time.

    Attributes:
        has_begun: Whether its call has begun an attempt, as far as :class:`AttemptWatch` watches the calls.
    """

    has_begun: bool = False


PLACE: Final[ContextVar[CallPlace | None]] = ContextVar("resilience_call_place", default=None)
"""The place of the current call of a map."""


class AttemptWatch:
    """
    Notes at the place of a call that its first attempt begins.

    Attributes:
        idle_slot: None: it wants every call from its beginning.
    """

    idle_slot: Slot | None = None

    def watch(self, started: CallStarted) -> Sink | None:  # noqa: ARG002  # every call is watched
        """Return what notes the first attempt; None for a call of no map."""
        place = PLACE.get()
        if place is None:
            return None

        def note(event: Event) -> None:
            if isinstance(event, AttemptStarted):
                place.has_begun = True

        return note
