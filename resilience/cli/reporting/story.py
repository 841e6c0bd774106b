"""One call on a page: a row of the timeline, and its story attempt by attempt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from resilience.cli.pageparts import ends
from resilience.cli.reporting.calls import Reported
from resilience.cli.reporting.lanes import Scale, lane
from resilience.cli.reporting.said import policy_of
from resilience.cli.reporting.words import (
    END_WORDS,
    End,
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
from resilience.cli.screen import seconds, times
from resilience.core.fault import Fault
from resilience.records import RecordedAttempt, RecordedRemedy
from resilience.records.model import RecordedDecision

SIGNS: Final[Mapping[End, str]] = {
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

# Codes are kept apart by what none of them can hold.
_BETWEEN: Final = "\n"
_SEAM: Final = re.compile("(?<=[a-z])(?=[A-Z])")
_DOT: Final = " \N{MIDDLE DOT} "
_RESULTS: Final[Mapping[Step, str]] = {"success": "success", "aborted": "aborted", "unfinished": "never ended"}


def anchor(one: Reported) -> str:
    """Return the id of a call's story on the page."""
    return f"call-{one.number}"


def breakable(text: str) -> str:
    """Return text as HTML; a narrow place breaks names like ``CreateGroupId`` between their words."""
    # What stands for a character in HTML holds no capital after a small letter.
    return _SEAM.sub("<wbr>", escape(shown(text)))


def row(one: Reported, scale: Scale) -> str:
    """Return a call as a row that opens."""
    call, end = one.call, one.end
    codes = _BETWEEN.join(shown(label) for label in one.labels)
    name = shown(call.operation)
    return (
        f'<details class="call e-{end}" data-end="{end}" data-operation="{escape(name)}" data-codes="{escape(codes)}" '
        f'data-took="{one.took:.3f}" data-attempts="{len(call.attempts)}"><summary>'
        f'<span class="sign" aria-hidden="true">{SIGNS[end]}</span>'
        f'<span class="name"><b>{breakable(call.operation)}</b> <span class="how">{escape(_how(one))}</span></span>'
        f'{lane(one, scale)}<span class="took">{seconds(one.took)}</span></summary>'
        f'<div class="story" id="{anchor(one)}">{"".join(_story(one))}</div></details>'
    )


def _how(one: Reported) -> str:
    words = END_WORDS[one.end]
    if len(one.call.attempts) > 1:
        words += f", {times(len(one.call.attempts), 'attempt')}"
    codes = ", ".join(shown(label) for label in one.labels)
    return f"{words}: {codes}" if codes else words


def _story(one: Reported) -> Iterator[str]:
    call = one.call
    about = [f"begun {instant(call.started_at)} UTC", policy_of(one)]
    if call.provider is not None:
        about.insert(1, shown(call.provider))
    yield f"<p>{escape(_DOT.join(about))}"
    if call.trace_id is not None:
        yield f"{_DOT}trace <code>{escape(shown(call.trace_id))}</code>"
    yield f"</p>{lane(one, Scale.of(call.started_at, one.finish))}{ends(seconds(0.0), seconds(one.took))}<ol>"
    for each in one.deeds():
        yield _attempt(one, each) if isinstance(each, RecordedAttempt) else _remedy(one, each)
    for name, (old, new) in call.renamed.items():
        names = "" if new is None else f": {shown(old)} \N{RIGHTWARDS ARROW} {shown(new)}"
        yield f'<li class="renamed">renamed {escape(shown(name) + names)}</li>'
    yield f'<li class="e-{one.end}">{escape(_ending(one))}</li></ol>'


def _attempt(one: Reported, attempt: RecordedAttempt) -> str:
    step, fault = step_of(attempt), attempt.fault
    result = met(fault, cut=attempt.cut) if fault is not None else _RESULTS[step]
    took = "" if attempt.duration is None else f", {seconds(attempt.duration)}"
    text = f"<b>attempt {attempt.number}</b>{took}: {escape(result)}"
    if attempt.effect == "unknown":
        text += " (may have taken effect)"
    said = [] if fault is None else list(_fault(fault, one.call.provider))
    if attempt.error is not None:
        said.append(f"raised <code>{escape(shown(attempt.error))}</code>")
    if attempt.chaos is not None:
        how = "after the real call was made" if attempt.applied else "instead of the real call"
        said.append(f"a fault of <code>{escape(shown(attempt.chaos))}</code>, {how}")
    return _item(f"s-{step}", one, attempt.started_at, text, said, _decision(attempt, one))


def _fault(fault: Fault, provider: str | None) -> Iterator[str]:
    about = meaning(fault.provider or provider, fault.code)
    if about is not None:
        yield escape(about)
    if fault.request_id is not None:
        yield f"request id <code>{escape(shown(fault.request_id))}</code>"
    if fault.retry_after is not None:
        yield f"the service asks to wait {seconds(fault.retry_after)}"


def _remedy(one: Reported, remedy: RecordedRemedy) -> str:
    took = "" if remedy.duration is None else f", {seconds(remedy.duration)}"
    return _item(
        f"r-{remedy.kind}", one, remedy.started_at, escape(remedied(remedy)) + took, (), _decision(remedy, one)
    )


def _decision(decided_: RecordedDecision, one: Reported) -> str:
    text = decided(decided_, one.call)
    if not text:
        return ""
    why = place(decided_.rule_id, decided_.rule_origin)
    return f'<span class="then">{escape(text)}</span><code class="faint">{escape(why)}</code>'


def _item(kind: str, one: Reported, at: float, text: str, said: Iterable[str], then: str) -> str:  # noqa: PLR0913, PLR0917  # the parts of a line
    offset = seconds(max(round(at - one.call.started_at, 3), 0.0))
    faint = "".join(f'<span class="faint">{each}</span>' for each in said)
    return f'<li class="{kind}"><time>{offset}</time> <span>{text}</span>{faint}{then}</li>'


def _ending(one: Reported) -> str:
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
