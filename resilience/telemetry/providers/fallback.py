"""An observer that uses a fallback until the program sets its own provider."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from resilience.core.events import CallStarted
from resilience.core.observer import Observer, Sink, Slot


@define(eq=False)
class UntilSet:
    """
    Gives each call to the observer for the program's provider once it is set, and before to another observer.

    Args:
        own: The observer for the provider that the program sets; see ``idle_slot`` of spans and metrics.
        other: Returns the other observer; None if there is none.
        on_own: Called once, when the program's provider is first seen.
    """

    _own: Observer
    _other: Callable[[], Observer | None]
    _on_own: Callable[[], object]
    _has_seen_own: bool = field(default=False, init=False)
    idle_slot: Slot | None = None

    def watch(self, started: CallStarted) -> Sink | None:
        """Watch a call with one of the two observers."""
        slot = self._own.idle_slot
        if slot is None or slot[0][slot[1]] is not None:
            if not self._has_seen_own:
                self._has_seen_own = True
                self._on_own()
            return self._own.watch(started)
        other = self._other()
        return None if other is None else other.watch(started)
