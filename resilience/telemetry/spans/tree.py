"""A finished trace as a tree, for programs that draw it."""

# ruff: noqa: D102  # the names in the protocols are OpenTelemetry's, which documents them

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import frozen

from resilience.telemetry import names

_NANOSECONDS: Final = 1e9

# The facts in a line about a span, in this order: the attribute, and its wording.
_FACTS: Final[Mapping[str, str]] = {
    names.LEDGER_ANSWER: "ledger {}",
    names.LEDGER_WAITED: "waited for another call {:.3g} s",
    names.FLEET_ROWS: "rows {}",
    names.FLEET_DONE: "done {}",
    names.FLEET_FAILURES: "failed {}",
    names.ADMISSION_GATE: "for {}",
    names.ADMISSION_DURATION: "{:.3g} s",
    names.RATE_OPERATION: "of {}",
    names.RATE_BEFORE: "from {:.3g}/s",
    names.RATE_LIMIT: "to {:.3g}/s",
    names.RATE_DECLARED: "declared {:.3g}/s",
    names.RATE_REFUSED: "throttled {}",
    names.RATE_ANSWERED: "answered {}",
    names.BREAKER_NAME: "of {}",
    names.BREAKER_STATE: "now {}",
    names.BREAKER_SHADOW: "shadow {}",
    names.BREAKER_BY_HAND: "by hand {}",
    names.BREAKER_FAILURES: "failures {}",
    names.BREAKER_RESULTS: "results {}",
    names.BUDGET_PROVIDER: "of {}",
    names.BUDGET_LEFT: "left {}",
    names.STATE_AWAY: "away {}",
    names.STATE_UNAVAILABLE: "meanwhile {}",
    names.OUTCOME: "{}",
    names.STOP_REASON: "reason {}",
    names.ATTEMPT_COUNT: "attempts {}",
    names.DELAY_TOTAL: "waited {:.3g} s",
    names.ATTEMPT_NUMBER: "attempt {}",
    names.LIMIT: "limit {}",
    names.CREDENTIAL_PROVIDER: "of {}",
    names.CREDENTIAL_REASON: "reason {}",
    names.CREDENTIAL_LEADS: "runs here {}",
    names.CHAOS_ID: "injected by chaos.{}",
    names.CHAOS_APPLIED: "applied {}",
    names.ERROR_CODE: "{}",
    names.ERROR_TRANSPORT: "{}",
    names.ERROR_STATUS: "http {}",
    names.EFFECT: "effect {}",
    names.ATTEMPT_CUT: "cut short",
    names.VERIFY_ANSWER: "answer {}",
    names.VERIFIED: "verified {}",
    names.ACTION: "so {}",
    names.DELAY: "in {:.3g} s",
    names.RETRY_AFTER: "server asks for {:.3g} s",
    names.RULE_ID: "by {}",
    names.RULE_ORIGIN: "at {}",
    names.REQUEST_ID: "request {}",
    names.INPUT_FIELD: "renamed {}",
    names.INPUT_NAME: "now {}",
    names.ERROR_TYPE: "error.type {}",
}


class _SpanContext(Protocol):
    @property
    def trace_id(self) -> int: ...
    @property
    def span_id(self) -> int: ...


class _Status(Protocol):
    @property
    def status_code(self) -> Any: ...
    @property
    def description(self) -> str | None: ...


class _Event(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def attributes(self) -> Mapping[str, Any] | None: ...


class _Link(Protocol):
    @property
    def attributes(self) -> Mapping[str, Any] | None: ...


class FinishedSpan(Protocol):
    """The part of a span that a tree needs; the SDK's ``ReadableSpan`` has it. Times are in nanoseconds."""

    @property
    def name(self) -> str: ...
    @property
    def context(self) -> Any: ...
    @property
    def parent(self) -> Any: ...
    @property
    def start_time(self) -> int | None: ...
    @property
    def end_time(self) -> int | None: ...
    @property
    def status(self) -> _Status: ...
    @property
    def attributes(self) -> Mapping[str, Any] | None: ...
    @property
    def events(self) -> Sequence[_Event]: ...
    @property
    def links(self) -> Sequence[_Link]: ...


@frozen(kw_only=True)
class Node:
    """
    One span.

    Attributes:
        name: The name.
        duration: The duration, in seconds; 0 if the span has not ended.
        status: ``unset``, ``ok`` or ``error``.
        facts: The facts about the span, a few words each. An event begins with its time, in seconds after the start.
        children: The spans inside of it, in the order of their starts.
    """

    name: str
    duration: float
    status: str
    facts: tuple[str, ...]
    children: tuple[Node, ...]


def build_tree(spans: Iterable[FinishedSpan]) -> tuple[Node, ...]:
    """
    Return the roots of finished spans, in the order of their starts.

    A span is a root if its parent is not among ``spans``. The spans may belong to several traces.
    """
    known = list(spans)
    places = {_place(span.context) for span in known}
    children: dict[Any, list[FinishedSpan]] = defaultdict(list)
    for span in sorted(known, key=lambda span: span.start_time or 0):
        parent = None if span.parent is None else _place(span.parent)
        children[parent if parent in places else None].append(span)

    def node(span: FinishedSpan) -> Node:
        return Node(
            name=span.name,
            duration=_seconds(span.start_time, span.end_time),
            status=span.status.status_code.name.lower(),
            facts=_facts(span),
            children=tuple(node(child) for child in children[_place(span.context)]),
        )

    return tuple(node(root) for root in children[None])


def _place(context: _SpanContext) -> tuple[int, int]:
    return context.trace_id, context.span_id


def _seconds(start: int | None, end: int | None) -> float:
    return 0.0 if start is None or end is None else (end - start) / _NANOSECONDS


def _facts(span: FinishedSpan) -> tuple[str, ...]:
    facts = [span.status.description] if span.status.description else []
    facts += _put(span.attributes)
    for event in span.events:
        after = _seconds(span.start_time, event.timestamp)
        what = event.name.removeprefix("resilience.").replace(".", " ").replace("_", " ")
        facts.append(", ".join([f"+{after:.3f} s {what}", *_put(event.attributes)]))
    for link in span.links:
        kind = str((link.attributes or {}).get(names.LINK_KIND, "another span"))
        facts.append(f"link to {kind.replace('_', ' ')}")
    return tuple(facts)


def _put(attributes: Mapping[str, Any] | None) -> list[str]:
    known = attributes or {}
    return [text.format(_yes_or_no(known[name])) for name, text in _FACTS.items() if name in known]


def _yes_or_no(value: Any) -> Any:
    return ("yes" if value else "no") if isinstance(value, bool) else value
