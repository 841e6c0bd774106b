"""The parts of records in format 1 that are objects: a fault, a decision and its backoff."""

from __future__ import annotations

import math
from typing import Any, Final

from resilience.core.backoff import BACKOFF_KINDS, JITTERS, Backoff
from resilience.core.decision import Accept, Decision, Fail
from resilience.core.fault import TRANSPORTS, Fault
from resilience.core.policy import VERBS
from resilience.core.words.labels import class_name, cleaned
from resilience.journal.columns import (
    NUMBER,
    NUMBERS,
    SECONDS,
    TEXT,
    TRUTH,
    WHOLE,
    Column,
    Columns,
    Context,
    inside,
    word,
)
from resilience.journal.fields import EFFECTS, STOP_REASONS


def _cut(name: str) -> Any:
    return lambda source, _: cleaned(getattr(source, name))


def class_of(source: Any, _: Context) -> str | None:
    """Return the class of an event's or a fault's error."""
    return class_name(source.error)


def _hint(fault: Fault, _: Context) -> float | None:
    hint = fault.retry_after
    return hint if hint is not None and math.isfinite(hint) else None


FAULT: Final = Columns(
    Column("provider", TEXT),
    Column("code", TEXT, _cut("code")),
    Column("transport", word(TRANSPORTS)),
    Column("status", WHOLE),
    Column("request_id", TEXT, _cut("request_id")),
    Column("retry_after", NUMBER, _hint),
    Column("effect", word(EFFECTS)),
    Column("error", TEXT, class_of),
)

_BACKOFF: Final = Columns(
    Column("kind", word(BACKOFF_KINDS), is_needed=True),
    Column("base", NUMBER, is_needed=True),
    Column("factor", NUMBER, is_needed=True),
    Column("cap", NUMBER, is_needed=True),
    Column("jitter", word(JITTERS), is_needed=True),
    Column("server_hint", TRUTH),
    Column("delays", NUMBERS, lambda backoff, _: backoff.delays or None),
)


def _backoff(decision: Decision, _: Context) -> Backoff | None:
    return decision.action.backoff if decision.leads_on and decision.action is not None else None


DECISION: Final = Columns(
    Column("action", word(VERBS), lambda decision, _: decision.verb),
    Column("rule", TEXT, lambda decision, _: decision.rule and decision.rule.id, to="rule_id"),
    Column("origin", TEXT, lambda decision, context: decision.rule and context.origin(decision.rule), to="rule_origin"),
    Column("name", TEXT, lambda decision, _: decision.action and decision.action.key, to="action_name"),
    Column(
        "stop_reason",
        word(STOP_REASONS),
        lambda decision, _: decision.reason if isinstance(decision, Fail) else None,
    ),
    Column("verified", TRUTH, lambda decision, _: decision.verified if isinstance(decision, Accept) else None),
    Column("dry_run", TRUTH, lambda decision, _: (isinstance(decision, Accept) and decision.dry_run) or None),
    Column("delay", SECONDS, lambda decision, _: decision.delay if decision.leads_on else None),
    Column("backoff", inside(_BACKOFF, Backoff), _backoff),
)
