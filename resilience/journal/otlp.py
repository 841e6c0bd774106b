"""Makes calls from spans, which :mod:`resilience.telemetry` describes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, evolve, field

from resilience.catalog import code_facts, provider_of_cloud
from resilience.core.fault import CUT, TRANSPORTS, Effect, Fault
from resilience.core.policy import VERBS
from resilience.journal.calls import add_wait
from resilience.journal.fields import (
    ANSWERS,
    EFFECTS,
    ENDS,
    STOP_REASONS,
    MalformedError,
    RecordFields,
    needed,
)
from resilience.journal.limit_events import adaptations_of, breaker_changes_of
from resilience.journal.model import (
    RecordedAdaptation,
    RecordedAttempt,
    RecordedBreakerChange,
    RecordedCall,
    RecordedRemedy,
    SkippedPart,
)
from resilience.journal.runs import KnownRuns
from resilience.journal.spans import Span, read_attributes, read_span

_SCOPE: Final = "resilience"
_SUCCESSES: Final = frozenset({"success", "success_after_retry"})


@define
class OtlpReader:
    """
    Reads export requests one by one.

    Attributes:
        problems: The parts that could not be read.
        runs: The runs so far.
        adaptations: The changes of rate limits, once calls have been asked for.
        breaker_changes: The changes of breakers, likewise.
    """

    problems: list[SkippedPart] = field(factory=list)
    runs: KnownRuns = field(factory=KnownRuns)
    adaptations: list[RecordedAdaptation] = field(factory=list)
    breaker_changes: list[RecordedBreakerChange] = field(factory=list)
    _spans: list[Span] = field(factory=list)
    _foreign: dict[str, int] = field(factory=dict)
    _first_foreign: int = 0

    def add(self, line: int, request: dict[str, Any]) -> None:
        """Read one export request."""
        try:
            for resource in RecordFields(request).all_of("resourceSpans"):
                self._resource(line, RecordFields.of(resource, "a resource"))
        except MalformedError as error:
            self.problems.append(SkippedPart(line, str(error)))

    def calls(self) -> list[RecordedCall]:
        """Return the calls so far."""
        children: dict[tuple[str, str], list[Span]] = defaultdict(list)
        for span in sorted(self._spans, key=lambda span: span.start):
            children[span.trace, span.parent].append(span)
        known = {(span.trace, span.id) for span in self._spans if span.attributes.has("operation.name")}
        found = []
        for span in self._spans:
            if span.attributes.has("operation.name"):
                found += self._built(span, children[span.trace, span.id])
        for place, spans in children.items():
            # A call without an end exports no span, but its attempts do.
            if place not in known and any(_is_part(span) for span in spans):
                found += self._built(None, [span for span in spans if _is_part(span)])
        return found

    def foreign(self) -> list[SkippedPart]:
        """Return one problem for all spans that are not of this package."""
        if not self._foreign:
            return []
        count, names = sum(self._foreign.values()), ", ".join(sorted(self._foreign)[:5])
        return [SkippedPart(self._first_foreign, f"from here on, {count} spans of others left out ({names})")]

    def _resource(self, line: int, fields: RecordFields) -> None:
        about = read_attributes((fields.inside("resource") or RecordFields({})).all_of("attributes"))
        for each in fields.all_of("scopeSpans"):
            scope = RecordFields.of(each, "a scope")
            spans = scope.all_of("spans")
            named = scope.inside("scope") or RecordFields({})
            if named.text("name") != _SCOPE:
                if spans:
                    self._first_foreign = self._first_foreign or line
                    name = (named.text("name") or "no scope")[:80]
                    self._foreign[name] = self._foreign.get(name, 0) + len(spans)
                continue
            for span in spans:
                self._span(line, RecordFields.of(span, "a span"), about, named.text("version"))

    def _span(self, line: int, fields: RecordFields, about: RecordFields, version: str | None) -> None:
        try:
            run = about.text("service.instance.id") or about.text("service.name") or "otlp"
            span = read_span(line, fields, run)
            pid = about.whole("process.pid")
        except MalformedError as error:
            self.problems.append(SkippedPart(line, f"a span was left out: {error}"))
            return
        self._spans.append(span)
        self.runs.add(run, span.start, version=version, pid=pid)

    def _built(self, span: Span | None, children: list[Span]) -> list[RecordedCall]:
        try:
            if span is None:
                return [_unfinished(children)]
            self.adaptations += adaptations_of(span)
            self.breaker_changes += breaker_changes_of(span)
            return [_call(span, children)]
        except MalformedError as error:
            line = span.line if span is not None else children[0].line
            self.problems.append(SkippedPart(line, f"a call was left out: {error}"))
            return []


def _is_part(span: Span) -> bool:
    return span.name.startswith(("attempt ", "refresh_credentials ", "verify ")) and span.attributes.has(
        "attempt.number"
    )


def _call(span: Span, children: list[Span]) -> RecordedCall:
    attributes = span.attributes
    provider = provider_of_cloud(attributes.text("cloud.provider"))
    ended = attributes.word("outcome", ENDS)
    attempts = _attempts(children, provider, [attributes for _, attributes in span.of("retry.scheduled")])
    last = len(attempts) - 1
    for index, each in enumerate(attempts):
        if each.action == "fail":
            attempts[index] = evolve(each, stop_reason=attributes.word("stop_reason", STOP_REASONS))
        elif each.action == "accept":
            is_dry = attributes.text("stop_reason") == "dry_run"
            attempts[index] = evolve(each, verified=attributes.truth("verified"), dry_run=is_dry)
        elif each.action is None and not each.aborted and (index < last or ended not in _SUCCESSES):
            # Spans of successful and cancelled attempts are alike. Only a success can end a call well.
            attempts[index] = evolve(each, aborted=True)
    remedies = [*_remedies(children), *_waits_for_others(span)]
    waits: dict[str, float] = {}
    for _, waited in span.of("admission.waited"):
        gate, length = waited.text("admission.gate"), waited.number("admission.duration")
        if gate is not None and length is not None:
            add_wait(waits, gate, length)
    name = attributes.text("input.field")
    return RecordedCall(
        id=f"{span.trace}-{span.id}",
        run=span.run,
        operation=needed(attributes.text("operation.name"), "operation.name"),
        provider=provider,
        policy=attributes.text("policy.name"),
        policy_hash=attributes.text("policy.hash"),
        env=attributes.text("policy.env"),
        started_at=span.start,
        duration=span.duration,
        ended=ended,
        stop_reason=attributes.word("stop_reason", STOP_REASONS),
        attempts=tuple(attempts),
        remedies=tuple(sorted(remedies, key=lambda each: each.started_at)),
        renamed={} if name is None else {name: (None, attributes.text("input.name"))},
        renames=len(list(span.of("input.renamed"))),
        waited=attributes.number("retry.delay.total") or 0.0,
        retries_paid=len(list(span.of("budget.paid"))),
        gate_waits=waits,
        verified=attributes.truth("verified"),
        error_type=attributes.text("error.type"),
        trace_id=span.trace,
        span_id=span.id,
    )


def _unfinished(children: list[Span]) -> RecordedCall:
    """Return a call without a span of its own."""
    first = children[0]
    operation = next((span.name.split(" ", 1)[1] for span in children if span.name.startswith(("a", "v"))), "unknown")
    return RecordedCall(
        id=f"{first.trace}-{first.parent}",
        run=first.run,
        operation=operation,
        started_at=first.start,
        attempts=tuple(_attempts(children, None, [])),
        remedies=tuple(_remedies(children)),
        trace_id=first.trace,
        span_id=first.parent or None,
    )


def _attempts(children: list[Span], provider: str | None, scheduled: list[RecordFields]) -> list[RecordedAttempt]:
    hints = {attributes.whole("attempt.number"): attributes.number("retry.after") for attributes in scheduled}
    found = []
    for span in children:
        if not span.name.startswith("attempt "):
            continue
        attributes, number = span.attributes, needed(span.attributes.whole("attempt.number"), "attempt.number")
        known = RecordedAttempt(
            number=number,
            started_at=span.start,
            duration=span.duration,
            chaos=attributes.text("chaos.id"),
            applied=attributes.truth("chaos.applied"),
            **_decision(attributes),
        )
        if known.action is not None:
            effect = attributes.word("effect", EFFECTS)
            is_cut = attributes.truth("attempt.cut") is True
            fault = CUT if is_cut else _fault(attributes, provider, effect, hints.get(number))
            known = evolve(known, fault=fault, effect=effect, cut=is_cut)
        elif attributes.has("error.type"):
            known = evolve(known, aborted=True, error=attributes.text("error.type"))
        found.append(known)
    return found


def _fault(attributes: RecordFields, provider: str | None, effect: Effect | None, hint: float | None) -> Fault:
    code, kind = attributes.text("error.code"), attributes.text("error.type")
    fault = Fault(
        code=code,
        transport=attributes.word("error.transport", TRANSPORTS),
        status=attributes.whole("error.status"),
        request_id=attributes.text("request.id"),
        retry_after=hint,
        error="" if code is not None or kind in {None, "_OTHER"} else kind,
    )
    # Spans have the effect, but not its origin. If catalogue and status imply another effect, it came from the SDK's
    # adapter or from the rule.
    return fault if effect in {None, _usual_effect(fault, provider)} else evolve(fault, effect=effect)


def _usual_effect(fault: Fault, provider: str | None) -> Effect:
    facts = code_facts(provider, fault.code)
    return fault.effect_or_default() if facts is None else facts.effect


def _remedies(children: list[Span]) -> Iterator[RecordedRemedy]:
    for span in children:
        attributes = span.attributes
        if span.name.startswith("verify "):
            yield RecordedRemedy(
                kind="verify",
                number=attributes.whole("attempt.number") or 0,
                started_at=span.start,
                duration=span.duration,
                answer=attributes.word("verify.answer", ANSWERS),
                error=attributes.text("error.type"),
                **_decision(attributes),
            )
        elif span.name.startswith("refresh_credentials "):
            error = attributes.text("error.type")
            yield RecordedRemedy(
                kind="refresh",
                number=attributes.whole("attempt.number") or 0,
                started_at=span.start,
                duration=span.duration,
                answer="done" if error is None else "failed",
                error=error,
                provider=attributes.text("credential.provider"),
            )


def _waits_for_others(span: Span) -> Iterator[RecordedRemedy]:
    for at, attributes in span.of("credential.refresh"):
        if attributes.truth("credential.leads") is False:
            yield RecordedRemedy(
                kind="refresh",
                number=attributes.whole("attempt.number") or 0,
                started_at=at,
                provider=attributes.text("credential.provider"),
                leads=False,
            )


def _decision(attributes: RecordFields) -> dict[str, Any]:
    return {
        "action": attributes.word("decision.action", VERBS),
        "rule_id": attributes.text("rule.id"),
        "rule_origin": attributes.text("rule.origin"),
        "delay": attributes.number("retry.delay") or 0.0,
    }
