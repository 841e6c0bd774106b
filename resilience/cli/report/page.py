"""
A report as one self-contained page: failures, a timeline, plots, tables, and each call with its attempts.

The page is complete without its script, which adds filters and search. The page loads nothing. The same recordings give
the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen
from markupsafe import Markup, escape

from resilience.cli.pages.rendering import asset, only_script, render
from resilience.cli.pages.shapes import TimePlot
from resilience.cli.report import charts
from resilience.cli.report.calls import ReportedCall, by, durations, waits_of
from resilience.cli.report.details import SIGNS, about, ending, how, lines, renames
from resilience.cli.report.drawing import AxisLabel, Scale, axis, shapes, tick
from resilience.cli.report.labels import (
    COLUMNS,
    END_WORDS,
    FAILED,
    counted,
    instant,
    met,
    place,
    service,
    shown,
    stopped,
)
from resilience.cli.report.limits.phrases import of_limits, per_second, why_adapted, why_changed
from resilience.cli.report.limits.plots import rate_keys, rate_plots
from resilience.cli.report.load import RunLoad, load
from resilience.cli.report.numbers import Summary
from resilience.cli.report.phrases import (
    by_the_clock,
    doubt,
    hint,
    met_by,
    period,
    policies,
    remarks,
    runs,
    stays,
    verdict,
)
from resilience.cli.screen import seconds, times

LISTED: Final = 2000
"""The most calls to list, so that a page opens in a second or two. The numbers count all calls."""

_NOTES: Final = 20

# With more calls, the browser lays out each line only when it comes into view.
_MANY: Final = 200

_SEAM: Final = re.compile("(?<=[a-z])(?=[A-Z])")


def page(summary: Summary, *, sources: Sequence[str], notes: Sequence[str] = ()) -> str:
    """
    Return the page.

    Args:
        summary: The numbers, and the calls.
        sources: The names of the files.
        notes: The unreadable parts of the files.
    """
    listed = chosen(summary.calls, LISTED)
    values: dict[str, Any] = {
        "title": f"Report: {', '.join(policies(summary)) or 'nothing was recorded'}",
        "security": only_script(asset("report.js")),
        "is_bad": bool(summary.failed or summary.unfinished),
        "verdict": verdict(summary),
        "summary": summary,
        "most_rows": charts.MOST_ROWS,
        "listed": listed,
        "numbers": frozenset(each.number for each in listed),
        "notes": [shown(note) for note in notes[:_NOTES]],
        "more_notes": max(len(notes) - _NOTES, 0),
    }
    if summary.calls:
        values |= _of_calls(summary, sources, listed)
    return render("report.html.j2", filters=_FILTERS, **values)


def breakable(text: str) -> Markup:
    """Return text as markup that may break names like ``CreateGroupId`` between their words."""
    # An HTML character reference has no capital after a small letter.
    return Markup(_SEAM.sub("<wbr>", str(escape(shown(text)))))  # noqa: S704  # the text is escaped first


_FILTERS: Final = {
    each.__name__: each
    for each in (
        *(about, breakable, counted, doubt, ending, hint, how, instant, lines, met, met_by),
        *(per_second, place, renames, service, shapes, shown, stays, stopped, why_adapted, why_changed),
    )
}
"""The functions that the templates of a report call, by name."""


def chosen(calls: Sequence[ReportedCall], most: int) -> tuple[ReportedCall, ...]:
    """Return at most so many calls in their order, and prefer those with a bad end, then the slowest."""
    if len(calls) <= most:
        return tuple(calls)
    ranked = sorted(calls, key=lambda each: (not (each.has_failed or each.end == "unfinished"), -each.took))
    return tuple(sorted(ranked[:most], key=lambda each: each.number))


def _of_calls(summary: Summary, sources: Sequence[str], listed: Sequence[ReportedCall]) -> dict[str, Any]:
    """Return the values of a page with calls."""
    ends: dict[str, float] = dict(summary.ends.items())
    every = by(summary.calls, _run_of)
    plots = rate_plots(summary.periods, summary.changes.breakers)
    return {
        "ends": charts.stack(ends, "e-fill"),
        "end_keys": charts.end_keys(summary),
        "period": f"{period(summary)}, from {', '.join(map(shown, sources))}",
        "tiles": _tiles(summary),
        "signs": SIGNS,
        "selects": _selects(listed),
        "runs": [_run(its, every[run]) for run, its in by(listed, _run_of).items()],
        "clock": by_the_clock(summary.times).capitalize(),
        "part_keys": charts.part_keys(),
        "shares": tuple(charts.shares(summary)),
        "spreads": tuple(_spreads(summary)),
        "columns": tuple(COLUMNS),
        "limits": tuple(of_limits(summary)),
        "rate_plots": plots,
        "rate_keys": rate_keys(plots),
        "remarks": tuple(remarks(summary)),
    }


def _tiles(summary: Summary) -> dict[str, tuple[str, str]]:
    spent, made, count = summary.times, summary.refreshes, len(summary.calls)
    total = spent.total or 1.0
    return {
        "calls": (f"{count:,}", times(runs(summary), "run")),
        "attempts per call": (f"{summary.attempts / count:.2f}", times(summary.attempts, "attempt")),
        "time": (seconds(spent.whole), f"{seconds(spent.under_way)} with calls under way"),
        "waiting": (
            f"{(spent.waiting + spent.queued) / total:.0%}",
            f"{seconds(spent.waiting)} between attempts, {seconds(spent.queued)} queued before them",
        ),
        "new credentials": (f"{made.led:,}", f"{made.joined:,} waited for another call's"),
        "accepted on belief": (f"{len(summary.believed):,}", "not verified"),
    }


@frozen
class FilterSelect:
    """A filter of the page: its name, its label, and its choices with their words."""

    name: str
    label: str
    options: dict[str, str]


def _selects(listed: Sequence[ReportedCall]) -> tuple[FilterSelect, ...]:
    there = {each.end for each in listed}
    ends: dict[str, str] = {end: words for end, words in END_WORDS.items() if end in there}
    names = {name: name for name in sorted({shown(each.call.operation) for each in listed})}
    codes = {code: code for code in sorted({shown(label) for each in listed for label in each.labels})}
    trouble = {"*failed": "all with a bad end"} if there & {*FAILED, "unfinished"} else {}
    orders = {"time": "time", "took": "longest first", "attempts": "most attempts first"}
    return (
        FilterSelect("end", "ended", {"": "in any way", **trouble, **ends}),
        FilterSelect("operation", "operation", {"": "any", **names}),
        FilterSelect("code", "met", {"": "anything", **codes}),
        FilterSelect("order", "order", orders),
        FilterSelect("bars", "lines show", {"run": "when it was", "length": "how long it took"}),
    )


def _run_of(one: ReportedCall) -> int:
    return one.run


@frozen(kw_only=True)
class RunSection:
    """
    The calls of one run.

    Attributes:
        title: Its number, its start, its length and its calls.
        load: Its load.
        axis: The labels above its bars.
        step: The distance of the marks behind its bars, in per cent.
        is_long: Whether the browser lays out lines only when they come into view.
        scale: The scale of its bars.
        calls: The listed calls.
    """

    title: str
    load: RunLoad
    axis: tuple[AxisLabel, ...]
    step: float
    is_long: bool
    scale: Scale
    calls: Sequence[ReportedCall]


def _run(calls: Sequence[ReportedCall], every: Sequence[ReportedCall]) -> RunSection:
    start = min(each.call.started_at for each in every)
    scale = Scale.of(start, max(each.finish for each in every))
    return RunSection(
        title=f"Run {calls[0].run}: {instant(start)} UTC, {seconds(scale.length)}, {times(len(every), 'call')}",
        load=load(every, scale),
        axis=axis(scale),
        step=tick(scale.length) / scale.length * 100,
        is_long=len(calls) > _MANY,
        scale=scale,
        calls=calls,
    )


def _spreads(summary: Summary) -> Iterator[tuple[str, TimePlot]]:
    calls, waits = durations(summary.calls), waits_of(summary.calls)
    if calls:
        yield "Calls", charts.spread_of(calls, "duration", "how long calls took")
    if waits:
        yield "Waits", charts.spread_of(waits, "waits-plot", "how long waits were")
