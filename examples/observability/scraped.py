"""Our instruments as Prometheus knows them: their names after a scrape, and what is asked of them."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from resilience.telemetry.contract import Instrument, contract

# How OpenTelemetry's names become Prometheus's: dots to underscores, the unit behind the name, "total" behind a
# counter; a unit in braces is dropped, and "/s" is "per second". Source: OpenTelemetry specification, "Prometheus and
# OpenMetrics Compatibility", and opentelemetry-exporter-prometheus 0.66b2, read 2026-11-21.
_UNITS: Final = {"s": "_seconds", "{request}/s": "_per_second"}
_PARTS: Final = frozenset({"bucket", "count", "sum"})


@frozen
class Series:
    """
    The series of one instrument that are asked for.

    Attributes:
        instrument: The instrument.
        part: ``bucket``, ``count`` or ``sum`` of a histogram; empty for other instruments.
        matchers: Which of its series, as PromQL writes it.
    """

    instrument: Instrument
    part: str = ""
    matchers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the metric."""
        name = _underscored(self.instrument.name) + _UNITS.get(self.instrument.unit, "")
        if self.instrument.kind == "counter":
            return f"{name}_total"
        return f"{name}_{self.part}" if self.part else name

    def where(self, attribute: str, test: str) -> Series:
        """
        Return those series alone whose attribute passes a test, such as ``="failed"``.

        Raises:
            LookupError: The instrument has no such attribute.
        """
        return self.limited(f"{self.label(attribute)}{test}")

    def limited(self, *matchers: str) -> Series:
        """Return those series alone that match what is said of labels that are not ours."""
        return evolve(self, matchers=(*self.matchers, *matchers))

    def label(self, attribute: str) -> str:
        """
        Return the label of one of the instrument's attributes; ``.outcome`` is short for ``resilience.outcome``.

        Raises:
            LookupError: The instrument has no such attribute.
        """
        full = f"resilience{attribute}" if attribute.startswith(".") else attribute
        if full not in self.instrument.attributes:
            raise LookupError(f"{self.instrument.name} has no attribute {full!r}")
        return _underscored(full)

    def has(self, attribute: str) -> bool:
        """Tell whether the instrument has an attribute."""
        return f"resilience{attribute}" in self.instrument.attributes

    def __str__(self) -> str:
        return f"{self.name}{{{', '.join(self.matchers)}}}" if self.matchers else self.name

    def grown(self, window: str) -> str:
        """
        Return by how much each series has grown within a window, one that was born in it from nothing.

        PromQL's ``increase`` begins where a series begins. A script is often over after the first scrape that has
        seen a failure: its counter is born with 1, and has not increased. So the last value of a new series counts.
        """
        return f"((last_over_time({self}[{window}]) unless {self} offset {window}) or increase({self}[{window}]))"

    def total(self, window: str, *by: str) -> str:
        """Return how much they have grown together, apart for each of some labels."""
        return f"sum{_by(by)}({self.grown(window)})"


def series(name: str, part: str = "") -> Series:
    """
    Return the series of an instrument; ``.decisions`` is short for ``resilience.decisions``.

    Raises:
        LookupError: There is no such instrument, or it has no such part.
    """
    instrument = contract().instrument(f"resilience{name}")
    if (part in _PARTS) is not (instrument.kind == "histogram"):
        raise LookupError(f"{instrument.name} is a {instrument.kind} and has no part {part!r}")
    return Series(instrument, part)


def _underscored(name: str) -> str:
    return name.replace(".", "_")


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else " "
