"""Tells the observers of one call what happens to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from resilience.core.events import CallStarted, Event, Observer, Sink

log: Final = logging.getLogger("resilience")


@frozen
class Audience:
    """The observers of an executor. One that raises is logged once, and changes nothing."""

    observers: Sequence[Observer] = ()
    _failed: set[int] = field(factory=set)

    def admit(self, started: CallStarted) -> Watch:
        """Ask each observer whether it wants to watch a call."""
        sinks: list[tuple[Observer, Sink]] = []
        for observer in self.observers:
            try:
                sink = observer.watch(started)
            except Exception as error:  # noqa: BLE001  # an observer changes nothing
                self.complain(observer, error)
            else:
                if sink is not None:
                    sinks.append((observer, sink))
        return Watch(self, sinks) if sinks else _UNWATCHED

    def complain(self, observer: Observer, error: Exception) -> None:
        """Log the failure of an observer, the first time."""
        if id(observer) not in self._failed:
            self._failed.add(id(observer))
            name = type(observer).__qualname__
            log.error("observer %s failed; calls go on, and it is not said again", name, exc_info=error)


@define(eq=False)
class Watch:
    """
    Those who watch one call.

    Attributes:
        sinks: What gets its events. Where there is none, no event need be made.
    """

    _audience: Audience
    sinks: Sequence[tuple[Observer, Sink]]

    def tell(self, event: Event) -> None:
        """Hand an event to every sink; one that failed before still gets what comes, so that it can clean up."""
        for observer, sink in self.sinks:
            try:
                sink(event)
            except Exception as error:  # noqa: BLE001  # an observer changes nothing
                self._audience.complain(observer, error)


_UNWATCHED: Final = Watch(Audience(), ())
