"""The bar of a call to scale: attempts, remedies and waits, under an axis with round numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall
from resilience.cli.report.labels import met, remedied, step_of
from resilience.cli.screen import seconds
from resilience.journal.model import RecordedAttempt

_LEAST: Final = 0.5
"""The least width of a shape, in per cent of a bar, so that it is visible."""

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS: Final = 6

# Top and height of a shape on a bar of 26 px. The end of a call is higher than other steps, so that colour is not the
# only sign.
_TALL: Final = (3, 20)
_LOW: Final = (9, 14)
_HEIGHTS: Final = {"success": _TALL, "accept": _TALL, "fail": _TALL, "aborted": _TALL, "unfinished": _TALL}
_REMEDIES: Final = {"refresh": (4, 7), "verify": (16, 7)}


@frozen
class Scale:
    """
    The time that a bar shows.

    Attributes:
        start: Its beginning, in seconds since the epoch.
        length: Its length in seconds, more than 0.
    """

    start: float
    length: float

    @classmethod
    def of(cls, start: float, end: float) -> Scale:
        """Return the scale from start to end, of at least a millisecond."""
        return cls(start, max(end - start, 0.001))

    def place(self, at: float) -> float:
        """Return the place of an instant, in per cent."""
        return min(max((at - self.start) / self.length * 100, 0.0), 100.0)


@frozen
class CallShape:
    """
    One part of a call's bar.

    Attributes:
        kind: Its class.
        left: Its left end, in per cent.
        width: Its width, in per cent.
        top: Its top, in pixels.
        height: Its height, in pixels.
        title: The text under the pointer; empty for a wait.
    """

    kind: str
    left: float
    width: float
    top: int
    height: int
    title: str


@frozen
class AxisLabel:
    """A label above bars: its place in per cent, and its number of seconds."""

    left: float
    at: float


def shapes(one: ReportedCall, scale: Scale | None = None) -> Iterator[CallShape]:
    """Yield the shapes of a call's bar; without a scale the bar shows only the time of the call."""
    scale = scale or Scale.of(one.call.started_at, one.finish)
    # The other shapes are drawn on top, so that waits remain between them.
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
    """Return the distance of marks on an axis in seconds: a round number for few marks."""
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
