"""
Format 1 of the journal, for writing and reading: the record of each event.

A journal is a text file. Each line is one record, a JSON object with these fields; times are in seconds.

| field | type | meaning |
|---|---|---|
| `record` | string | the kind of record, as in the next table |
| `at` | number | the time of writing, since the epoch |
| `offset` | number | the time of writing, since the process' first record, on a monotonic clock |
| `call` | string | the id of the call; absent in `process` |

Unknown values are absent.

| record | when | fields |
|---|---|---|
| `process` | first record of a process | `format` (1), `version` (of this package), `run`, `process`, `pid` |
| `call_started` | a call begins | `operation`, `provider`, `policy`, `hash`, `env`, `rate`, `trace_id`, `span_id` |
| `waited` | the call had to wait before an attempt | `gate` (what it waited for), `duration` |
| `breaker_changed` | a breaker changed | `breaker`, `old`, `new`, `by_hand`, `shadow`, `failures`, `results` |
| `rate_adapted` | a rate limit adapted | `provider`, `adapted`, `old`, `new`, `declared`, `refused`, `answered` |
| `state_changed` | the store that processes share went away, or is back | `away`, `on_unavailable` |
| `retry_paid` | the budget paid for the next attempt | `provider`, `retries_left` |
| `recalled` | the ledger was asked | `answer` (new, done or unfinished), `waited` (for another call) |
| `attempt_started` | an attempt begins | `number` (from 1) |
| `fault_injected` | `[chaos]` makes its fault | `number`, `chaos`, `applied` |
| `attempt_succeeded` | it returned a value | `number`, `duration` |
| `attempt_failed` | it failed; this follows | `number`, `duration`, `cut`, `fault`, `effect`, `condition`, `decision` |
| `attempt_aborted` | cancelled, or a programming error | `number`, `duration`, `error` |
| `refresh_started` | new credentials are awaited | `number` (of the attempt before, or 0), `provider`, `leads` |
| `refresh_ended` | the refresh has ended | `duration`, `error`, `cancelled` |
| `verify_started` | the verifier is asked | `number` |
| `verify_ended` | the verifier has answered | `duration`, `answer`, `error`, `decision` |
| `renamed` | the next attempt has another name | `field`, `old`, `new` |
| `call_ended` | a call has ended | `ended`, `stop_reason`, `attempts`, `waited`, `duration`, `verified`, `error_type` |

`rate` is the lowest rate that the policy declares for the operation, in requests per second; so are `old`, `new` and
`declared` of the limit that adapted, for calls of the operation `adapted` in this process. `refused` of the `answered`
requests of the last window were throttled.

`fault` has `provider`, `code`, `transport`, `status`, `request_id`, `retry_after`, `effect` (by the transport) and
`error` (the exception's class). `decision` has `action`, `delay`, `rule`, `origin` (file and line of the rule), `name`
(of the action), `backoff` (of the delay), `stop_reason`, `verified` and `dry_run`. `condition` is a hash of the texts
that rules looked for in a message, up to the one that matched: a replay finds the same answer by it, but it reveals
nothing of the message. ``Journal(show_names=False)`` leaves out the old and the new name of a rename.

A journal has no tokens, keys, request parameters, URLs or texts of exceptions, and nothing of the command line or the
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    BreakerChanged,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    RetryPaid,
    StateChanged,
    VerifyEnded,
    VerifyStarted,
    Waited,
)
from resilience.core.fault import Fault
from resilience.core.words.labels import GOOD_ENDS, answer, call_error_type, cleaned
from resilience.journal.columns import (
    NUMBER,
    SECONDS,
    SECONDS_PADDED,
    TEXT,
    TRUTH,
    WHOLE,
    Column,
    Columns,
    Context,
    inside,
    word,
)
from resilience.journal.fields import ANSWERS, BREAKER_STATES, EFFECTS, ENDS, RECALLS, STOP_REASONS, RecordFields
from resilience.journal.parts import DECISION, FAULT, class_of

FORMAT: Final = 1
"""The version of the format that this package writes. It reads this version and earlier ones."""


@frozen(kw_only=True)
class ProcessStarted:
    """
    The first record of a process.

    Attributes:
        format: The version of the format.
        version: The version of this package.
        run: The id of the run.
        process: The part of its calls' ids that names the process.
        pid: The process id.
    """

    format: int = FORMAT
    version: str | None
    run: str
    process: str
    pid: int


def _name(name: str) -> Any:
    return lambda renamed, context: cleaned(getattr(renamed, name)) if context.show_names else None


_NUMBER: Final = Column("number", WHOLE, is_needed=True)
_DURATION: Final = Column("duration", SECONDS, is_needed=True)
_DURATION_PADDED: Final = Column("duration", SECONDS_PADDED, is_needed=True)
_ERROR: Final = Column("error", TEXT, class_of)
_DECIDED: Final = Column("decision", inside(DECISION))

_COUNTED: Final = (
    Column("attempts", WHOLE, to=None),
    Column("waited", SECONDS_PADDED),
    _DURATION_PADDED,
)
_ENDED: Final = (Column("ended", word(ENDS)), Column("stop_reason", word(STOP_REASONS)))


def _breaker(event: BreakerChanged, _: Context) -> str:
    return event.provider if event.operation is None else f"{event.provider}:{event.operation}"


def _is_verified(ended: CallEnded, _: Context) -> bool | None:
    return bool(ended.verified) if ended.ended == "accepted" else None


def _error_type(ended: CallEnded, context: Context) -> str | None:
    return None if ended.ended in GOOD_ENDS else call_error_type(ended, context.listed)


def _rate(started: CallStarted, _: Context) -> float | None:
    limits = started.policy.rates.get(started.provider or "")
    lowest = None if limits is None else limits.lowest(started.operation)
    return None if lowest is None else lowest.per_second


def _changed(name: str) -> Any:
    return lambda adapted, _: getattr(adapted.change, name)


_HEADING: Final = (
    Column("operation", TEXT, is_needed=True),
    Column("provider", TEXT),
    Column("policy", TEXT, lambda started, _: started.policy.name),
    Column("hash", TEXT, lambda started, _: started.policy.digest or None, to="policy_hash"),
    Column("env", TEXT, lambda started, _: started.policy.env),
    Column("rate", NUMBER, _rate),
)
_SPAN: Final = (
    Column("trace_id", TEXT, lambda ids, _: ids[0]),
    Column("span_id", TEXT, lambda ids, _: ids[1]),
)

RECORDS: Final[Mapping[type, tuple[str, Columns]]] = {
    ProcessStarted: (
        "process",
        Columns(
            Column("format", WHOLE, is_needed=True),
            Column("version", TEXT),
            Column("run", TEXT, is_needed=True),
            Column("process", TEXT, is_needed=True),
            Column("pid", WHOLE),
        ),
    ),
    CallStarted: ("call_started", Columns(*_HEADING, *_SPAN)),
    Waited: ("waited", Columns(Column("gate", TEXT), Column("duration", SECONDS_PADDED))),
    BreakerChanged: (
        "breaker_changed",
        Columns(
            Column("breaker", TEXT, _breaker, is_needed=True),
            Column("old", word(BREAKER_STATES), is_needed=True),
            Column("new", word(BREAKER_STATES), is_needed=True),
            Column("by_hand", TRUTH, lambda event, _: event.by_hand or None),
            Column("shadow", TRUTH, lambda event, _: event.is_shadow or None, to="is_shadow"),
            Column("failures", WHOLE, lambda event, _: event.failures or None),
            Column("results", WHOLE, lambda event, _: event.results or None),
        ),
    ),
    RateAdapted: (
        "rate_adapted",
        Columns(
            Column("provider", TEXT),
            Column("adapted", TEXT, _changed("operation"), to="operation", is_needed=True),
            Column("old", NUMBER, _changed("old"), is_needed=True),
            Column("new", NUMBER, _changed("new"), is_needed=True),
            Column("declared", NUMBER, _changed("declared")),
            Column("refused", WHOLE, _changed("refused")),
            Column("answered", WHOLE, _changed("answered")),
        ),
    ),
    StateChanged: (
        "state_changed",
        Columns(
            Column("away", TRUTH, lambda event, _: event.is_away, to=None), Column("on_unavailable", TEXT, to=None)
        ),
    ),
    RetryPaid: (
        "retry_paid",
        Columns(Column("provider", TEXT, to=None), Column("retries_left", WHOLE, to=None)),
    ),
    Recalled: (
        "recalled",
        Columns(Column("answer", word(RECALLS), to="recalled"), Column("waited", SECONDS_PADDED, to=None)),
    ),
    AttemptStarted: ("attempt_started", Columns(_NUMBER)),
    FaultInjected: (
        "fault_injected",
        Columns(
            Column("number", WHOLE, to=None),
            Column("chaos", TEXT, lambda event, _: event.injection.id),
            Column("applied", TRUTH, lambda event, _: event.injection.applied),
        ),
    ),
    AttemptSucceeded: ("attempt_succeeded", Columns(_NUMBER, _DURATION_PADDED)),
    AttemptFailed: (
        "attempt_failed",
        Columns(
            _NUMBER,
            _DURATION,
            Column("cut", TRUTH, lambda event, _: event.cut or None),
            Column("fault", inside(FAULT, Fault), is_needed=True),
            Column("effect", word(EFFECTS)),
            Column("condition", TEXT),
            _DECIDED,
        ),
    ),
    AttemptAborted: ("attempt_aborted", Columns(_NUMBER, _DURATION, _ERROR)),
    RefreshStarted: ("refresh_started", Columns(_NUMBER, Column("provider", TEXT), Column("leads", TRUTH))),
    RefreshEnded: (
        "refresh_ended",
        Columns(_DURATION, _ERROR, Column("cancelled", TRUTH, lambda event, _: event.cancelled or None)),
    ),
    VerifyStarted: ("verify_started", Columns(_NUMBER)),
    VerifyEnded: (
        "verify_ended",
        Columns(_DURATION, Column("answer", word(ANSWERS), lambda event, _: answer(event)), _ERROR, _DECIDED),
    ),
    ResourceRenamed: (
        "renamed",
        Columns(
            Column("field", TEXT, is_needed=True), Column("old", TEXT, _name("old")), Column("new", TEXT, _name("new"))
        ),
    ),
    CallEnded: (
        "call_ended",
        Columns(*_COUNTED, *_ENDED, Column("verified", TRUTH, _is_verified), Column("error_type", TEXT, _error_type)),
    ),
}
"""The name and the fields of each event's record."""

