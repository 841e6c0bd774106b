"""
One span of OTLP JSON, as a collector's file exporter or another program writes it.

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

from resilience.journal.fields import Fields, MalformedError, finite, needed

_NANOSECONDS: Final = 1e9
_HEX: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{16}")
# The kinds of values that our attributes have.
_VALUES: Final = ("stringValue", "boolValue", "intValue", "doubleValue")


@frozen(kw_only=True)
class Span:
    """
    One span; names of events and attributes are without ``resilience.``.

    Attributes:
        line: Where it stands.
        run: The run that it belongs to.
        trace: Its trace, in hex digits.
        id: Its own id likewise.
        parent: The id of the span that it is in, or nothing.
        name: Its name.
        start: When it began, in seconds since the epoch.
        end: When it ended; None if it has not.
        said: Its attributes.
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
    said: Fields
    events: tuple[tuple[str, float, Fields], ...]

    @property
    def duration(self) -> float | None:
        """How long it took, in seconds."""
        return None if self.end is None else max(self.end - self.start, 0.0)

    def of(self, name: str) -> Iterator[tuple[float, Fields]]:
        """Yield when each event of this name was, and what it says."""
        return ((at, said) for each, at, said in self.events if each == name)


def read_span(line: int, fields: Fields, run: str) -> Span:
    """
    Read one span.

    Raises:
        MalformedError: It is none.
    """
    end = _instant(fields, "endTimeUnixNano")
    events = []
    for each in fields.all_of("events"):
        event = Fields.of(each, "an event")
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
        said=read_attributes(fields.all_of("attributes")),
        events=tuple(events),
    )


def _short(name: str) -> str:
    return name.removeprefix("resilience.")


def _instant(fields: Fields, name: str) -> float | None:
    """Return an instant in seconds; in JSON it is a number of nanoseconds, or a string of one."""
    if not fields.has(name):
        return None
    return finite(_whole(fields.raw(name), name), name) / _NANOSECONDS


def _whole(value: object, name: str) -> int:
    try:
        return int(value) if isinstance(value, str | int) else int("none")
    except ValueError:
        raise MalformedError(f"{name}: expected a whole number, or a string of one") from None


def _identity(fields: Fields, name: str) -> str | None:
    """Return an id in hex digits; empty ids are none."""
    text = fields.text(name)
    if not text:
        return None
    if _HEX.fullmatch(text):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        raise MalformedError(f"{name}: expected hex digits or base64") from None


def read_attributes(listed: list[Any]) -> Fields:
    """
    Return attributes with their values, without those that are lists or maps.

    Raises:
        MalformedError: They are none.
    """
    found: dict[str, Any] = {}
    for each in listed:
        pair = Fields.of(each, "an attribute")
        value = pair.inside("value") or Fields({})
        kind = next((kind for kind in _VALUES if value.has(kind)), None)
        if kind is not None:
            name = _short(needed(pair.text("key"), "key"))
            found[name] = _whole(value.raw(kind), name) if kind == "intValue" else value.raw(kind)
    return Fields(found)
