"""What a collection of spans tells of calls; the spans are described in :mod:`resilience.telemetry`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, evolve, field

from resilience.catalog import catalogue, provider_of_cloud, providers
from resilience.core.fault import CUT, TRANSPORTS, Effect, Fault
from resilience.core.policy import VERBS
from resilience.journal.fields import (
    ANSWERS,
    EFFECTS,
    ENDS,
    STOP_REASONS,
    Fields,
    MalformedError,
    needed,
)
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy, SkippedPart
from resilience.journal.runs import KnownRuns
from resilience.journal.spans import Span, read_attributes, read_span

_SCOPE: Final = "resilience"
_SUCCESSES: Final = frozenset({"success", "success_after_retry"})


@define
class OtlpReader:
    """
    Takes export requests one by one.

    Attributes:
        problems: What could not be understood.
        runs: The runs that were read so far.
    """

    problems: list[SkippedPart] = field(factory=list)
    runs: KnownRuns = field(factory=KnownRuns)
    _spans: list[Span] = field(factory=list)
    _foreign: dict[str, int] = field(factory=dict)
    _first_foreign: int = 0

    def add(self, line: int, request: dict[str, Any]) -> None:
        """Take one export request."""
        try:
            for resource in Fields(request).all_of("resourceSpans"):
                self._resource(line, Fields.of(resource, "a resource"))
        except MalformedError as error:
            self.problems.append(SkippedPart(line, str(error)))

    def calls(self) -> list[RecordedCall]:
        """Return the calls that were read so far."""
        children: dict[tuple[str, str], list[Span]] = defaultdict(list)
        for span in sorted(self._spans, key=lambda span: span.start):
            children[span.trace, span.parent].append(span)
        known = {(span.trace, span.id) for span in self._spans if span.said.has("operation.name")}
        found = []
        for span in self._spans:
            if span.said.has("operation.name"):
                found += self._built(span, children[span.trace, span.id])
        for place, spans in children.items():
            # The span of a call that never ended is not exported, but those of its attempts are.
            if place not in known and any(_is_part(span) for span in spans):
                found += self._built(None, [span for span in spans if _is_part(span)])
        return found

    def foreign(self) -> list[SkippedPart]:
        """Return what was left out because it is not of this package; one problem for all of it."""
        if not self._foreign:
            return []
        count, names = sum(self._foreign.values()), ", ".join(sorted(self._foreign)[:5])
        return [SkippedPart(self._first_foreign, f"from here on, {count} spans of others left out ({names})")]

    def _resource(self, line: int, fields: Fields) -> None:
        about = read_attributes((fields.inside("resource") or Fields({})).all_of("attributes"))
        for each in fields.all_of("scopeSpans"):
            scope = Fields.of(each, "a scope")
            spans = scope.all_of("spans")
            named = scope.inside("scope") or Fields({})
            if named.text("name") != _SCOPE:
                if spans:
                    self._first_foreign = self._first_foreign or line
                    name = (named.text("name") or "no scope")[:80]
                    self._foreign[name] = self._foreign.get(name, 0) + len(spans)
                continue
            for span in spans:
                self._span(line, Fields.of(span, "a span"), about, named.text("version"))

    def _span(self, line: int, fields: Fields, about: Fields, version: str | None) -> None:
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
            return [_call(span, children) if span is not None else _unfinished(children)]
        except MalformedError as error:
            line = span.line if span is not None else children[0].line
            self.problems.append(SkippedPart(line, f"a call was left out: {error}"))
            return []


def _is_part(span: Span) -> bool:
    return span.name.startswith(("attempt ", "refresh_credentials ", "verify ")) and span.said.has("attempt.number")


def _call(span: Span, children: list[Span]) -> RecordedCall:
    said = span.said
    provider = provider_of_cloud(said.text("cloud.provider"))
    ended = said.word("outcome", ENDS)
    attempts = _attempts(children, provider, [said for _, said in span.of("retry.scheduled")])
    last = len(attempts) - 1
    for index, each in enumerate(attempts):
        if each.action == "fail":
            attempts[index] = evolve(each, stop_reason=said.word("stop_reason", STOP_REASONS))
        elif each.action == "accept":
            is_dry = said.text("stop_reason") == "dry_run"
            attempts[index] = evolve(each, verified=said.truth("verified"), dry_run=is_dry)
        elif each.action is None and not each.aborted and (index < last or ended not in _SUCCESSES):
            # A success leaves no more behind than a cancellation does; but only one of them ends a call well.
            attempts[index] = evolve(each, aborted=True)
    remedies = [*_remedies(children), *_waits_for_others(span)]
    name = said.text("input.field")
    return RecordedCall(
        id=f"{span.trace}-{span.id}",
        run=span.run,
        operation=needed(said.text("operation.name"), "operation.name"),
        provider=provider,
        policy=said.text("policy.name"),
        policy_hash=said.text("policy.hash"),
        env=said.text("policy.env"),
        started_at=span.start,
        duration=span.duration,
        ended=ended,
        stop_reason=said.word("stop_reason", STOP_REASONS),
        attempts=tuple(attempts),
        remedies=tuple(sorted(remedies, key=lambda each: each.started_at)),
        renamed={} if name is None else {name: (None, said.text("input.name"))},
        renames=len(list(span.of("input.renamed"))),
        waited=said.number("retry.delay.total") or 0.0,
        verified=said.truth("verified"),
        error_type=said.text("error.type"),
        trace_id=span.trace,
        span_id=span.id,
    )


def _unfinished(children: list[Span]) -> RecordedCall:
    """Return what is known of a call whose own span is not there."""
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


def _attempts(children: list[Span], provider: str | None, scheduled: list[Fields]) -> list[RecordedAttempt]:
    hints = {said.whole("attempt.number"): said.number("retry.after") for said in scheduled}
    found = []
    for span in children:
        if not span.name.startswith("attempt "):
            continue
        said, number = span.said, needed(span.said.whole("attempt.number"), "attempt.number")
        known = RecordedAttempt(
            number=number,
            started_at=span.start,
            duration=span.duration,
            chaos=said.text("chaos.id"),
            applied=said.truth("chaos.applied"),
            **_decision(said),
        )
        if known.action is not None:
            effect = said.word("effect", EFFECTS)
            is_cut = said.truth("attempt.cut") is True
            fault = CUT if is_cut else _fault(said, provider, effect, hints.get(number))
            known = evolve(known, fault=fault, effect=effect, cut=is_cut)
        elif said.has("error.type"):
            known = evolve(known, aborted=True, error=said.text("error.type"))
        found.append(known)
    return found


def _fault(said: Fields, provider: str | None, effect: Effect | None, hint: float | None) -> Fault:
    code, kind = said.text("error.code"), said.text("error.type")
    fault = Fault(
        code=code,
        transport=said.word("error.transport", TRANSPORTS),
        status=said.whole("error.status"),
        request_id=said.text("request.id"),
        retry_after=hint,
        error="" if code is not None or kind in {None, "_OTHER"} else kind,
    )
    # Spans tell what the effect was taken to be, and not who said so: where the catalogue and the status
    # would have said something else, it was the SDK's adapter, or the rule, which cannot be told apart.
    return fault if effect in {None, _usual_effect(fault, provider)} else evolve(fault, effect=effect)


def _usual_effect(fault: Fault, provider: str | None) -> Effect:
    if fault.code is not None and provider in providers():
        facts = catalogue(provider).code(fault.code)
        if facts is not None and facts.effect is not None:
            return facts.effect
    return fault.effect_or_default()


def _remedies(children: list[Span]) -> Iterator[RecordedRemedy]:
    for span in children:
        said = span.said
        if span.name.startswith("verify "):
            yield RecordedRemedy(
                kind="verify",
                number=said.whole("attempt.number") or 0,
                started_at=span.start,
                duration=span.duration,
                answer=said.word("verify.answer", ANSWERS),
                error=said.text("error.type"),
                **_decision(said),
            )
        elif span.name.startswith("refresh_credentials "):
            error = said.text("error.type")
            yield RecordedRemedy(
                kind="refresh",
                number=said.whole("attempt.number") or 0,
                started_at=span.start,
                duration=span.duration,
                answer="done" if error is None else "failed",
                error=error,
                provider=said.text("credential.provider"),
            )


def _waits_for_others(span: Span) -> Iterator[RecordedRemedy]:
    for at, said in span.of("credential.refresh"):
        if said.truth("credential.leads") is False:
            yield RecordedRemedy(
                kind="refresh",
                number=said.whole("attempt.number") or 0,
                started_at=at,
                provider=said.text("credential.provider"),
                leads=False,
            )


def _decision(said: Fields) -> dict[str, Any]:
    return {
        "action": said.word("decision.action", VERBS),
        "rule_id": said.text("rule.id"),
        "rule_origin": said.text("rule.origin"),
        "delay": said.number("retry.delay") or 0.0,
    }
