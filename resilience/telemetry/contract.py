"""
The telemetry contract as values, for dashboards, alerts and tests.

The source is ``contract.toml``. This command makes the tables in the docstring of :mod:`resilience.telemetry` from it::

    python -m resilience.telemetry.contract --write

Names are complete here: ``resilience.outcome`` and not ``.outcome``.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from attrs import frozen

_FILE: Final = Path(__file__).with_name("contract.toml")
_PREFIX: Final = "resilience"

_LONGEST_LINE: Final = 120
# Without the blank and the backslash that follow.
_WIDTH: Final = _LONGEST_LINE - 2

InstrumentKind = Literal["histogram", "counter", "updowncounter"]


@frozen(kw_only=True)
class SpanShape:
    """
    One kind of span.

    Attributes:
        name: The name, with ``<operation>`` or ``<provider>`` if it depends on the call.
        kind: ``CLIENT`` or ``INTERNAL``.
        covers: The work inside the span.
    """

    name: str
    kind: str
    covers: str


@frozen(kw_only=True)
class Attribute:
    """
    One attribute.

    Attributes:
        name: The name.
        type: ``string``, ``int``, ``double`` or ``bool``.
        on: The kinds of spans that have it; empty if only events, metrics or records have it.
        meaning: The meaning, or the values.
    """

    name: str
    type: str
    on: tuple[str, ...] = ()
    meaning: str


@frozen(kw_only=True)
class EventShape:
    """One kind of event on an operation's span: when it happens, and the attributes that it may have."""

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
        name: The name.
        kind: The kind of instrument.
        unit: ``s``, or the counted thing in braces.
        attributes: The attributes that its series may have.
        buckets: The upper bounds of a histogram's buckets, in seconds; empty for other instruments.
        what: The measured or counted thing.
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
        name: The value of its field ``resilience.event.name``.
        levels: ``DEBUG``, ``INFO`` or ``WARNING``; the first is the usual one.
        fields: The fields that it may have, without the two of every record.
        when: The event for which it is written.
    """

    name: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]
    when: str


@frozen(kw_only=True)
class Contract:
    """
    The whole telemetry contract, in the order of the docstring of :mod:`resilience.telemetry`.

    Attributes:
        version: The version; that docstring says when it rises.
        spans: The kinds of spans.
        attributes: The attributes of spans.
        events: The kinds of events on operations' spans.
        event_attributes: The attributes of events alone.
        links: The kinds of links.
        instruments: The instruments of metrics.
        metric_attributes: The attributes of metrics; each ``meaning`` is the bound of the values.
        records: The kinds of log records.
        record_fields: The fields of every log record.
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
            LookupError: No instrument has this name.
        """
        for each in self.instruments:
            if each.name == name:
                return each
        raise LookupError(f"no instrument is named {name!r}")


@cache
def contract() -> Contract:
    """Return the contract."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return Contract(
        version=data["version"],
        spans=tuple(SpanShape(name=name, **each) for name, each in data["spans"].items()),
        attributes=_attributes(data["attributes"]),
        events=tuple(
            EventShape(name=_full(name), when=each["when"], attributes=tuple(map(_full, each["attributes"])))
            for name, each in data["events"].items()
        ),
        event_attributes=_attributes(data["event_attributes"]),
        links=tuple(LinkShape(kind=kind, **each) for kind, each in data["links"].items()),
        instruments=tuple(
            Instrument(
                name=_full(name),
                kind=each["kind"],
                unit=each["unit"],
                attributes=tuple(map(_full, each["attributes"])),
                buckets=tuple(each.get("buckets", ())),
                what=each["what"],
            )
            for name, each in data["instruments"].items()
        ),
        metric_attributes=_attributes(data["metric_attributes"]),
        records=tuple(
            RecordShape(
                name=_full(name),
                levels=tuple(each["levels"]),
                fields=tuple(map(_full, each["fields"])),
                when=each["when"],
            )
            for name, each in data["records"].items()
        ),
        record_fields=_attributes(data["record_fields"]),
    )


def _attributes(table: Mapping[str, Any]) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(name=_full(name), type=each["type"], on=tuple(each.get("on", ())), meaning=each["meaning"])
        for name, each in table.items()
    )


def _full(name: str) -> str:
    return f"{_PREFIX}{name}" if name.startswith(".") else name


def tables() -> Mapping[str, tuple[str, ...]]:
    """Return the rows of each table of the docstring, by the heading of the table."""
    data = contract()
    return {
        "| span | kind | covers |": tuple(_row(_code(each.name), each.kind, each.covers) for each in data.spans),
        "| attribute | type | on | meaning |": tuple(
            _row(_short(each.name), each.type, ", ".join(each.on), each.meaning) for each in data.attributes
        ),
        "| event | when | attributes |": tuple(
            _row(_short(each.name), each.when, _listed(each.attributes)) for each in data.events
        ),
        "| attribute | type | meaning |": _plain_rows(data.event_attributes),
        "| link | from | to |": tuple(_row(_code(each.kind), each.source, each.target) for each in data.links),
        "| instrument | kind | unit | attributes | buckets | what |": tuple(
            _row(
                _short(each.name),
                each.kind,
                each.unit,
                _listed(each.attributes),
                " ".join(f"{bound:g}" for bound in each.buckets) or "-",
                each.what,
            )
            for each in data.instruments
        ),
        "| attribute | type | bounded by |": _plain_rows(data.metric_attributes),
        "| record | level | fields | when |": tuple(
            _row(_short(each.name), ", ".join(each.levels), _listed(each.fields), each.when) for each in data.records
        ),
        "| field | type | meaning |": _plain_rows(data.record_fields),
    }


def _plain_rows(attributes: Iterable[Attribute]) -> tuple[str, ...]:
    return tuple(_row(_short(each.name), each.type, each.meaning) for each in attributes)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    return f"`{name}`"


def _short(name: str) -> str:
    return _code(name.removeprefix(_PREFIX) if name.startswith(f"{_PREFIX}.") else name)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_short, names))


def with_tables(source: str) -> str:
    """
    Return the source of a module with new rows in the tables of its docstring.

    Raises:
        ValueError: The docstring lacks a table.
    """
    lines = source.split("\n")
    for heading, rows in tables().items():
        start = lines.index(heading) + 2
        end = lines.index("", start)
        lines[start:end] = [line for row in rows for line in _wrapped(row)]
    return "\n".join(lines)


def _wrapped(row: str) -> list[str]:
    """Return a row as lines of a docstring; a backslash at the end of a line joins it with the next."""
    if len(row) <= _LONGEST_LINE:
        return [row]
    parts = textwrap.wrap(row, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"{part} \\" for part in parts[:-1]] + parts[-1:]


def main() -> int:
    """Compare the docstring of :mod:`resilience.telemetry` with the contract, or write its tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables; without it, only compare")
    options = parser.parse_args()
    module = Path(__file__).with_name("__init__.py")
    source = module.read_text(encoding="utf-8")
    fresh = with_tables(source)
    if options.write:
        module.write_text(fresh, encoding="utf-8")
        return 0
    if fresh != source:
        sys.stderr.write(f"{module}: the tables differ from {_FILE.name}; run with --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
