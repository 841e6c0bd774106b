"""Journals, as :mod:`resilience.telemetry.journal` writes them; a change of either is one of both."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, evolve, field

from resilience.core.backoff import BACKOFF_KINDS, JITTERS, Backoff
from resilience.core.fault import TRANSPORTS, Fault
from resilience.core.policy import VERBS
from resilience.records.fields import (
    ANSWERS,
    EFFECTS,
    ENDS,
    RECALLS,
    STOP_REASONS,
    Fields,
    MalformedError,
    needed,
)
from resilience.records.model import (
    Problem,
    RecordedAttempt,
    RecordedCall,
    RecordedRemedy,
    RecordedRun,
)

NEWEST_FORMAT: Final = 1
"""The newest version of the format that is read."""


@define
class _Process:
    run: str
    is_known: bool = True


@define
class _Call:
    """A call as far as it was read."""

    call: RecordedCall
    offset: float
    attempts: list[RecordedAttempt] = field(factory=list)
    remedies: list[RecordedRemedy] = field(factory=list)
    chaos: tuple[str | None, bool | None] = (None, None)

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
    _processes: dict[str, _Process] = field(factory=dict)
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
        name, run = needed(fields.text("process"), "process"), needed(fields.text("run"), "run")
        form = needed(fields.whole("format"), "format")
        if form > NEWEST_FORMAT:
            self._processes[name] = _Process(run, is_known=False)
            self.problems.append(
                Problem(
                    line, f"format {form}, of which only {NEWEST_FORMAT} is known here; read it with a newer version"
                )
            )
            return
        self._processes[name] = _Process(run)
        at, pid = needed(fields.number("at"), "at"), fields.whole("pid")
        known = self._runs.get(run) or RecordedRun(id=run, started_at=at, version=fields.text("version"))
        pids = known.pids if pid is None or pid in known.pids else (*known.pids, pid)
        self._runs[run] = evolve(known, started_at=min(at, known.started_at), pids=pids)

    def _of_call(self, line: int, kind: str, fields: Fields) -> None:
        name = needed(fields.text("call"), "call")
        process = self._processes.get(name.rpartition("-")[0])
        if process is not None and not process.is_known:
            return
        if kind == "call_started":
            self._calls[name] = _started(name, process, fields)
            return
        call = self._calls.get(name)
        if call is None:
            if name not in self._lost:
                self._lost.add(name)
                self.problems.append(Problem(line, f"the beginning of call {name[:40]} is not in this file"))
            return
        _go_on(call, kind, fields)


def _started(name: str, process: _Process | None, fields: Fields) -> _Call:
    return _Call(
        RecordedCall(
            id=name,
            run=name.rpartition("-")[0] if process is None else process.run,
            operation=needed(fields.text("operation"), "operation"),
            provider=fields.text("provider"),
            policy=fields.text("policy"),
            policy_hash=fields.text("hash"),
            env=fields.text("env"),
            started_at=needed(fields.number("at"), "at"),
            trace_id=fields.text("trace_id"),
            span_id=fields.text("span_id"),
        ),
        offset=needed(fields.number("offset"), "offset"),
    )


def _go_on(call: _Call, kind: str, fields: Fields) -> None:
    """Take one record of a call that has begun."""
    # By the offsets: the time of day may be set while a call runs.
    now = call.call.started_at + needed(fields.number("offset"), "offset") - call.offset
    match kind:
        case "recalled":
            call.call = evolve(call.call, recalled=fields.word("answer", RECALLS))
        case "attempt_started":
            call.attempts.append(RecordedAttempt(number=_count(fields), started_at=now))
        case "fault_injected":
            call.chaos = fields.text("chaos"), fields.truth("applied")
        case "attempt_succeeded" | "attempt_failed" | "attempt_aborted":
            _attempt_ended(call, kind, fields, now)
        case "refresh_started":
            call.remedies.append(
                RecordedRemedy(
                    kind="refresh",
                    number=_count(fields),
                    started_at=now,
                    provider=fields.text("provider"),
                    leads=fields.truth("leads") is not False,
                )
            )
        case "verify_started":
            call.remedies.append(RecordedRemedy(kind="verify", number=_count(fields), started_at=now))
        case "refresh_ended" | "verify_ended":
            _remedy_ended(call, fields)
        case "renamed":
            _renamed(call, fields)
        case "call_ended":
            _call_ended(call, fields)
        case _:
            # A later version may tell more; what it tells is no less true for that.
            pass


def _count(fields: Fields) -> int:
    return needed(fields.whole("number"), "number")


def _attempt_ended(call: _Call, kind: str, fields: Fields, now: float) -> None:
    number, duration = _count(fields), needed(fields.number("duration"), "duration")
    if not call.attempts or call.attempts[-1].number != number:
        call.attempts.append(RecordedAttempt(number=number, started_at=now - duration))
    (chaos, applied), call.chaos = call.chaos, (None, None)
    known = evolve(call.attempts[-1], duration=duration, chaos=chaos, applied=applied)
    if kind == "attempt_aborted":
        known = evolve(known, aborted=True, error=fields.text("error"))
    elif kind == "attempt_failed":
        fault = needed(fields.inside("fault"), "fault")
        known = evolve(
            known,
            fault=_fault(fault),
            effect=fields.word("effect", EFFECTS),
            condition=fields.text("condition"),
            cut=fields.truth("cut") is True,
            **_decision(fields),
        )
    call.attempts[-1] = known


def _remedy_ended(call: _Call, fields: Fields) -> None:
    if not call.remedies or call.remedies[-1].duration is not None:
        raise MalformedError("a remedy ended that did not begin")
    remedy = call.remedies[-1]
    error = fields.text("error")
    answer = fields.word("answer", ANSWERS)
    if answer is None:
        answer = "cancelled" if fields.truth("cancelled") else "done" if error is None else "failed"
    duration = needed(fields.number("duration"), "duration")
    call.remedies[-1] = evolve(remedy, duration=duration, answer=answer, error=error, **_decision(fields))


def _renamed(call: _Call, fields: Fields) -> None:
    name = needed(fields.text("field"), "field")
    first, _ = call.call.renamed.get(name, (fields.text("old"), None))
    renamed = {**call.call.renamed, name: (first, fields.text("new"))}
    call.call = evolve(call.call, renamed=renamed, renames=call.call.renames + 1)


def _call_ended(call: _Call, fields: Fields) -> None:
    call.call = evolve(
        call.call,
        duration=needed(fields.number("duration"), "duration"),
        ended=fields.word("ended", ENDS),
        stop_reason=fields.word("stop_reason", STOP_REASONS),
        waited=fields.number("waited") or 0.0,
        verified=fields.truth("verified"),
        error_type=fields.text("error_type"),
    )


def _fault(fields: Fields) -> Fault:
    return Fault(
        provider=fields.text("provider"),
        code=fields.text("code"),
        transport=fields.word("transport", TRANSPORTS),
        status=fields.whole("status"),
        request_id=fields.text("request_id"),
        retry_after=fields.number("retry_after"),
        effect=fields.word("effect", EFFECTS),
        error=fields.text("error") or "",
    )


def _decision(fields: Fields) -> dict[str, Any]:
    decision = fields.inside("decision")
    if decision is None:
        return {}
    return {
        "action": decision.word("action", VERBS),
        "rule_id": decision.text("rule"),
        "rule_origin": decision.text("origin"),
        "action_name": decision.text("name"),
        "delay": decision.number("delay") or 0.0,
        "backoff": _backoff(decision.inside("backoff")),
        "stop_reason": decision.word("stop_reason", STOP_REASONS),
        "verified": decision.truth("verified"),
        "dry_run": decision.truth("dry_run") is True,
    }


def _backoff(fields: Fields | None) -> Backoff | None:
    if fields is None:
        return None
    return Backoff(
        kind=needed(fields.word("kind", BACKOFF_KINDS), "kind"),
        base=needed(fields.number("base"), "base"),
        factor=needed(fields.number("factor"), "factor"),
        cap=needed(fields.number("cap"), "cap"),
        jitter=needed(fields.word("jitter", JITTERS), "jitter"),
        server_hint=fields.truth("server_hint") is not False,
        delays=tuple(Fields({"delays": each}).number("delays") or 0.0 for each in fields.all_of("delays")),
    )
