"""
Reads one span of OTLP JSON from a collector's file exporter or another program.

Source: OpenTelemetry Protocol 1.9, "JSON Protobuf Encoding": ids in hex digits, 64-bit integers as strings; and the
JSON mapping of Protocol Buffers, by which other writers put ids in base64 (both read 2026-11-21).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from resilience.journal.fields import MalformedError, RecordFields, finite, needed

_NANOSECONDS: Final = 1e9
_HEX: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{16}")
# The kinds of values of our attributes.
_VALUES: Final = ("stringValue", "boolValue", "intValue", "doubleValue")


@frozen(kw_only=True)
class Span:
    """
    One span; names of events and attributes lack their ``resilience.``.

    Attributes:
        line: The line in the file.
        run: The id of its run.
        trace: The id of its trace, in hex digits.
        id: Its id, in hex digits.
        parent: The id of its parent, in hex digits, or an empty text.
        name: Its name.
        start: Its start, in seconds since the epoch.
        end: Its end, in seconds since the epoch, or None.
        attributes: Its attributes.
        events: The name, the instant and the attributes of each event.
    """

    line: int
    run: str
    trace: str
    id: str
    parent: str
    name: str
    start: float
    end: float | None
    attributes: RecordFields
    events: tuple[tuple[str, float, RecordFields], ...]

    @property
    def duration(self) -> float | None:
        """Its duration, in seconds, or None."""
        return None if self.end is None else max(self.end - self.start, 0.0)

    def of(self, name: str) -> Iterator[tuple[float, RecordFields]]:
        """Yield the instant and the attributes of each event of a name."""
        return ((at, attributes) for each, at, attributes in self.events if each == name)


def read_span(line: int, fields: RecordFields, run: str) -> Span:
    """
    Read one span.

    Raises:
        MalformedError: The object is no span.
    """
    end = _instant(fields, "endTimeUnixNano")
    events = []
    for each in fields.all_of("events"):
        event = RecordFields.of(each, "an event")
        at = _instant(event, "timeUnixNano") or 0.0
        events.append((_short(event.text("name") or ""), at, read_attributes(event.all_of("attributes"))))
    return Span(
        line=line,
        run=run,
        trace=needed(_identity(fields, "traceId"), "traceId"),
        id=needed(_identity(fields, "spanId"), "spanId"),
        parent=_identity(fields, "parentSpanId") or "",
        name=needed(fields.text("name"), "name"),
        start=needed(_instant(fields, "startTimeUnixNano"), "startTimeUnixNano"),
        end=end or None,
        attributes=read_attributes(fields.all_of("attributes")),
        events=tuple(events),
    )


def _short(name: str) -> str:
    return name.removeprefix("resilience.")


def _instant(fields: RecordFields, name: str) -> float | None:
    """Return an instant in seconds; JSON has nanoseconds as a number or a string."""
    if not fields.has(name):
        return None
    return finite(_whole(fields.raw(name), name), name) / _NANOSECONDS


def _whole(value: object, name: str) -> int:
    try:
        return int(value) if isinstance(value, str | int) else int("none")
    except ValueError:
        raise MalformedError(f"{name}: expected a whole number, or a string of one") from None


def _identity(fields: RecordFields, name: str) -> str | None:
    """Return an id in hex digits; None for an empty id."""
    text = fields.text(name)
    if not text:
        return None
    if _HEX.fullmatch(text):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        raise MalformedError(f"{name}: expected hex digits or base64") from None


def read_attributes(listed: list[Any]) -> RecordFields:
    """
    Return attributes with their values, without lists and maps.

    Raises:
        MalformedError: The list has something else than attributes.
    """
    found: dict[str, Any] = {}
    for each in listed:
        pair = RecordFields.of(each, "an attribute")
        value = pair.inside("value") or RecordFields({})
        kind = next((kind for kind in _VALUES if value.has(kind)), None)
        if kind is not None:
            name = _short(needed(pair.text("key"), "key"))
            found[name] = _whole(value.raw(kind), name) if kind == "intValue" else value.raw(kind)
    return RecordFields(found)
