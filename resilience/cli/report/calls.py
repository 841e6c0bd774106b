"""One recorded call of a report: its end, its times, and whether it may have left a resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, TypeVar

from attrs import define

from resilience.catalog import operation_facts
from resilience.cli.report.labels import END_WORDS, FAILED, EndLabel, end_of
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy, Recording

_K = TypeVar("_K")

# Three thousand years, in seconds.
_LONGEST: Final = 1e11
_GOOD: Final[frozenset[EndLabel]] = frozenset({"success", "success_after_retry", "accepted"})


@define(kw_only=True, frozen=True, slots=False, eq=False)  # with slots nothing could be cached
class ReportedCall:
    """
    A recorded call.

    Attributes:
        number: Its number in the report, counted from 1 in the order of the calls' starts.
        run: The number of its run, counted from 1.
        call: The record.
    """

    number: int
    run: int
    call: RecordedCall

    @cached_property
    def end(self) -> EndLabel:
        """The end of the call."""
        return end_of(self.call)

    @property
    def has_failed(self) -> bool:
        """Whether it failed; a call without an end has not failed."""
        return self.end in FAILED

    @cached_property
    def finish(self) -> float:
        """The time of its end, or else of its last event, in seconds since the epoch."""
        call = self.call
        if call.duration is not None:
            return call.started_at + bounded(call.duration)
        return max([call.started_at, *(each.started_at + bounded(each.duration) for each in self.steps())])

    @property
    def took(self) -> float:
        """Its known duration, in seconds."""
        return self.finish - self.call.started_at

    @cached_property
    def calling(self) -> float:
        """The duration of its attempts, in seconds."""
        return bounded(sum(bounded(each.duration) for each in self.call.attempts))

    @cached_property
    def remedying(self) -> float:
        """The duration of its refreshes and verifications, in seconds."""
        return bounded(sum(bounded(each.duration) for each in self.call.remedies))

    @cached_property
    def waiting(self) -> float:
        """The duration of its waits, in seconds."""
        return bounded(self.call.waited)

    @cached_property
    def queued(self) -> float:
        """The duration of its waits before attempts, in seconds; those for credentials are remedies."""
        waits = self.call.gate_waits.items()
        return bounded(sum(bounded(length) for gate, length in waits if gate != "credentials"))

    @property
    def other(self) -> float:
        """The rest of the duration, in seconds: our own work."""
        return max(self.took - self.calling - self.remedying - self.waiting - self.queued, 0.0)

    def steps(self) -> Iterator[RecordedAttempt | RecordedRemedy]:
        """Yield attempts and remedies in the order of their starts."""
        steps: list[RecordedAttempt | RecordedRemedy] = [*self.call.attempts, *self.call.remedies]
        yield from sorted(steps, key=lambda each: each.started_at)

    @cached_property
    def last(self) -> RecordedAttempt | None:
        """The last failed attempt, or None."""
        return next((each for each in reversed(self.call.attempts) if each.fault is not None), None)

    @cached_property
    def request_id(self) -> str | None:
        """The service's id of the last request that has one; the service's support asks for it."""
        faults = (each.fault for each in reversed(self.call.attempts))
        return next((fault.request_id for fault in faults if fault is not None and fault.request_id is not None), None)

    @cached_property
    def failure(self) -> str:
        """The last fault, or else the class of the exception."""
        if self.last is not None and self.last.fault is not None:
            return self.last.fault.label
        return self.call.error_type or self.call.stop_reason or "nothing that was recorded"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The faults of its attempts, each once."""
        return tuple(dict.fromkeys(each.fault.label for each in self.call.attempts if each.fault is not None))

    @cached_property
    def may_exist(self) -> bool:
        """Whether it ended badly after an attempt that may have taken effect and was not verified."""
        if self.end in _GOOD or self._repeat() == "safe":
            return False
        doubt = False
        for each in self.steps():
            if isinstance(each, RecordedAttempt):
                doubt = doubt or each.effect == "unknown" or each.aborted or each.duration is None
                # Another name means another resource, without a doubt.
                doubt = doubt and each.action != "rename"
            elif each.answer in {"there", "not_there", "discarded"}:
                # A second verification follows an answer that came too early to count.
                doubt = doubt and each.action == "verify"
        return doubt

    def _repeat(self) -> str | None:
        facts = operation_facts(self.call.provider, self.call.operation)
        return None if facts is None else facts.repeat


def bounded(length: float | None) -> float:
    """Return a length of time, 0 for None; an impossible length is cut, so that sums stay finite."""
    return min(length or 0.0, _LONGEST)


def durations(calls: Iterable[ReportedCall]) -> list[float]:
    """Return the durations of the calls that have ended, in seconds."""
    return [each.took for each in calls if each.end != "unfinished"]


def waits_of(calls: Iterable[ReportedCall]) -> list[float]:
    """Return the lengths of all waits, in seconds."""
    return [bounded(each.delay) for one in calls for each in one.steps() if each.delay > 0]


def reported(recordings: Iterable[Recording]) -> tuple[ReportedCall, ...]:
    """
    Return the calls of all recordings, each once, by run and in the order of their starts.

    A run may have several files. A file may be named twice, and a run's journal may be named with its spans.
    """
    seen: set[tuple[str, str]] = set()
    runs: dict[str, list[RecordedCall]] = {}
    for call in (call for recording in recordings for call in recording.calls):
        marks = {("id", f"{call.run} {call.id}")}
        if call.trace_id is not None and call.span_id is not None:
            marks.add(("span", f"{call.trace_id} {call.span_id}"))
        if not marks & seen:
            runs.setdefault(call.run, []).append(call)
        seen |= marks
    ordered = sorted(runs.values(), key=lambda calls: min(each.started_at for each in calls))
    found: list[ReportedCall] = []
    for run, calls in enumerate(ordered, 1):
        for call in sorted(calls, key=lambda each: each.started_at):
            found.append(ReportedCall(number=len(found) + 1, run=run, call=call))
    return tuple(found)


def by(calls: Iterable[ReportedCall], key: Callable[[ReportedCall], _K]) -> dict[_K, list[ReportedCall]]:
    """Group calls by a key, in the order of each group's first call."""
    groups: dict[_K, list[ReportedCall]] = {}
    for each in calls:
        groups.setdefault(key(each), []).append(each)
    return groups


def ends_of(calls: Iterable[ReportedCall]) -> Mapping[EndLabel, int]:
    """Return the number of calls for each end that occurred, from good to bad."""
    counts = Counter(each.end for each in calls)
    return {end: counts[end] for end in END_WORDS if counts[end]}
