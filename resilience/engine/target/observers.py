"""Pass the events of calls to observers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from resilience.core.events import CallStarted, Event
from resilience.core.observer import Observer, Sink

log: Final = logging.getLogger("resilience")


@frozen
class Audience:
    """The observers of an executor; if one raises, that is logged once, and the call goes on."""

    observers: Sequence[Observer] = ()
    _failed: set[int] = field(factory=set)

    def admit(self, started: CallStarted) -> Watch:
        """Ask each observer whether it wants to watch a call, and return those that do."""
        sinks: list[tuple[Observer, Sink]] = []
        for observer in self.observers:
            try:
                sink = observer.watch(started)
            except Exception as error:  # noqa: BLE001  # an observer must not break a call
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
            log.error("observer %s failed; calls go on, and this is logged once", name, exc_info=error)


@define(eq=False)
class Watch:
    """
    The observers of one call.

    Attributes:
        sinks: The functions that receive the call's events; if there are none, the engine need not make events.
    """

    _audience: Audience
    sinks: Sequence[tuple[Observer, Sink]]

    def tell(self, event: Event) -> None:
        """Pass an event to every sink, also to one that has failed before, so that it can clean up."""
        for observer, sink in self.sinks:
            try:
                sink(event)
            except Exception as error:  # noqa: BLE001  # an observer must not break a call
                self._audience.complain(observer, error)


_UNWATCHED: Final = Watch(Audience(), ())
