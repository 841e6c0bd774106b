"""
A report for programs; lengths of time are in seconds, instants in ISO 8601, and unknown values are null.

| key | value |
|---|---|
| `verdict` | the result, in one line |
| `files`, `policies`, `problems` | the files, the policies of their calls, and their unreadable parts |
| `from`, `to`, `runs` | first start, last end, and the number of runs |
| `calls`, `attempts`, `ends` | their numbers, and the number of calls by end (`unfinished`: without an end) |
| `times` | sums over calls: `calling`, `waiting` between attempts, `queued` before them, `remedies`, `other` |
| | by the clock: `whole`, `under_way`, `out` |
| `operations` | for each: `calls`, `ends`, `attempts`, `times`, and `duration` with percentiles |
| `failures` | calls by failure: `what`, `stop_reason`, `rule`, `at`, `calls`, `may_exist`, `request_ids`, ... |
| `unfinished` | calls without an end |
| `rules` | for each: the number of decisions by step (`steps`) and by fault (`labels`), and the operations |
| `gaps` | faults without a rule, with `table` and `key` for one |
| `refreshes`, `renamed`, `believed`, `injected` | credentials, names, unverified accepts, and faults of `[chaos]` |
| `gates` | for each thing that calls waited for before attempts: `gate`, `calls`, `total`, `longest` |
| `rates` | for operations that waited for a rate: `attempts`, `mean` per second, `peak` within one second, ... |
| | and per second the `declared` rate, and of a limit that adapted the `lowest` and the `last` one |
| `adaptations` | each change of a rate limit: `operation`, `at`, `process`, `old`, `new`, `refused`, `answered` |
| `breaker_changes` | each change of a breaker: `breaker`, `at`, `old`, `new`, `failures`, `results` |
| `refusals` | the retries that budgets `paid`, and the calls that a shared limit `stopped`, by stop reason |
| `slowest` | the longest calls |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import asdict

from resilience.cli.report.calls import ReportedCall
from resilience.cli.report.groups import Failure, Gap, Group, RuleUse, injected
from resilience.cli.report.labels import shown_all
from resilience.cli.report.numbers import Summary, Times
from resilience.cli.report.phrases import policies, runs, stays, verdict
from resilience.journal.model import RecordedAdaptation, RecordedBreakerChange


def to_json(summary: Summary, *, sources: Sequence[str], problems: Sequence[str]) -> Any:
    """
    Return the report.

    Args:
        summary: The numbers.
        sources: The names of the files.
        problems: The unreadable parts of the files.
    """
    calls = summary.calls
    return shown_all(
        {
            "verdict": verdict(summary),
            "files": list(sources),
            "policies": list(policies(summary)),
            "problems": list(problems),
            "from": _instant(min(each.call.started_at for each in calls)) if calls else None,
            "to": _instant(max(each.finish for each in calls)) if calls else None,
            "runs": runs(summary),
            "calls": len(calls),
            "attempts": summary.attempts,
            "ends": summary.ends,
            "times": asdict(summary.times),
            "operations": [_operation(each) for each in summary.operations],
            "failures": [_failure(each) for each in summary.failures],
            "unfinished": [_call(each) for each in summary.unfinished],
            "rules": [_rule(each) for each in summary.rules],
            "gaps": [_gap(each) for each in summary.gaps],
            "gates": [asdict(each) for each in summary.gates],
            "rates": [asdict(each) for each in summary.rates],
            "adaptations": [_change(each) for each in summary.changes.adaptations],
            "breaker_changes": [_change(each) for each in summary.changes.breakers],
            "refusals": asdict(summary.refusals),
            "refreshes": asdict(summary.refreshes),
            "renamed": [
                {"operation": one.call.operation, "field": field, "from": old, "to": new}
                for one, field, (old, new) in summary.renames
            ],
            "believed": Counter(each.call.operation for each in summary.believed),
            "injected": injected(calls),
            "slowest": [_call(each) for each in summary.slowest],
        }
    )


def _operation(group: Group) -> dict[str, Any]:
    return {
        "operation": group.operation,
        "provider": group.provider,
        "calls": len(group.calls),
        "ends": group.ends,
        "attempts": group.attempts,
        "times": asdict(Times.of(group.calls)),
        "duration": None if group.took is None else group.took.as_dict(),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    fault = failure.fault
    return {
        "operation": failure.operation,
        "provider": failure.provider,
        "what": failure.what,
        "meaning": failure.meaning,
        "status": None if fault is None else fault.status,
        "stop_reason": failure.stop_reason,
        "rule": failure.rule_id,
        "at": failure.rule_origin,
        "calls": len(failure.calls),
        "lasts": stays(failure),
        "may_exist": failure.doubtful,
        "request_ids": failure.request_ids,
    }


def _rule(use: RuleUse) -> dict[str, Any]:
    return {
        "rule": use.rule_id,
        "at": use.rule_origin,
        "decided": use.count,
        "calls": use.calls,
        "steps": use.steps,
        "labels": use.labels,
        "operations": use.operations,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "provider": gap.provider,
        "what": gap.fault.label,
        "status": gap.fault.status,
        "operations": gap.operations,
        "table": gap.table if gap.key is not None else None,
        "key": gap.key,
    }


def _change(change: RecordedAdaptation | RecordedBreakerChange) -> dict[str, Any]:
    return asdict(change) | {"at": _instant(change.at)}


def _call(one: ReportedCall) -> dict[str, Any]:
    call = one.call
    return {
        "run": call.run,
        "operation": call.operation,
        "provider": call.provider,
        "started_at": _instant(call.started_at),
        "duration": one.took,
        "end": one.end,
        "stop_reason": call.stop_reason,
        "attempts": len(call.attempts),
        "waiting": one.waiting,
        "may_exist": one.may_exist,
        "request_id": one.request_id,
        "trace_id": call.trace_id,
    }


def _instant(at: float) -> str | None:
    try:
        return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
