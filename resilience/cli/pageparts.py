"""
What our pages are made of: the document around them, lists of facts, and plots.

Everything that is read is HTML, so that it keeps its size where a plot shrinks; an SVG holds only shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from resilience.cli.pagestyle import STYLE
from resilience.cli.plots import Bin
from resilience.cli.screen import seconds
from resilience.simulation import Spread

HEIGHT: Final = 100
"""Of every plot, in its own units; it is drawn as high as its style says."""

WIDTH: Final = 1000
"""Likewise; it is drawn as wide as there is room."""

_POINTS: Final = 400


def document(title: str, body: Iterable[str], *, head: str = "", style: str = "") -> str:
    """
    Return a whole page that loads nothing.

    Args:
        title: As text.
        body: What stands in it, as HTML.
        head: Further elements of the head, as HTML.
        style: Style rules beside those of every page.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{head}<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def facts(said: Mapping[str, str]) -> str:
    """Return names with their values, as text, beside each other where there is room."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in said.items())
    return f'<dl class="facts">{rows}</dl>'


def bars(rows: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    """Yield a row for each label: its bar, its count and its share; the last part of a row is its class."""
    total = sum(count for _, count, _ in rows)
    most = max(count for _, count, _ in rows)
    yield '<div class="bars">'
    for label, count, kind in rows:
        # What is more than nothing is seen.
        width = max(WIDTH * count / most, 5.0)
        yield (
            f'<span>{escape(label)}</span><svg viewBox="0 0 {WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="{kind}" width="{width:.1f}" height="20"/></svg>'
            f"<span>{count:,}</span><span>{count / total:.1%}</span>"
        )
    yield "</div>"


def plot(shapes: str, label: str, *, kind: str = "plot") -> str:
    """Return a plot; ``label`` says in words what it shows."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{shapes}</svg>'
    )


def columns(
    bins: Sequence[Bin], kind: str, spread: Spread, label: str, *, at: Callable[[float], float] | None = None
) -> str:
    """
    Return a histogram of lengths of time with its percentiles.

    Args:
        bins: The columns, all drawn equally wide.
        kind: Their class.
        spread: Where the percentiles are.
        label: What it shows, in words.
        at: Where a length lies, from 0 to 1; by default in proportion between the least and the greatest.
    """
    most = max(each.count for each in bins)
    width = WIDTH / len(bins)
    shapes = ""
    for number, each in enumerate(bins):
        # What is more than nothing is seen.
        height = max(HEIGHT * each.count / most, 1.0) if each.count else 0.0
        shapes += (
            f'<rect class="{kind}" x="{number * width + width * 0.06:.2f}" y="{HEIGHT - height:.2f}" '
            f'width="{width * 0.88:.2f}" height="{height:.2f}">'
            f"<title>{seconds(each.low)} to {seconds(each.high)}: {each.count:,}</title></rect>"
        )
    return plot(shapes + _marks(spread, at or _evenly(spread.least, spread.greatest)), label)


def _evenly(low: float, high: float) -> Callable[[float], float]:
    length = high - low
    return lambda value: (value - low) / length if length > 0 else 0.0


def _marks(spread: Spread, at: Callable[[float], float]) -> str:
    """Return a line for each percentile; none where all values are the least."""
    if at(spread.greatest) <= 0:
        return ""
    return "".join(
        f'<line class="mark p{percent}" x1="{place:.1f}" y1="0" x2="{place:.1f}" y2="{HEIGHT}"/>'
        for percent, place in ((percent, at(value) * WIDTH) for percent, value in spread.at.items())
    )


def curve(values: Sequence[float], spread: Spread, label: str) -> str:
    """Return the share of lengths of time that are over, against time."""
    ordered = sorted(values)
    end = spread.greatest or 1.0
    points = [(0.0, 0.0)]
    count = len(ordered)
    # As many points as the eye can tell apart.
    for number in range(0, count, max(count // _POINTS, 1)):
        x = ordered[number] / end
        points += [(x, points[-1][1]), (x, (number + 1) / count)]
    points.append((1.0, 1.0))
    path = " ".join(f"{x * WIDTH:.1f},{HEIGHT - y * HEIGHT:.2f}" for x, y in points)
    return plot(f'<polyline class="curve" points="{path}"/>' + _marks(spread, _evenly(0.0, spread.greatest)), label)


def ends(left: str, right: str) -> str:
    """Return what stands under the two ends of a plot."""
    return f'<p class="ends"><span>{escape(left)}</span><span>{escape(right)}</span></p>'


def percentiles(spread: Spread) -> str:
    """Return what the marks of a plot mean."""
    return (
        '<p class="legend">'
        + "".join(
            f'<span class="key p{percent}">p{percent} {seconds(value)}</span>' for percent, value in spread.at.items()
        )
        + "</p>"
    )
