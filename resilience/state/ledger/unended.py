"""The run of a fleet that has not ended, which a ledger remembers so that the next run goes on in its trace."""

from __future__ import annotations

from attrs import frozen


@frozen
class UnendedRun:
    """
    A run of a fleet that has not ended.

    Attributes:
        traceparent: The span of the fleet, as W3C Trace Context writes it.
        began_at: When its last run began, in epoch seconds.
    """

    traceparent: str
    began_at: float
