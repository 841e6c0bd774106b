"""
Format 1 of the journal, byte for byte: what is written, and what is read of it.

``format_1.jsonl`` was written by the first version that has this format, and
``format_1.read.jsonl`` is what that version read of it. Neither is ever made anew: a journal
that somebody has kept must stay readable, and one that is written must stay readable to others.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, get_args

import attrs
import pytest
from attrs import evolve
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from scripted_calls import OVERFLOW, RETRY, THROTTLED, Flight, ended, failed, gave_up, started, succeeded

import resilience
from resilience import Journal
from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Fail, Refresh, Rename, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    CallStarted,
    Event,
    FaultInjected,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault
from resilience.core.policy import Action
from resilience.core.settings.chaos import Injection
from resilience.journal.format import RECORDS
from resilience.journal.model import Recording
from resilience.journal.reader import read

HERE: Final = Path(__file__).parent
WRITTEN: Final = HERE / "format_1.jsonl"
READ: Final = HERE / "format_1.read.jsonl"

_SPAN: Final = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
_ODD: Final = Fault(
    code="Busy; and a text",
    request_id="R-1?sig=x",
    error="no class: a text",
    retry_after=float("inf"),
    status=429,
    transport="lost",
    effect="none",
)


def calls() -> Iterator[list[Event]]:
    """Yield the events of calls in which everything is met that the format has a word for, odd values among it."""
    flight = Flight()
    listed = evolve(RETRY, backoff=Backoff(kind="list", delays=(1.0, 5.0), jitter="none", server_hint=False))
    named = Action(key="patient", do="retry", backoff=Backoff(base=0.1, cap=7, jitter="equal"))
    yield [Recalled(answer="unfinished", waited=0.25), *succeeded(1), ended()]
    yield [Recalled(answer="new", waited=0.0), *succeeded(1), ended("success", duration=1 / 3, waited=1e-9)]
    yield [
        *failed(1, Wait(rule=THROTTLED, action=named, delay=2 / 3)),
        *succeeded(2),
        ended("success_after_retry", "success", attempts=2, waited=2 / 3),
    ]
    yield [
        AttemptStarted(number=1),
        FaultInjected(number=1, injection=_injection(applied=False)),
        *failed(1, Refresh(rule=THROTTLED, action=listed, delay=0.5, provider="alibaba"), cut=True)[1:],
        RefreshStarted(provider="alibaba", flight=flight, leads=True, number=1),
        RefreshEnded(flight=flight, duration=0.25),
        *failed(2, Verify(rule=THROTTLED, action=RETRY, delay=0.5), fault=evolve(OVERFLOW, retry_after=None)),
        VerifyStarted(number=2),
        VerifyEnded(there=None, decision=Verify(delay=0.5), duration=0.125, error="LookupError"),
        VerifyStarted(number=2),
        VerifyEnded(there=False, decision=Rename(number=2), duration=0.125),
        ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="GID_ä", new="GID_a-2"),
        ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="GID_a-2", new="GID_a-3"),
        *failed(3, Accept(rule=THROTTLED, action=RETRY, dry_run=True), condition="0123456789ab"),
        ended("accepted", "dry_run", verified=False, attempts=3),
    ]
    yield [*failed(1, Accept(verified=True)), ended("accepted", "accepted", verified=True)]
    yield gave_up()
    yield gave_up("deadline")
    yield gave_up("inner", "failed", fault=evolve(OVERFLOW, code="NoSuchCode"))
    yield [*failed(1, Fail(reason="unknown"), fault=_ODD), ended("failed", "unknown", fault=_ODD, error="resilience.X")]
    yield [ended("refused", "ledger", attempts=0, error="resilience.RemedyFailed")]
    for error, how in (("TypeError", None), (None, "cancelled")):
        aborted = AttemptAborted(number=1, duration=0.5, error=error)
        yield [AttemptStarted(number=1), aborted, ended(how, how, error=error)]
    yield [RefreshStarted(provider="tencent", flight=flight, leads=False, number=0)]
    yield [AttemptStarted(number=1)]
    for decision in (
        Wait(delay=0.0),
        Refresh(rule=THROTTLED, provider="alibaba"),
        Rename(number=2),
        Fail(reason="max"),
    ):
        yield failed(1, decision)
        yield [VerifyStarted(number=1), VerifyEnded(there=True, decision=decision, duration=0.1)]
    # The end of a remedy that did not begin is a problem for the reader.
    yield [VerifyEnded(there=None, decision=None, duration=0.1)]
    yield [RefreshEnded(flight=flight, duration=0.1, error="OSError")]
    yield [RefreshEnded(flight=flight, duration=0.1, cancelled=True)]


def _injection(*, applied: bool) -> Injection:
    return Injection(id="a", provider="alibaba", operation=None, code="X", fault=OVERFLOW, rate=1.0, applied=applied)


def write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write all calls, with clocks, ids and a version that are the same each time."""
    ticks, ids = count(), count(1)
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0 + next(ticks) / 7)
    monkeypatch.setattr(os, "urandom", lambda size: next(ids).to_bytes(size))
    monkeypatch.setattr(os, "getpid", lambda: 77)
    monkeypatch.setattr(resilience, "__version__", "0.1.0")
    shown = Journal(path, run="pipeline-7", clock=count(0, 1 / 3).__next__)
    hidden = Journal(path, run="pipeline-8", show_names=False, clock=count().__next__)
    others = started("CreateTopic", provider=None)
    others = evolve(others, policy=evolve(others.policy, digest="", env=None))
    for events in calls():
        for journal, call in ((shown, started()), (hidden, others)):
            with trace.use_span(_SPAN if journal is shown else trace.INVALID_SPAN):
                sink = journal.watch(call)
            for event in events:
                sink(event)


def told(recording: Recording) -> Iterator[str]:
    """Yield a line for each run, call and problem of a recording, without what is as it is by default."""
    found: tuple[attrs.AttrsInstance, ...] = (*recording.runs, *recording.calls, *recording.problems)
    for each in found:
        yield json.dumps(attrs.asdict(each, filter=_is_said), separators=(",", ":"))


def _is_said(attribute: attrs.Attribute[Any], value: Any) -> bool:
    return value != attribute.default and value not in ({}, ())


def test_what_is_written_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record has the bytes that it always had."""
    with monkeypatch.context() as patched:
        write(tmp_path / "j", patched)
    assert (tmp_path / "j").read_bytes() == WRITTEN.read_bytes()


def test_every_event_has_a_record() -> None:
    """What happens to a call gets into the journal; without a record, reports and replays would miss it."""
    assert {CallStarted, *get_args(Event)} <= RECORDS.keys()


def test_what_was_written_is_read_as_ever() -> None:
    """A journal of the first version gives the same values, and the same problems."""
    assert list(told(read(WRITTEN))) == READ.read_text(encoding="utf-8").splitlines()