_BY_NAME: Final = dict(RECORDS.values())

_BEGINNING: Final = Columns(*_HEADING)
_PLACE: Final = Columns(*_SPAN)
_NO_CONTEXT: Final = Context(frozenset(), show_names=False)
# In format 1 this record has another order of fields.
_SUCCESS: Final = Columns(*_ENDED, *_COUNTED)


def record(event: Event, context: Context) -> tuple[str, str] | None:
    """Return the name and the fields of an event's record; None for an event without a record."""
    found = RECORDS.get(type(event))
    if found is None:
        return None
    name, columns = found
    if isinstance(event, CallEnded) and event.ended == "success":
        columns = _SUCCESS
    return name, columns.text(event, context)


def process(started: ProcessStarted) -> str:
    """Return the fields of a process's first record."""
    return RECORDS[ProcessStarted][1].text(started, _NO_CONTEXT)


def heading(started: CallStarted, context: Context) -> str:
    """Return the fields of a call's first record, without its span."""
    return _BEGINNING.text(started, context)


def span(ids: tuple[str, str]) -> str:
    """Return the fields of a span: the ids of trace and span, in hex digits."""
    return _PLACE.text(ids, _NO_CONTEXT)


def read(kind: str, fields: RecordFields) -> dict[str, Any]:
    """
    Return the present fields of a record, by their names in :mod:`resilience.journal.model`.

    The record of a later version has none.

    Raises:
        MalformedError: A field has another kind of value, or a needed one is missing.
    """
    columns = _BY_NAME.get(kind)
    return {} if columns is None else columns.read(fields)
