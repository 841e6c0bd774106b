"""A call drawn to scale: attempts, remedies and waits on one bar, under an axis with round numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall
from resilience.cli.report.labels import met, remedied, step_of
from resilience.cli.screen import seconds
from resilience.journal.model import RecordedAttempt

_LEAST: Final = 0.5
"""In per cent of a bar: what is more than nothing is seen."""

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS: Final = 6

# Where a shape begins and how high it is, on a bar of 26 px. What ends a call is higher than what goes on, so that the
# colour is not the only sign.
_TALL: Final = (3, 20)
_LOW: Final = (9, 14)
_HEIGHTS: Final = {"success": _TALL, "accept": _TALL, "fail": _TALL, "aborted": _TALL, "unfinished": _TALL}
_REMEDIES: Final = {"refresh": (4, 7), "verify": (16, 7)}


@frozen
class Scale:
    """
    The time that a bar shows.

    Attributes:
        start: Where it begins, in seconds since the epoch.
        length: In seconds, more than 0.
    """

    start: float
    length: float

    @classmethod
    def of(cls, start: float, end: float) -> Scale:
        """Show this time; at least a millisecond."""
        return cls(start, max(end - start, 0.001))

    def place(self, at: float) -> float:
        """Return where an instant lies, in per cent."""
        return min(max((at - self.start) / self.length * 100, 0.0), 100.0)


@frozen
class CallShape:
    """
    One part of a call's bar.

    Attributes:
        kind: Its class.
        left: Where it begins, in per cent.
        width: In per cent.
        top: In pixels.
        height: In pixels.
        title: What it says when it is pointed at; empty for a wait.
    """

    kind: str
    left: float
    width: float
    top: int
    height: int
    title: str


@frozen
class AxisLabel:
    """A label above bars: where it stands, in per cent, and the seconds that it names."""

    left: float
    at: float


def shapes(one: ReportedCall, scale: Scale) -> tuple[CallShape, ...]:
    """Return the parts of a call's bar; what they show is told in words elsewhere."""
    return tuple(_shapes(one, scale))


def _shapes(one: ReportedCall, scale: Scale) -> Iterator[CallShape]:
    # Waits are what is left of the call where nothing else is drawn.
    yield _shape("waits", scale, one.call.started_at, one.finish, (11, 4), "")
    for each in one.steps():
        end = each.started_at + each.duration if each.duration is not None else one.finish
        took = "never ended" if each.duration is None else seconds(each.duration)
        if isinstance(each, RecordedAttempt):
            step = step_of(each)
            what = step if each.fault is None else f"{met(each.fault, cut=each.cut)}, {step}"
            title = f"attempt {each.number}, {took}: {what}"
            yield _shape(f"s-{step}", scale, each.started_at, end, _HEIGHTS.get(step, _LOW), title)
        else:
            title = f"{took}: {remedied(each)}"
            yield _shape(f"r-{each.kind}", scale, each.started_at, end, _REMEDIES[each.kind], title)


def _shape(kind: str, scale: Scale, start: float, end: float, height: tuple[int, int], title: str) -> CallShape:  # noqa: PLR0913, PLR0917  # a shape has that many sides
    left = scale.place(start)
    width = max(scale.place(end) - left, _LEAST)
    return CallShape(kind, min(left, 100 - width), width, *height, title)


def tick(length: float) -> float:
    """Return the distance of marks on an axis of so many seconds: a round number, few enough to be read."""
    power = 0.001
    while power < 1:
        for factor in (1, 2, 5):
            if length / (power * factor) <= _MOST_TICKS:
                return power * factor
        power *= 10
    return next((float(each) for each in _STEPS if length / each <= _MOST_TICKS), length / _MOST_TICKS)


def axis(scale: Scale) -> tuple[AxisLabel, ...]:
    """Return the labels above bars of this scale."""
    step = tick(scale.length)
    # A label near the right end would not fit.
    return tuple(
        AxisLabel(number * step / scale.length * 100, number * step)
        for number in range(int(scale.length * 0.94 / step) + 1)
    )
