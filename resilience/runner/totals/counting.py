"""The observer that counts the results of calls."""

from __future__ import annotations

from functools import partial
from typing import Final

from attrs import define

from resilience.core.events import (
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    RefreshStarted,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.observer import ALWAYS_IDLE, Sink, Slot
from resilience.core.words.labels import cleaned
from resilience.runner.totals.counters import Counters
from resilience.runner.totals.notes import Notes
from resilience.telemetry.sentences import NAME_REFUSED, is_name_refused

_FAILED: Final = frozenset({"failed", "exhausted", "refused"})
_MILLISECONDS: Final = 1000


@define(eq=False)
class CountingObserver:
    """
    Counts retries, remedies and ends, and notes which calls failed.

    A call that succeeds at once has none of these; ``Counters.tally`` counts it at its start.
    """

    counters: Counters
    notes: Notes
    idle_slot: Slot | None = ALWAYS_IDLE

    def watch(self, started: CallStarted) -> Sink:
        """Return the function that counts the events of a call."""
        return partial(self._count, started.operation)

    def _count(self, operation: str, event: Event) -> None:
        match event:
            case AttemptStarted(number=number) if number > 1:
                self.counters.add("retries")
            case RefreshStarted(leads=True):
                self.counters.add("refreshes")
            case VerifyStarted():
                self.counters.add("verifications")
            case VerifyEnded(discarded=True):
                self.counters.add("discards")
            case CallEnded():
                self._count_end(operation, event)

    def _count_end(self, operation: str, ended: CallEnded) -> None:
        waited = round(ended.waited * _MILLISECONDS)
        if waited:
            self.counters.add("waited", waited)
        if ended.ended == "accepted":
            self.counters.add("accepted")
        if ended.ended in _FAILED:
            self.counters.add("failures")
            code = None if ended.fault is None else cleaned(ended.fault.code)
            # Without a code, the label has the status or the kind of transport fault.
            label = None if ended.fault is None or ended.fault.code is not None else ended.fault.label
            why = NAME_REFUSED if is_name_refused(ended) else code or label or ended.stop_reason or "failed"
            self.notes.fail(operation, why)
            if ended.advice is not None:
                self.notes.remark(ended.advice)
        if ended.ended == "refused":
            self.counters.add("refused")
