"""A call drawn to scale: attempts, remedies and waits on one lane, under an axis with round numbers."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from attrs import frozen

from resilience.cli.reporting.calls import Reported
from resilience.cli.reporting.words import met, remedied, step_of
from resilience.cli.screen import seconds
from resilience.records import RecordedAttempt

_LEAST: Final = 0.5
"""In per cent of a lane: what is more than nothing is seen."""

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS: Final = 6

# Where a shape begins and how high it is, on a lane of 26 px. What ends a call is higher than what goes on, so that the
# colour is not the only sign.
_TALL: Final = (3, 20)
_LOW: Final = (9, 14)
_HEIGHTS: Final = {"success": _TALL, "accept": _TALL, "fail": _TALL, "aborted": _TALL, "unfinished": _TALL}
_REMEDIES: Final = {"refresh": (4, 7), "verify": (16, 7)}

PATTERNS: Final = (
    '<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="waiting" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="2" height="6" class="ink"/></pattern>'
    '<pattern id="failing" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<rect width="6" height="6" class="s-fail-back"/><rect width="2" height="6" class="s-fail-ink"/></pattern>'
    "</defs></svg>"
)
"""What lanes fill shapes with; once in a page."""


@frozen
class Scale:
    """
    The time that a lane shows.

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


def lane(one: Reported, scale: Scale) -> str:
    """Return the drawing of a call; what it shows is told in words elsewhere."""
    return f'<svg class="lane" width="100%" height="26" aria-hidden="true">{"".join(_shapes(one, scale))}</svg>'


def _shapes(one: Reported, scale: Scale) -> Iterator[str]:
    # Waits are what is left of the call where nothing else is drawn.
    yield _rect("waits", scale, one.call.started_at, one.finish, (11, 4), "")
    for each in one.deeds():
        end = each.started_at + each.duration if each.duration is not None else one.finish
        took = "never ended" if each.duration is None else seconds(each.duration)
        if isinstance(each, RecordedAttempt):
            step = step_of(each)
            what = step if each.fault is None else f"{met(each.fault, cut=each.cut)}, {step}"
            title = f"attempt {each.number}, {took}: {what}"
            yield _rect(f"s-{step}", scale, each.started_at, end, _HEIGHTS.get(step, _LOW), title)
        else:
            yield _rect(
                f"r-{each.kind}", scale, each.started_at, end, _REMEDIES[each.kind], f"{took}: {remedied(each)}"
            )


def _rect(kind: str, scale: Scale, start: float, end: float, height: tuple[int, int], title: str) -> str:  # noqa: PLR0913, PLR0917  # a shape has that many sides
    left = scale.place(start)
    width = max(scale.place(end) - left, _LEAST)
    left = min(left, 100 - width)
    said = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect class="{kind}" x="{left:.2f}%" y="{height[0]}" width="{width:.2f}%" height="{height[1]}" rx="1.5">'
        f"{said}</rect>"
    )


def tick(length: float) -> float:
    """Return the distance of marks on an axis of so many seconds: a round number, few enough to be read."""
    power = 0.001
    while power < 1:
        for factor in (1, 2, 5):
            if length / (power * factor) <= _MOST_TICKS:
                return power * factor
        power *= 10
    return next((float(each) for each in _STEPS if length / each <= _MOST_TICKS), length / _MOST_TICKS)


def axis(scale: Scale) -> str:
    """Return the labels above lanes of this scale."""
    step = tick(scale.length)
    # A label near the right end would not fit.
    labels = [
        f'<span style="left:{number * step / scale.length * 100:.2f}%">{seconds(number * step)}</span>'
        for number in range(int(scale.length * 0.94 / step) + 1)
    ]
    return f'<div class="axis" aria-hidden="true"><div>{"".join(labels)}</div></div>'


def grid(scale: Scale) -> str:
    """Return the style that draws the marks of an axis behind lanes."""
    return f"--step:{tick(scale.length) / scale.length * 100:.3f}%"
