"""What the calls that one observer watches have in common."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from attrs import define, field
from opentelemetry.trace import SpanContext

from resilience.core.policy import PolicyValues
from resilience.telemetry.words import listed_codes


@define(eq=False, kw_only=True)
class Shared:
    """
    What the calls that one observer watches have in common.

    Attributes:
        show_names: Whether the new name of a renamed resource may be seen.
    """

    show_names: bool
    _flights: WeakKeyDictionary[object, SpanContext] = field(factory=WeakKeyDictionary, init=False)
    _listed: tuple[PolicyValues, frozenset[str]] | None = field(default=None, init=False)

    def listed(self, policy: PolicyValues) -> frozenset[str]:
        """Return the codes that a policy lists; most programs have one, so the last answer is kept."""
        known = self._listed
        if known is None or known[0] is not policy:
            known = self._listed = (policy, listed_codes(policy))
        return known[1]

    def lead(self, flight: object, span: SpanContext) -> None:
        """Remember whose span a refresh has, for as long as the refresh is remembered itself."""
        self._flights[flight] = span

    def leader(self, flight: object) -> SpanContext | None:
        """Return the span of a refresh; None if nobody records the call that runs it."""
        return self._flights.get(flight)
