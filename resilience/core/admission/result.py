"""How an attempt ended, for the limits that calls share; and what a fault says about that."""

from __future__ import annotations

from typing import Final, Literal

from resilience.core.fault import Fault
from resilience.core.policy import Action

Result = Literal["succeeded", "ignored", "throttled", "failed", "cancelled"]
"""
How an attempt ended.

- ``succeeded``: the service did what it was asked for.
- ``ignored``: the service refused the request itself (wrong, not allowed, there already). The service works.
- ``throttled``: the service refused because of too many requests.
- ``failed``: the service did not answer, answered unreadably, or failed itself.
- ``cancelled``: the attempt says nothing about the service: it was cancelled, or nothing was sent.
"""

_CLIENT_ERRORS: Final = range(400, 500)
_SERVER_ERRORS: Final = range(500, 600)
_TOO_MANY: Final = 429

# The worst of several faults counts.
_GRAVITY: Final[tuple[Result, ...]] = ("failed", "throttled", "ignored", "cancelled")


def result_of_fault(fault: Fault, known: Result | None, action: Action) -> Result:
    """
    Return how an attempt ended that failed with this fault.

    The catalogue knows best. Where it is silent, the status tells; where there is none, the rule does: a code that is
    answered with another attempt is one of a service in trouble, and without ``counts`` one of too many requests.

    Args:
        fault: The fault.
        known: What the catalogue knows of its code; None where it is silent.
        action: What its rule asks for.
    """
    if known in {"throttled", "cancelled"}:
        return known
    status = fault.status
    if status == _TOO_MANY:
        return "throttled"
    if status in _CLIENT_ERRORS:
        # Services of our own have no catalogue, and some refuse too many requests with 400 or 403.
        return "throttled" if known is None and _is_patient(fault, action) else "ignored"
    if known is not None:
        return known
    if fault.code is None or status in _SERVER_ERRORS:
        return "throttled" if _is_patient(fault, action) else "failed"
    if action.do in {"retry", "verify"}:
        return "failed" if action.counts else "throttled"
    return "ignored"


def worst(results: list[Result]) -> Result:
    """Return what several faults of one attempt come to."""
    return min(results, key=_GRAVITY.index)


def _is_patient(fault: Fault, action: Action) -> bool:
    """Tell whether a rule treats a code of the service as a refusal that uses up nothing."""
    return fault.code is not None and action.do == "retry" and not action.counts
