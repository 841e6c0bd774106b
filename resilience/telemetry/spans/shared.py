"""The state that the calls of one observer share."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from attrs import define, field
from opentelemetry.trace import SpanContext

from resilience.telemetry.error_types import ListedCodes


@define(eq=False, kw_only=True)
class SpanState:
    """
    The state that the calls of one observer share.

    Attributes:
        show_names: Whether spans show the new name of a renamed resource.
        listed: The codes that policies list.
    """

    show_names: bool
    listed: ListedCodes = field(factory=ListedCodes, init=False)
    _flights: WeakKeyDictionary[object, SpanContext] = field(factory=WeakKeyDictionary, init=False)

    def lead(self, flight: object, span: SpanContext) -> None:
        """Keep the span of a refresh, as long as the refresh itself is in memory."""
        self._flights[flight] = span

    def leader(self, flight: object) -> SpanContext | None:
        """Return the span of a refresh; None if the call that runs it is not recorded."""
        return self._flights.get(flight)
