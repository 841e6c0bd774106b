"""The words of a report for ends, decisions and instants; and text from a file, made safe to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from resilience.catalog import catalogue, code_facts, providers
from resilience.cli.screen import seconds
from resilience.core.decision import StopReason
from resilience.core.events import RemedyAnswer
from resilience.core.fault import Fault
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedDecision, RecordedRemedy

EndLabel = Literal[
    "success", "success_after_retry", "accepted", "failed", "exhausted", "refused", "error", "unfinished", "cancelled"
]
"""The end of a call: an outcome's, or ``error`` (a programming error), or ``unfinished`` (its process was killed)."""

END_WORDS: Final[Mapping[EndLabel, str]] = {
    "success": "success",
    "success_after_retry": "success after retry",
    "accepted": "accepted",
    "failed": "failed",
    "exhausted": "exhausted",
    "refused": "refused",
    "error": "programming error",
    "unfinished": "never ended",
    "cancelled": "cancelled",
}
"""Each end for people, from good to bad."""

FAILED: Final[frozenset[EndLabel]] = frozenset({"failed", "exhausted", "refused", "error"})
"""The ends of failed calls; calls without an end are counted apart."""

COLUMNS: Final[Mapping[str, frozenset[EndLabel]]] = {
    "ok": frozenset({"success"}),
    "retried": frozenset({"success_after_retry"}),
    "accepted": frozenset({"accepted"}),
    "failed": FAILED,
    "no end": frozenset({"unfinished", "cancelled"}),
}
"""The ends in each column of a table of operations."""

Step = Literal["success", "retry", "refresh", "rename", "verify", "accept", "fail", "aborted", "unfinished"]
"""The step after an attempt."""

DECISIONS: Final[Mapping[str, str]] = {
    "retry": "retry",
    "refresh": "get new credentials",
    "rename": "take another name",
    "verify": "ask the verifier",
    "accept": "take it for a success",
}
_ANSWERS: Final[Mapping[RemedyAnswer, str]] = {
    "there": "it is there",
    "not_there": "not there",
    "discarded": "discarded",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}


def shown(text: object) -> str:
    """Return text from a file without control characters, which a terminal or a page would obey."""
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in plain)


def shown_all(value: Any) -> Any:
    """Return a value for JSON with every text in it made safe to show."""
    match value:
        case str():
            return shown(value)
        case Mapping():
            return {shown(key): shown_all(each) for key, each in value.items()}
        case tuple() | list():
            return [shown_all(each) for each in value]
        case _:
            return value


def end_of(call: RecordedCall) -> EndLabel:
    """Return the end of a call."""
    if call.ended is not None:
        return call.ended
    return "unfinished" if call.is_unfinished else "error"


def step_of(attempt: RecordedAttempt) -> Step:
    """Return the step after an attempt."""
    if attempt.aborted:
        return "aborted"
    if attempt.fault is not None:
        # Without a recorded decision, the call counts as stopped.
        return attempt.action or "fail"
    return "unfinished" if attempt.duration is None else "success"


def met(fault: Fault | None, *, cut: bool = False) -> str:
    """Return the fault of an attempt: its code or its name, and the HTTP status of a code."""
    if cut:
        return "cut short"
    if fault is None:
        return "nothing"
    status = f" (http {fault.status})" if fault.code is not None and fault.status is not None else ""
    return shown(fault.label) + status


def decided(decision: RecordedDecision, call: RecordedCall) -> str:
    """Return a decision in words; an empty text for none."""
    if decision.action is None:
        return ""
    if decision.action == "fail":
        return f"stop: {stopped(decision.stop_reason or call.stop_reason)}"
    text = DECISIONS[decision.action]
    return f"{text} in {seconds(decision.delay)}" if decision.delay else text


def stopped(reason: StopReason | None) -> str:
    """Return a stop reason in words; None means a programming error, or a killed process."""
    return "no policy decided it" if reason is None else STOP_WORDS[reason].meaning


def remedied(remedy: RecordedRemedy) -> str:
    """Return a remedy and its result in words."""
    if remedy.kind == "verify":
        what = "ask the verifier"
    else:
        what = "get new credentials" if remedy.leads else "wait for new credentials"
    if remedy.error is not None:
        return f"{what}: failed with {shown(remedy.error)}"
    if remedy.answer is None:
        # Spans record that a call waited for another one's refresh, but not for how long.
        return what if remedy.kind == "refresh" and not remedy.leads else f"{what}: never ended"
    return f"{what}: {_ANSWERS[remedy.answer]}"


def instant(at: float, *, date: bool = True) -> str:
    """Return an instant in UTC to the second; an impossible one as its number."""
    try:
        moment = datetime.fromtimestamp(at, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return f"{at:g}"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def place(rule_id: str | None, origin: str | None) -> str:
    """Return a rule with its place; ``no rule`` for None."""
    if rule_id is None:
        return "no rule"
    return shown(rule_id) if origin is None else f"{shown(rule_id)}  {shown(origin)}"


@cache
def service(provider: str | None) -> str:
    """Return the name of a provider's service for a sentence."""
    if provider in providers():
        return catalogue(provider).service
    return "the service" if provider is None else shown(provider)


def meaning(provider: str | None, code: str | None) -> str | None:
    """Return the meaning of a code in one line; None if the catalogue does not have it."""
    facts = code_facts(provider, code)
    return None if facts is None else facts.meaning


def counted(counts: Mapping[str, int]) -> str:
    """Return names with their counts: ``CreateGroupId 3, ApplyToken 1``; a single name has no count."""
    if len(counts) == 1:
        return shown(next(iter(counts)))
    return ", ".join(f"{shown(name)} {count:,}" for name, count in counts.items())
