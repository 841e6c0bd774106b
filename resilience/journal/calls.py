"""Makes calls from the records of a journal."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field

from resilience.journal.fields import MalformedError, RecordFields, needed
from resilience.journal.format import FORMAT, read
from resilience.journal.model import (
    RecordedAdaptation,
    RecordedAttempt,
    RecordedBreakerChange,
    RecordedCall,
    RecordedRemedy,
    SkippedPart,
)
from resilience.journal.runs import KnownRuns

_ENDS_OF_REMEDIES: Final = frozenset({"refresh_ended", "verify_ended"})


@define
class _Call:
    """The fields of a call, its attempts and its remedies so far."""

    about: dict[str, Any]
    offset: float
    attempts: list[dict[str, Any]] = field(factory=list)
    remedies: list[dict[str, Any]] = field(factory=list)
    chaos: dict[str, Any] = field(factory=dict)
    end: dict[str, Any] = field(factory=dict)

    def done(self) -> RecordedCall:
        return RecordedCall(
            **self.about,
            **self.end,
            attempts=tuple([RecordedAttempt(**each) for each in self.attempts]),
            remedies=tuple([RecordedRemedy(**each) for each in self.remedies]),
        )


@define
class JournalReader:
    """
    Reads a journal's records one by one.

    Attributes:
        problems: The records that could not be read.
        runs: The runs so far.
        adaptations: The changes of rate limits so far.
        breaker_changes: The changes of breakers so far.
    """

    problems: list[SkippedPart] = field(factory=list)
    runs: KnownRuns = field(factory=KnownRuns)
    adaptations: list[RecordedAdaptation] = field(factory=list)
    breaker_changes: list[RecordedBreakerChange] = field(factory=list)
    _processes: dict[str, str | None] = field(factory=dict)
    _calls: dict[str, _Call] = field(factory=dict)
    _lost: set[str] = field(factory=set)

    def add(self, line: int, record: dict[str, Any]) -> None:
        """Read one record."""
        fields = RecordFields(record)
        try:
            kind = needed(fields.text("record"), "record")
            if kind == "process":
                self._process(line, fields)
            else:
                self._of_call(line, kind, fields)
        except MalformedError as error:
            self.problems.append(SkippedPart(line, str(error)))

    def take_calls(self) -> list[RecordedCall]:
        """Return the calls so far and forget their fields, because both together take half as much memory again."""
        return [self._calls.pop(name).done() for name in list(self._calls)]

    def _process(self, line: int, fields: RecordFields) -> None:
        name, form = needed(fields.text("process"), "process"), needed(fields.whole("format"), "format")
        if form > FORMAT:
            self._processes[name] = None
            reason = f"format {form} is newer than {FORMAT}, the one that this version reads; use a newer version"
            self.problems.append(SkippedPart(line, reason))
            return
        run = self._processes[name] = needed(fields.text("run"), "run")
        found, at = read("process", fields), needed(fields.number("at"), "at")
        self.runs.add(run, at, version=found.get("version"), pid=found.get("pid"))

    def _of_call(self, line: int, kind: str, fields: RecordFields) -> None:
        name = needed(fields.text("call"), "call")
        process = name.rpartition("-")[0]
        run = self._processes.get(process, process)
        if run is None:
            return  # of a later format
        if kind == "call_started":
            at, offset = needed(fields.number("at"), "at"), needed(fields.number("offset"), "offset")
            self._calls[name] = _Call({"id": name, "run": run, "started_at": at, **read(kind, fields)}, offset)
            return
        call = self._calls.get(name)
        if call is not None:
            self._go_on(call, kind, fields)
        elif name not in self._lost:
            self._lost.add(name)
            self.problems.append(SkippedPart(line, f"the beginning of call {name[:40]} is not in this file"))

    def _go_on(self, call: _Call, kind: str, fields: RecordFields) -> None:
        """Read one record of a call that has begun."""
        # By offsets, because the time of day may be set during a call.
        now = call.about["started_at"] + needed(fields.number("offset"), "offset") - call.offset
        _check_order(call, kind)
        found, run, process = read(kind, fields), call.about["run"], call.about["id"].rpartition("-")[0]
        match kind:
            case "rate_adapted":
                self.adaptations.append(RecordedAdaptation(at=now, run=run, process=process, **found))
            case "breaker_changed":
                self.breaker_changes.append(RecordedBreakerChange(at=now, run=run, process=process, **found))
            case "retry_paid":
                call.about["retries_paid"] = call.about.get("retries_paid", 0) + 1
            case _:
                _happened(call, kind, now, found)


def _happened(call: _Call, kind: str, now: float, found: dict[str, Any]) -> None:
    """Add what a record says to its call."""
    match kind:
        case "attempt_started":
            call.attempts.append({"started_at": now, **found})
        case "fault_injected":
            call.chaos = found
        case "attempt_succeeded" | "attempt_failed" | "attempt_aborted":
            _attempt_ended(call, found, now, aborted=kind == "attempt_aborted")
        case "refresh_started" | "verify_started":
            call.remedies.append({"kind": kind.removesuffix("_started"), "started_at": now, **found})
        case "refresh_ended" | "verify_ended":
            _remedy_ended(call, found)
        case "renamed":
            _renamed(call.about, **found)
        case "waited":
            waits = call.about.setdefault("gate_waits", {})
            add_wait(waits, needed(found.get("gate"), "gate"), needed(found.get("duration"), "duration"))
        case "recalled":
            call.about |= found
        case "call_ended":
            call.end = found


def _check_order(call: _Call, kind: str) -> None:
    if kind in _ENDS_OF_REMEDIES and (not call.remedies or "duration" in call.remedies[-1]):
        raise MalformedError("a remedy ended that did not begin")


def add_wait(waits: dict[str, float], gate: str, duration: float) -> None:
    """Add a wait to those for the same gate."""
    waits[gate] = waits.get(gate, 0.0) + duration


def _attempt_ended(call: _Call, found: dict[str, Any], now: float, *, aborted: bool) -> None:
    started_at = now - found["duration"]
    if call.attempts and call.attempts[-1]["number"] == found["number"]:
        started_at = call.attempts.pop()["started_at"]
    decision = found.pop("decision", {})
    call.attempts.append({"started_at": started_at, **found, **call.chaos, **decision, "aborted": aborted})
    call.chaos = {}


def _remedy_ended(call: _Call, found: dict[str, Any]) -> None:
    decision, is_cancelled = found.pop("decision", {}), found.pop("cancelled", False)
    known = "cancelled" if is_cancelled else "failed" if "error" in found else "done"
    call.remedies[-1] |= {"answer": known} | found | decision


def _renamed(about: dict[str, Any], field: str, old: str | None = None, new: str | None = None) -> None:
    before = about.get("renamed", {})
    first, _ = before.get(field, (old, None))
    about |= {"renamed": {**before, field: (first, new)}, "renames": about.get("renames", 0) + 1}
