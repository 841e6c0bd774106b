"""Events of every kind, for calls in which anything may follow anything."""

from __future__ import annotations

from attrs import evolve
from scripted_calls import FAIL, INJECTION, OVERFLOW, RETRY, THROTTLED, Flight, ended, failed, succeeded

from resilience.core.admission.levels import RateChange
from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    BreakerChanged,
    CallEnded,
    Event,
    FaultInjected,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    RetryPaid,
    StateChanged,
    VerifyEnded,
    VerifyStarted,
    Waited,
)

_FLIGHTS = [Flight(), Flight()]
_DECISIONS: list[Decision] = [
    Wait(rule=THROTTLED, action=RETRY, delay=0.1),
    Wait(delay=0.0),
    Refresh(rule=THROTTLED, action=RETRY, provider="alibaba"),
    Rename(number=2),
    Verify(delay=0.1),
    Accept(),
    Fail(rule=THROTTLED, action=FAIL, reason="rule"),
]
CHANGE = BreakerChanged(
    provider="alibaba",
    operation=None,
    old="closed",
    new="open",
    by_hand=False,
    is_shadow=True,
    failures=6,
    results=10,
)
"""A breaker has opened."""
ADAPTED = RateAdapted(
    provider="alibaba",
    change=RateChange(operation="CreateGroupId", old=10.0, new=6.0, declared=10.0, refused=4, answered=11),
)
"""A rate limit has gone down."""
EVENTS: list[Event] = [
    Waited(gate="thread", duration=0.1),
    CHANGE,
    evolve(CHANGE, operation="CreateGroupId", new="half_open", results=0),
    ADAPTED,
    StateChanged(is_away=True, on_unavailable="local"),
    RetryPaid(provider="alibaba", retries_left=3),
    Recalled(answer="new", waited=0.0),
    Recalled(answer="unfinished", waited=0.1),
    AttemptStarted(number=1),
    *succeeded(2),
    *(event for decision in _DECISIONS for event in failed(3, decision)[1:]),
    AttemptAborted(number=1, duration=0.1, error=None),
    AttemptAborted(number=1, duration=0.1, error="TypeError"),
    *(
        RefreshStarted(provider="alibaba", flight=flight, leads=leads, number=1)
        for flight in _FLIGHTS
        for leads in (True, False)
    ),
    *(RefreshEnded(flight=flight, duration=0.1) for flight in _FLIGHTS),
    RefreshEnded(flight=_FLIGHTS[0], duration=0.1, error="OSError"),
    FaultInjected(number=1, injection=INJECTION),
    VerifyStarted(number=1),
    *(VerifyEnded(there=True, decision=decision, duration=0.1) for decision in (None, *_DECISIONS)),
    VerifyEnded(there=None, decision=None, duration=0.1, error="OSError"),
    VerifyEnded(there=False, decision=Wait(delay=0.0), duration=0.1, discarded=True),
    ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="a", new="b"),
]
ENDS: list[CallEnded] = [
    ended(),
    ended("accepted", "accepted"),
    ended("cancelled", "cancelled"),
    ended("failed", "rule", fault=OVERFLOW, error="sdk.ServerError"),
    ended(None, None, error="TypeError"),
]
