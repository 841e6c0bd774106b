"""Recorded calls for reports: as values, and as the lines of a journal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from resilience.cli.report.calls import reported
from resilience.cli.report.limits.changes import LimitChanges
from resilience.cli.report.numbers import Summary, summarised
from resilience.core.fault import Fault
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy, Recording

START: Final = 1_795_305_600.0
"""2026-11-22 00:00:00 UTC: when what is recorded here began."""

_numbers = itertools.count(1)

HOSTILE: Final = "</script><img src=x onerror=alert(1)>\x1b[2J\u202e&amp;"
"""What a journal might be made to say: markup, an order to a terminal, a turn of the writing direction."""


def fault(code: str | None = "SystemOverFlow", **fields: Any) -> Fault:
    """Return a fault of Alibaba's service."""
    return Fault(**{"provider": "alibaba", "code": code, "status": 503, "request_id": "REQ-1"} | fields)


def attempt(number: int = 1, at: float = 0.0, took: float | None = 1.0, **fields: Any) -> RecordedAttempt:
    """Return an attempt that began so many seconds after the start; a success, unless a fault is given."""
    if isinstance(code := fields.get("fault"), str):
        fields["fault"] = fault(code)
    if fields.get("fault") is not None:
        fields = {"action": "retry", "effect": "none", "rule_id": 'alibaba."SystemOverFlow"'} | fields
        fields = {"rule_origin": "policies/mqtt.toml:7"} | fields
    return RecordedAttempt(number=number, started_at=START + at, duration=took, **fields)


def remedy(kind: Any = "verify", at: float = 1.0, took: float | None = 0.5, **fields: Any) -> RecordedRemedy:
    """Return a refresh or a verification that began so many seconds after the start."""
    return RecordedRemedy(**{"kind": kind, "number": 1, "started_at": START + at, "duration": took} | fields)


def call(*attempts: RecordedAttempt, at: float = 0.0, took: float | None = 1.0, **fields: Any) -> RecordedCall:
    """Return a call that began so many seconds after the start; a success, unless it is said otherwise."""
    ended = None if took is None else "success"
    fixed: dict[str, Any] = {
        "id": f"call-{next(_numbers)}",
        "run": "run-1",
        "operation": "CreateGroupId",
        "provider": "alibaba",
        "policy": "provisioning",
        "policy_hash": "0123456789ab",
        "env": "prod",
        "started_at": START + at,
        "duration": took,
        "ended": ended,
        "stop_reason": ended,
        "attempts": attempts or (attempt(at=at, took=took),),
    }
    return RecordedCall(**fixed | fields)


def failed(code: str = "QuotaFull", **fields: Any) -> RecordedCall:
    """Return a call that failed at its first attempt, as a rule said."""
    rule = fields.pop("rule_id", f'alibaba."{code}"')
    at = fields.get("at", 0.0)
    its = attempt(at=at, fault=fault(code, status=400, request_id=f"REQ-{code}-{at:g}"), action="fail", rule_id=rule)
    return call(its, **{"ended": "failed", "stop_reason": "rule"} | fields)


def summary(*calls: RecordedCall, **more: Any) -> Summary:
    """Return the numbers of these calls, and of what else a recording has."""
    recordings = [Recording(calls=calls, **more)]
    return summarised(reported(recordings), LimitChanges.of(recordings))


def write_journal(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """Write a journal with these records after that of a process; instants count from the start."""
    lines = [{"record": "process", "format": 1, "run": "run-1", "process": "p", "pid": 1, "at": 0.0}, *records]
    text = "".join(json.dumps(line | {"at": START + line["at"], "offset": line["at"]}) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def told(name: str, at: float = 0.0, *, code: str | None = None, operation: str = "CreateGroupId") -> Iterable[Any]:
    """Yield the records of a call with one attempt: a success, or with a code one that no rule matches."""
    yield {
        "record": "call_started",
        "call": name,
        "at": at,
        "operation": operation,
        "provider": "alibaba",
        "env": "dev",
    }
    yield {"record": "attempt_started", "call": name, "at": at, "number": 1}
    end: dict[str, Any] = {
        "record": "call_ended",
        "call": name,
        "at": at + 1,
        "attempts": 1,
        "waited": 0,
        "duration": 1.0,
    }
    if code is None:
        yield {"record": "attempt_succeeded", "call": name, "at": at + 1, "number": 1, "duration": 1.0}
        yield end | {"ended": "success", "stop_reason": "success"}
        return
    yield {
        "record": "attempt_failed",
        "call": name,
        "at": at + 1,
        "number": 1,
        "duration": 1.0,
        "fault": {"code": code, "status": 400, "request_id": code},
        "effect": "none",
        "decision": {"action": "fail", "rule": code, "origin": code, "delay": 0.0},
    }
    yield end | {"ended": "failed", "stop_reason": "unknown", "error_type": code}
