"""An observer for each of two providers: the program's own, and one that stands in until the program sets its own."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from resilience.core.events import CallStarted, Observer, Sink, Slot


@define(eq=False)
class UntilSet:
    """
    Lets the program's own provider have each call once there is one; until then another observer has them.

    Args:
        own: Watches with the provider that the program sets; see ``idle_slot`` of spans and metrics.
        other: Gives the observer that stands in; None where there is none.
        on_own: Called once, when the program's own provider is seen for the first time.
    """

    _own: Observer
    _other: Callable[[], Observer | None]
    _on_own: Callable[[], object]
    _is_told: bool = field(default=False, init=False)
    idle_slot: Slot | None = None

    def watch(self, started: CallStarted) -> Sink | None:
        """Watch a call with the observer whose turn it is."""
        slot = self._own.idle_slot
        if slot is None or slot[0][slot[1]] is not None:
            if not self._is_told:
                self._is_told = True
                self._on_own()
            return self._own.watch(started)
        other = self._other()
        return None if other is None else other.watch(started)
