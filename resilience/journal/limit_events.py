"""Reads what spans tell of shared limits: how rate limits have adapted, and how breakers have changed."""

from __future__ import annotations

from collections.abc import Iterator

from resilience.journal.fields import BREAKER_STATES, needed
from resilience.journal.model import RecordedAdaptation, RecordedBreakerChange
from resilience.journal.spans import Span


def adaptations_of(span: Span) -> Iterator[RecordedAdaptation]:
    """
    Yield how rate limits adapted, as an operation's span tells.

    Raises:
        MalformedError: An attribute has another kind of value, or a needed one is missing.
    """
    for at, told in span.of("rate.adapted"):
        yield RecordedAdaptation(
            at=at,
            run=span.run,
            process=span.run,
            provider=told.text("rate.provider"),
            operation=needed(told.text("rate.operation"), "rate.operation"),
            old=needed(told.number("rate.before"), "rate.before"),
            new=needed(told.number("rate.limit"), "rate.limit"),
            declared=told.number("rate.declared"),
            refused=told.whole("rate.refused") or 0,
            answered=told.whole("rate.answered") or 0,
        )


def breaker_changes_of(span: Span) -> Iterator[RecordedBreakerChange]:
    """
    Yield how breakers changed, as an operation's span tells.

    Raises:
        MalformedError: An attribute has another kind of value, or a needed one is missing.
    """
    for at, told in span.of("breaker.changed"):
        yield RecordedBreakerChange(
            at=at,
            run=span.run,
            process=span.run,
            breaker=needed(told.text("breaker.name"), "breaker.name"),
            old=needed(told.word("breaker.before", BREAKER_STATES), "breaker.before"),
            new=needed(told.word("breaker.state", BREAKER_STATES), "breaker.state"),
            by_hand=told.truth("breaker.by_hand") or False,
            is_shadow=told.truth("breaker.shadow") or False,
            failures=told.whole("breaker.failures") or 0,
            results=told.whole("breaker.results") or 0,
        )
