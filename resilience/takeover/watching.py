"""The observer that counts what becomes of calls."""

from __future__ import annotations

from typing import Final

from attrs import define, frozen

from resilience.core.events import (
    ALWAYS_IDLE,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    RefreshStarted,
    Sink,
    Slot,
    VerifyStarted,
)
from resilience.core.labels import cleaned
from resilience.takeover.counters import Counters
from resilience.takeover.notes import Notes
from resilience.telemetry.sentences import NAME_REFUSED, is_name_refused

_FAILED: Final = frozenset({"failed", "exhausted", "refused"})
_MILLISECONDS: Final = 1000


@define(eq=False)
class Counting:
    """
    Counts retries, remedies and ends, and notes which calls failed.

    A call that succeeds at once has none of these; it is counted where it begins.
    """

    counters: Counters
    notes: Notes
    idle_slot: Slot | None = ALWAYS_IDLE

    def watch(self, started: CallStarted) -> Sink:
        """Watch every call that is announced."""
        return _Call(started.operation, self)


@frozen(eq=False)
class _Call:
    operation: str
    counting: Counting

    def __call__(self, event: Event) -> None:
        counters = self.counting.counters
        match event:
            case AttemptStarted(number=number) if number > 1:
                counters.add("retries")
            case RefreshStarted(leads=True):
                counters.add("refreshes")
            case VerifyStarted():
                counters.add("verifications")
            case CallEnded():
                self._ended(event)

    def _ended(self, event: CallEnded) -> None:
        counters = self.counting.counters
        waited = round(event.waited * _MILLISECONDS)
        if waited:
            counters.add("waited", waited)
        if event.ended == "accepted":
            counters.add("accepted")
        if event.ended in _FAILED:
            counters.add("failures")
            code = None if event.fault is None else cleaned(event.fault.code)
            # A status says more than the way in which it came.
            label = None if event.fault is None or event.fault.code is not None else event.fault.label
            why = NAME_REFUSED if is_name_refused(event) else code or label or event.stop_reason or "failed"
            self.counting.notes.fail(self.operation, why)
            if event.advice is not None:
                self.counting.notes.remark(event.advice)
        if event.ended == "refused":
            counters.add("refused")
