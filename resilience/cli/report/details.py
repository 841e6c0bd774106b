"""One call of a report in words: its summary line, and its attempts and remedies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall
from resilience.cli.report.labels import (
    END_WORDS,
    EndLabel,
    Step,
    decided,
    instant,
    meaning,
    met,
    place,
    remedied,
    shown,
    step_of,
    stopped,
)
from resilience.cli.report.phrases import policy_of
from resilience.cli.screen import seconds, times
from resilience.core.fault import Fault
from resilience.journal.model import RecordedAttempt, RecordedDecision, RecordedRemedy

SIGNS: Final[Mapping[EndLabel, str]] = {
    "success": "\N{CHECK MARK}",
    "success_after_retry": "\N{CLOCKWISE OPEN CIRCLE ARROW}",
    "accepted": "\N{ALMOST EQUAL TO}",
    "failed": "\N{MULTIPLICATION X}",
    "exhausted": "\N{MULTIPLICATION X}",
    "refused": "\N{CIRCLED DIVISION SLASH}",
    "error": "!",
    "unfinished": "\N{HORIZONTAL ELLIPSIS}",
    "cancelled": "\N{WHITE CIRCLE}",
}
"""A sign for each end, beside its colour."""

_DOT: Final = " \N{MIDDLE DOT} "
_RESULTS: Final[Mapping[Step, str]] = {"success": "success", "aborted": "aborted", "unfinished": "never ended"}


@frozen
class Remark:
    """A sentence under a line; ``code`` is the part of it that is a name or an id."""

    before: str
    code: str = ""
    after: str = ""


@frozen(kw_only=True)
class DetailLine:
    """
    An attempt or a remedy of a call.

    Attributes:
        kind: Its class.
        at: Its start after the call's start, in seconds.
        name: The words in bold; empty for a remedy.
        text: What was done, and the result.
        remarks: More facts.
        then: The decision; empty without one.
        rule: The rule that decided, with its place.
    """

    kind: str
    at: float
    name: str = ""
    text: str
    remarks: tuple[Remark, ...] = ()
    then: str
    rule: str


def about(one: ReportedCall) -> str:
    """Return the start of a call, its provider and its policy."""
    provider = () if one.call.provider is None else (shown(one.call.provider),)
    return _DOT.join((f"begun {instant(one.call.started_at)} UTC", *provider, policy_of(one)))


def lines(one: ReportedCall) -> Iterator[DetailLine]:
    """Yield the attempts and remedies of a call."""
    for each in one.steps():
        yield _attempt(one, each) if isinstance(each, RecordedAttempt) else _remedy(one, each)


def how(one: ReportedCall) -> str:
    """Return the end of a call in words, with its faults."""
    words = END_WORDS[one.end]
    if len(one.call.attempts) > 1:
        words += f", {times(len(one.call.attempts), 'attempt')}"
    codes = ", ".join(shown(label) for label in one.labels)
    return f"{words}: {codes}" if codes else words


def renames(one: ReportedCall) -> Iterator[str]:
    """Yield the changed names of a call."""
    for name, (old, new) in one.call.renamed.items():
        names = "" if new is None else f": {shown(old)} \N{RIGHTWARDS ARROW} {shown(new)}"
        yield f"renamed {shown(name)}{names}"


def _attempt(one: ReportedCall, attempt: RecordedAttempt) -> DetailLine:
    step, fault = step_of(attempt), attempt.fault
    result = met(fault, cut=attempt.cut) if fault is not None else _RESULTS[step]
    took = "" if attempt.duration is None else f", {seconds(attempt.duration)}"
    doubt = " (may have taken effect)" if attempt.effect == "unknown" else ""
    return DetailLine(
        kind=f"s-{step}",
        at=_offset(one, attempt.started_at),
        name=f"attempt {attempt.number}",
        text=f"{took}: {result}{doubt}",
        remarks=tuple(_remarks(attempt, one.call.provider)),
        then=decided(attempt, one.call),
        rule=_rule(attempt),
    )


def _remarks(attempt: RecordedAttempt, provider: str | None) -> Iterator[Remark]:
    if attempt.fault is not None:
        yield from _fault(attempt.fault, provider)
    if attempt.error is not None:
        yield Remark("raised ", shown(attempt.error))
    if attempt.chaos is not None:
        how = "after the real call was made" if attempt.applied else "instead of the real call"
        yield Remark("a fault of ", shown(attempt.chaos), f", {how}")


def _fault(fault: Fault, provider: str | None) -> Iterator[Remark]:
    about = meaning(fault.provider or provider, fault.code)
    if about is not None:
        yield Remark(about)
    if fault.request_id is not None:
        yield Remark("request id ", shown(fault.request_id))
    if fault.retry_after is not None:
        yield Remark(f"the service asks to wait {seconds(fault.retry_after)}")


def _remedy(one: ReportedCall, remedy: RecordedRemedy) -> DetailLine:
    took = "" if remedy.duration is None else f", {seconds(remedy.duration)}"
    return DetailLine(
        kind=f"r-{remedy.kind}",
        at=_offset(one, remedy.started_at),
        text=remedied(remedy) + took,
        then=decided(remedy, one.call),
        rule=_rule(remedy),
    )


def _rule(decision: RecordedDecision) -> str:
    return place(decision.rule_id, decision.rule_origin)


def _offset(one: ReportedCall, at: float) -> float:
    return max(round(at - one.call.started_at, 3), 0.0)


def ending(one: ReportedCall) -> str:
    """Return the end of a call, with its times."""
    call, end = one.call, one.end
    text = END_WORDS[end]
    if end == "unfinished":
        text += f", last heard of after {seconds(one.took)}"
    else:
        text += f" after {seconds(one.took)}"
        if end not in {"success", "success_after_retry", "cancelled"}:
            text += f": {stopped(call.stop_reason)}"
    if end == "accepted":
        text += ", verified" if call.verified else ", on belief"
    spent = {"calling": one.calling, "waiting": one.waiting, "in remedies": one.remedying}
    text += "; " + ", ".join(
        f"{seconds(length)} {word}" for word, length in spent.items() if length or word == "calling"
    )
    return text + ("; may have taken effect all the same" if one.may_exist else "")
