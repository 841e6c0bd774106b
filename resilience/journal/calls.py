"""What the records of a journal tell of calls."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, evolve, field

from resilience.journal.fields import Fields, MalformedError, needed
from resilience.journal.format import FORMAT, read
from resilience.journal.model import Problem, RecordedAttempt, RecordedCall, RecordedRemedy, RecordedRun

_ENDS_OF_REMEDIES: Final = frozenset({"refresh_ended", "verify_ended"})


@define
class _Call:
    """A call as far as it was read."""

    call: RecordedCall
    offset: float
    attempts: list[RecordedAttempt] = field(factory=list)
    remedies: list[RecordedRemedy] = field(factory=list)
    chaos: dict[str, Any] = field(factory=dict)

    def done(self) -> RecordedCall:
        return evolve(self.call, attempts=tuple(self.attempts), remedies=tuple(self.remedies))


@define
class JournalReader:
    """
    Takes a journal's records one by one.

    Attributes:
        problems: What could not be understood.
    """

    problems: list[Problem] = field(factory=list)
    _runs: dict[str, RecordedRun] = field(factory=dict)
    _processes: dict[str, str | None] = field(factory=dict)
    _calls: dict[str, _Call] = field(factory=dict)
    _lost: set[str] = field(factory=set)

    def add(self, line: int, record: dict[str, Any]) -> None:
        """Take one record."""
        fields = Fields(record)
        try:
            kind = needed(fields.text("record"), "record")
            if kind == "process":
                self._process(line, fields)
            else:
                self._of_call(line, kind, fields)
        except MalformedError as error:
            self.problems.append(Problem(line, str(error)))

    def calls(self) -> list[RecordedCall]:
        """Return the calls that were read so far."""
        return [each.done() for each in self._calls.values()]

    def runs(self) -> list[RecordedRun]:
        """Return the runs that were read so far."""
        return list(self._runs.values())

    def _process(self, line: int, fields: Fields) -> None:
        name, form = needed(fields.text("process"), "process"), needed(fields.whole("format"), "format")
        if form > FORMAT:
            self._processes[name] = None
            reason = f"format {form}, of which only {FORMAT} is known here; read it with a newer version"
            self.problems.append(Problem(line, reason))
            return
        found, at = read("process", fields), needed(fields.number("at"), "at")
        run = self._processes[name] = found["run"]
        known = self._runs.get(run) or RecordedRun(id=run, started_at=at, version=found.get("version"))
        pids = dict.fromkeys([*known.pids, *([found["pid"]] if "pid" in found else [])])
        self._runs[run] = evolve(known, started_at=min(at, known.started_at), pids=tuple(pids))

    def _of_call(self, line: int, kind: str, fields: Fields) -> None:
        name = needed(fields.text("call"), "call")
        process = name.rpartition("-")[0]
        run = self._processes.get(process, process)
        if run is None:
            return  # of a later format
        if kind == "call_started":
            at, offset = needed(fields.number("at"), "at"), needed(fields.number("offset"), "offset")
            self._calls[name] = _Call(RecordedCall(id=name, run=run, started_at=at, **read(kind, fields)), offset)
            return
        call = self._calls.get(name)
        if call is not None:
            _go_on(call, kind, fields)
        elif name not in self._lost:
            self._lost.add(name)
            self.problems.append(Problem(line, f"the beginning of call {name[:40]} is not in this file"))


def _go_on(call: _Call, kind: str, fields: Fields) -> None:
    """Take one record of a call that has begun."""
    # By the offsets: the time of day may be set while a call runs.
    now = call.call.started_at + needed(fields.number("offset"), "offset") - call.offset
    if kind in _ENDS_OF_REMEDIES and (not call.remedies or call.remedies[-1].duration is not None):
        raise MalformedError("a remedy ended that did not begin")
    found = read(kind, fields)
    match kind:
        case "attempt_started":
            call.attempts.append(RecordedAttempt(**found, started_at=now))
        case "fault_injected":
            call.chaos = found
        case "attempt_succeeded" | "attempt_failed" | "attempt_aborted":
            _attempt_ended(call, found, now, aborted=kind == "attempt_aborted")
        case "refresh_started":
            call.remedies.append(RecordedRemedy(kind="refresh", **found, started_at=now))
        case "verify_started":
            call.remedies.append(RecordedRemedy(kind="verify", **found, started_at=now))
        case "refresh_ended" | "verify_ended":
            _remedy_ended(call, found)
        case "renamed":
            _renamed(call, **found)
        case "recalled" | "call_ended":
            # What they say, they say of the whole call.
            call.call = evolve(call.call, **found)


def _attempt_ended(call: _Call, found: dict[str, Any], now: float, *, aborted: bool) -> None:
    if not call.attempts or call.attempts[-1].number != found["number"]:
        call.attempts.append(RecordedAttempt(number=found["number"], started_at=now - found["duration"]))
    decision = found.pop("decision", {})
    call.attempts[-1] = evolve(call.attempts[-1], **found, **call.chaos, **decision, aborted=aborted)
    call.chaos = {}


def _remedy_ended(call: _Call, found: dict[str, Any]) -> None:
    decision, is_cancelled = found.pop("decision", {}), found.pop("cancelled", False)
    known = "cancelled" if is_cancelled else "failed" if "error" in found else "done"
    call.remedies[-1] = evolve(call.remedies[-1], **{"answer": known, **found}, **decision)


def _renamed(call: _Call, field: str, old: str | None = None, new: str | None = None) -> None:
    first, _ = call.call.renamed.get(field, (old, None))
    call.call = evolve(call.call, renamed={**call.call.renamed, field: (first, new)}, renames=call.call.renames + 1)
