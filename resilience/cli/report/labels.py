"""How a report puts what was recorded: ends, decisions, instants; and text from a file, made safe to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from resilience.catalog import catalogue, providers
from resilience.cli.screen import seconds
from resilience.core.decision import StopReason
from resilience.core.events import RemedyAnswer
from resilience.core.fault import Fault
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedDecision, RecordedRemedy

End = Literal[
    "success", "success_after_retry", "accepted", "failed", "exhausted", "refused", "error", "unfinished", "cancelled"
]
"""How a call ended: as outcomes have it, or with a programming error, or never (its process was killed)."""

END_WORDS: Final[Mapping[End, str]] = {
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

FAILED: Final[frozenset[End]] = frozenset({"failed", "exhausted", "refused", "error"})
"""The ends of calls that have failed; one that never ended is told apart."""

COLUMNS: Final[Mapping[str, frozenset[End]]] = {
    "ok": frozenset({"success"}),
    "retried": frozenset({"success_after_retry"}),
    "accepted": frozenset({"accepted"}),
    "failed": FAILED,
    "no end": frozenset({"unfinished", "cancelled"}),
}
"""The ends that a table of operations counts together, by the head of their column."""

Step = Literal["success", "retry", "refresh", "rename", "verify", "accept", "fail", "aborted", "unfinished"]
"""What an attempt led to."""

_DECISIONS: Final[Mapping[str, str]] = {
    "retry": "retry",
    "refresh": "get new credentials",
    "rename": "take another name",
    "verify": "ask the verifier",
    "accept": "take it for a success",
}
_ANSWERS: Final[Mapping[RemedyAnswer, str]] = {
    "there": "it is there",
    "not_there": "not there",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}


def shown(text: object) -> str:
    """Return text from a file without what a terminal or a page would obey instead of showing it."""
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


def end_of(call: RecordedCall) -> End:
    """Return how a call ended, also where that is no outcome."""
    if call.ended is not None:
        return call.ended
    return "unfinished" if call.duration is None else "error"


def step_of(attempt: RecordedAttempt) -> Step:
    """Return what an attempt led to."""
    if attempt.aborted:
        return "aborted"
    if attempt.fault is not None:
        # A fault without a decision is none that we know to have gone on.
        return attempt.action or "fail"
    return "unfinished" if attempt.duration is None else "success"


def met(fault: Fault | None, *, cut: bool = False) -> str:
    """Return what an attempt met: the code or what stands for it, and the HTTP status beside a code."""
    if cut:
        return "cut short"
    if fault is None:
        return "nothing"
    status = f" (http {fault.status})" if fault.code is not None and fault.status is not None else ""
    return shown(fault.label) + status


def decided(decision: RecordedDecision, call: RecordedCall) -> str:
    """Return what was decided, in words; empty where nothing was."""
    if decision.action is None:
        return ""
    if decision.action == "fail":
        return f"stop: {stopped(decision.stop_reason or call.stop_reason)}"
    text = _DECISIONS[decision.action]
    return f"{text} in {seconds(decision.delay)}" if decision.delay else text


def stopped(reason: StopReason | None) -> str:
    """Return a stop reason in words; without one it was a programming error, or the process was killed."""
    return "no policy decided it" if reason is None else STOP_WORDS[reason].meaning


def remedied(remedy: RecordedRemedy) -> str:
    """Return what was done between two attempts and what it brought, in words."""
    if remedy.kind == "verify":
        what = "ask the verifier"
    else:
        what = "get new credentials" if remedy.leads else "wait for new credentials"
    if remedy.error is not None:
        return f"{what}: failed with {shown(remedy.error)}"
    if remedy.answer is None:
        # Spans do not tell how long a call waited for another's refresh, only that it did.
        return what if remedy.kind == "refresh" and not remedy.leads else f"{what}: never ended"
    return f"{what}: {_ANSWERS[remedy.answer]}"


def instant(at: float, *, date: bool = True) -> str:
    """Return an instant in UTC to the second, or what was written where that is none."""
    try:
        moment = datetime.fromtimestamp(at, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return f"{at:g}"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def place(rule_id: str | None, origin: str | None) -> str:
    """Return a rule and where it stands; ``no rule`` where none decided."""
    if rule_id is None:
        return "no rule"
    return shown(rule_id) if origin is None else f"{shown(rule_id)}  {shown(origin)}"


@cache
def service(provider: str | None) -> str:
    """Return what to call a provider's service in prose."""
    if provider in providers():
        return catalogue(provider).service
    return "the service" if provider is None else shown(provider)


def meaning(provider: str | None, code: str | None) -> str | None:
    """Return what a code says, in one line; None if the catalogue does not know it."""
    if provider not in providers() or code is None:
        return None
    facts = catalogue(provider).code(code)
    return None if facts is None else facts.meaning


def counted(counts: Mapping[str, int]) -> str:
    """Return names with how often each occurs, where there are several: ``CreateGroupId 3, ApplyToken 1``."""
    if len(counts) == 1:
        return shown(next(iter(counts)))
    return ", ".join(f"{shown(name)} {count:,}" for name, count in counts.items())
