"""What the calls that one observer watches have in common."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from attrs import define, field
from opentelemetry.trace import SpanContext

from resilience.telemetry.error_types import ListedCodes


@define(eq=False, kw_only=True)
class SpanState:
    """
    What the calls that one observer watches have in common.

    Attributes:
        show_names: Whether the new name of a renamed resource may be seen.
        listed: The codes that policies list.
    """

    show_names: bool
    listed: ListedCodes = field(factory=ListedCodes, init=False)
    _flights: WeakKeyDictionary[object, SpanContext] = field(factory=WeakKeyDictionary, init=False)

    def lead(self, flight: object, span: SpanContext) -> None:
        """Remember whose span a refresh has, for as long as the refresh is remembered itself."""
        self._flights[flight] = span

    def leader(self, flight: object) -> SpanContext | None:
        """Return the span of a refresh; None if the call that runs it is not recorded."""
        return self._flights.get(flight)
