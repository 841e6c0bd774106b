"""
The telemetry contract as values, for dashboards, alerts and tests.

It is written once, in the docstring of :mod:`resilience.telemetry`, and read from
there. Names are complete here: ``.outcome`` has become ``resilience.outcome``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, Literal

from attrs import frozen

import resilience.telemetry

CONTRACT_VERSION: Final = "1"
"""The version of the contract; the docstring of :mod:`resilience.telemetry` says what raises it."""

InstrumentKind = Literal["histogram", "counter", "updowncounter"]

_KINDS: Final[dict[str, InstrumentKind]] = {
    "histogram": "histogram",
    "counter": "counter",
    "updowncounter": "updowncounter",
}


@frozen(kw_only=True)
class SpanShape:
    """
    One kind of span.

    Attributes:
        name: With ``<operation>`` or ``<provider>`` where it depends on the call.
        kind: ``CLIENT`` or ``INTERNAL``.
        covers: What runs inside.
    """

    name: str
    kind: str
    covers: str


@frozen(kw_only=True)
class Attribute:
    """
    One attribute.

    Attributes:
        name: Its name.
        type: ``string``, ``int``, ``double`` or ``bool``.
        on: Which kinds of spans have it; empty for what only events, metrics or records have.
        meaning: What it says, or what its values are.
    """

    name: str
    type: str
    on: tuple[str, ...] = ()
    meaning: str


@frozen(kw_only=True)
class EventShape:
    """One event of an operation's span, when it happens, and the attributes that it may have."""

    name: str
    when: str
    attributes: tuple[str, ...]


@frozen(kw_only=True)
class LinkShape:
    """One kind of link between spans."""

    kind: str
    source: str
    target: str


@frozen(kw_only=True)
class Instrument:
    """
    One instrument.

    Attributes:
        name: Its name.
        kind: What it is.
        unit: ``s``, or what is counted, in braces.
        attributes: Those that its series may have.
        buckets: The upper bounds of a histogram's buckets; empty for other instruments.
        what: What is measured or counted.
    """

    name: str
    kind: InstrumentKind
    unit: str
    attributes: tuple[str, ...]
    buckets: tuple[float, ...]
    what: str


@frozen(kw_only=True)
class RecordShape:
    """
    One kind of log record.

    Attributes:
        name: What its field ``resilience.event.name`` says.
        levels: ``DEBUG``, ``INFO`` or ``WARNING``; the first is the usual one.
        fields: Those that it may have besides the two that every record has.
        when: When it is written.
    """

    name: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]
    when: str


@frozen(kw_only=True)
class Contract:
    """
    Everything that telemetry shows, in the order of the docstring.

    Attributes:
        version: As :data:`CONTRACT_VERSION`.
        spans: The kinds of spans.
        attributes: What spans carry.
        events: What operations' spans tell.
        event_attributes: What only events carry.
        links: The kinds of links.
        instruments: What is measured.
        metric_attributes: What tells series apart; the meaning says what bounds the values.
        records: What is logged.
        record_fields: What every record carries.
    """

    version: str
    spans: tuple[SpanShape, ...]
    attributes: tuple[Attribute, ...]
    events: tuple[EventShape, ...]
    event_attributes: tuple[Attribute, ...]
    links: tuple[LinkShape, ...]
    instruments: tuple[Instrument, ...]
    metric_attributes: tuple[Attribute, ...]
    records: tuple[RecordShape, ...]
    record_fields: tuple[Attribute, ...]

    def instrument(self, name: str) -> Instrument:
        """
        Return one instrument.

        Raises:
            LookupError: There is none of this name.
        """
        for each in self.instruments:
            if each.name == name:
                return each
        raise LookupError(f"no instrument is named {name!r}")


@cache
def contract() -> Contract:
    """
    Read the contract.

    Raises:
        RuntimeError: Python was told to drop docstrings (``-OO``), and the contract with them.
    """
    text = resilience.telemetry.__doc__
    if text is None:
        raise RuntimeError("the telemetry contract is a docstring, and python -OO drops those; run without it")
    return Contract(
        version=CONTRACT_VERSION,
        spans=tuple(
            SpanShape(name=_plain(name), kind=kind, covers=covers)
            for name, kind, covers in _rows(text, "| span | kind | covers |")
        ),
        attributes=tuple(
            Attribute(name=name, type=type_, on=_listed(on), meaning=meaning)
            for names, type_, on, meaning in _rows(text, "| attribute | type | on | meaning |")
            for name in _names(names)
        ),
        events=tuple(
            EventShape(name=_name(name), when=when, attributes=_names(attributes))
            for name, when, attributes in _rows(text, "| event | when | attributes |")
        ),
        event_attributes=_attributes(text, "| attribute | type | meaning |"),
        links=tuple(
            LinkShape(kind=_plain(kind), source=source, target=target)
            for kind, source, target in _rows(text, "| link | from | to |")
        ),
        instruments=tuple(
            Instrument(
                name=_name(name),
                kind=_KINDS[kind],
                unit=unit,
                attributes=_names(attributes),
                buckets=() if buckets == "-" else tuple(float(bound) for bound in buckets.split()),
                what=what,
            )
            for name, kind, unit, attributes, buckets, what in _rows(
                text, "| instrument | kind | unit | attributes | buckets | what |"
            )
        ),
        metric_attributes=_attributes(text, "| attribute | type | bounded by |"),
        records=tuple(
            RecordShape(name=_name(name), levels=_listed(levels), fields=_names(fields), when=when)
            for name, levels, fields, when in _rows(text, "| record | level | fields | when |")
        ),
        record_fields=_attributes(text, "| field | type | meaning |"),
    )


def _attributes(text: str, heading: str) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(name=name, type=type_, meaning=meaning)
        for names, type_, meaning in _rows(text, heading)
        for name in _names(names)
    )


def _rows(text: str, heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table that begins with these columns."""
    lines = text.splitlines()
    for line in lines[lines.index(heading) + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def _names(cell: str) -> tuple[str, ...]:
    return tuple(_name(name) for name in re.findall(r"`[^`]+`", cell))


def _name(cell: str) -> str:
    name = _plain(cell)
    return f"resilience{name}" if name.startswith(".") else name


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(","))


def _plain(cell: str) -> str:
    return cell.strip("`")
