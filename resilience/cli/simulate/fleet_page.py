"""Forecasts of a fleet as a page: the requests over the time as the service counts them, and how calls end."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.pages.rendering import render
from resilience.cli.pages.shapes import HEIGHT, WIDTH, TimePlot, columns
from resilience.cli.plots import histogram
from resilience.cli.screen import seconds, times
from resilience.cli.simulate.forecasts import OURS, PERCENTILES, UNPACED, FleetForecasts, ForecastColumn
from resilience.core.grammar.script import without_messages
from resilience.fleet.forecast import Forecast, LimitedService

_BINS: Final = 250
"""More parts of the time would make no visible difference."""

_ROOM: Final = 1.08
"""The height of a plot, as a part of its greatest value."""

_KINDS: Final = {OURS: "ours", UNPACED: "unpaced"}
"""The classes of columns; any other one is that of another policy."""


@frozen(kw_only=True)
class Line:
    """
    A line of a plot.

    Attributes:
        kind: Its class.
        label: What it shows.
        points: Its points, for SVG.
    """

    kind: str
    label: str
    points: str


@frozen(kw_only=True)
class CoursePlot:
    """
    A plot over the time.

    Attributes:
        label: Its subject, in words.
        lines: Its lines, the last one on top.
        greatest: The value at its upper end, in words.
        duration: The time at its right end, in seconds.
    """

    label: str
    lines: tuple[Line, ...]
    greatest: str
    duration: float


def fleet_page(forecasts: FleetForecasts, *, script: str) -> str:
    """
    Return the page.

    Args:
        forecasts: The forecasts.
        script: The faults, as the user wrote them.
    """
    plan = forecasts.ours.plan
    title = f"{times(forecasts.fleet.calls, 'call')} of {plan.operation} under {plan.policy.name}"
    if plan.policy.env:
        title += f" ({plan.policy.env})"
    return render(
        "fleet.html.j2",
        title=title,
        setup=_setup(forecasts, script),
        headers=[each.name for each in forecasts.columns],
        rows=list(forecasts.rows()),
        runs=len(forecasts.ours.runs),
        notes=list(forecasts.findings()),
        window=forecasts.window,
        requests=[(each.name, _requests(each.first, forecasts.service)) for each in forecasts.columns],
        completion=_completion(forecasts),
        durations=_durations(forecasts.ours),
        digest=plan.policy.digest,
    )


def _setup(forecasts: FleetForecasts, script: str) -> dict[str, str]:
    plan, service, fleet = forecasts.ours.plan, forecasts.service, forecasts.fleet
    at_random = "" if service.rate is None else f", at random to {service.rate:.0%} of attempts"
    return {
        "operation": f"{plan.provider}:{plan.operation}, repeat {plan.repeat}",
        "the service takes": forecasts.service_in_words,
        "an answer takes": seconds(service.latency),
        "faults of each call": (without_messages(script) or "none") + at_random,
        "verifier": service.verifier if plan.can_verify else "none",
        "calls at a time": "as the policy says" if fleet.concurrency is None else str(fleet.concurrency),
        "seed": f"{fleet.seed}" + ("" if len(forecasts.ours.runs) == 1 else f", {len(forecasts.ours.runs)} runs"),
    }


def _requests(found: Forecast, service: LimitedService) -> CoursePlot:
    """Return the most requests within a window, in each part of the time; and what the limiter allowed."""
    duration = found.duration or 1.0
    counted = _peaks(found.requests, service.window, duration)
    refused = _peaks(found.refused_at, service.window, duration)
    limit = 0.0 if service.limit is None else service.limit.count
    levels = [(at, level * service.window) for at, level in found.levels]
    top = max([*counted, limit, *(level for _, level in levels if level <= limit * 2)]) * _ROOM or 1.0
    lines = [Line(kind="counted", label="requests within a window", points=_steps(counted, top))]
    if any(refused):
        lines.append(Line(kind="refused", label="refused among them", points=_steps(refused, top)))
    if limit:
        ours = limit * (1 - service.others)
        lines.append(Line(kind="limit", label=f"limit {service.limit}", points=_flat(limit, top)))
        if service.others:
            lines.append(Line(kind="left", label="what others leave of it", points=_flat(ours, top)))
    if levels:
        points = _points(((at / duration, level / top) for at, level in _stairs(levels, duration)))
        lines.append(Line(kind="adapted", label="what the limiter allows", points=points))
    label = "requests over the time, as the service counts them"
    return CoursePlot(label=label, lines=tuple(lines), greatest=f"{top / _ROOM:g}", duration=found.duration)


def _completion(forecasts: FleetForecasts) -> CoursePlot:
    """Return how many calls had ended at each time, and how many could have at best."""
    service, calls = forecasts.service, forecasts.fleet.calls
    duration = max(each.first.duration for each in forecasts.columns) or 1.0
    best = [
        (service.ended_at_best(calls * part / _BINS) + service.latency, calls * part / _BINS)
        for part in range(_BINS + 1)
    ]
    lines = [
        Line(
            kind="best",
            label="at best",
            points=_points((at / duration, count / calls / _ROOM) for at, count in [*best, (duration, calls)]),
        )
    ]
    for column in reversed(forecasts.columns):
        ends = column.first.ends
        shares = [bisect_right(ends, duration * part / _BINS) / calls for part in range(_BINS + 1)]
        lines.append(
            Line(
                kind=_KINDS.get(column.name, "other"),
                label=column.name,
                points=_points((part / _BINS, share / _ROOM) for part, share in enumerate(shares)),
            )
        )
    return CoursePlot(label="calls that have ended", lines=tuple(lines), greatest=f"{calls:,}", duration=duration)


def _durations(column: ForecastColumn) -> TimePlot | None:
    """Return how the durations of many runs are spread; None for one run."""
    if len(column.runs) == 1:
        return None
    found = [each.duration for each in column.runs]
    spread = column.spread(lambda each: each.duration)
    bins = histogram(found, min(len(found), 40))
    return columns(bins, "duration", spread, f"the durations of the runs, with {', '.join(map(str, PERCENTILES))} %")


def _peaks(instants: Sequence[float], window: float, duration: float) -> list[int]:
    """Return the most instants within a window that ends in each part of the time."""
    found, within = [0] * _BINS, deque[float]()
    part, last = 0, 0
    for instant in instants:
        here = min(int(instant / duration * _BINS), _BINS - 1)
        # In the parts between two instants, the window only loses.
        while part < here:
            part += 1
            begin = duration * part / _BINS
            while within and within[0] <= begin - window:
                within.popleft()
            found[part] = len(within)
        within.append(instant)
        while within[0] <= instant - window:
            within.popleft()
        found[here] = max(found[here], len(within))
        last = here
    for later in range(last + 1, _BINS):
        begin = duration * later / _BINS
        while within and within[0] <= begin - window:
            within.popleft()
        found[later] = len(within)
    return found


def _steps(values: Sequence[float], top: float) -> str:
    """Return the points of an area under stairs."""

    def corners() -> Iterator[tuple[float, float]]:
        yield 0.0, 0.0
        for part, value in enumerate(values):
            yield part / len(values), value / top
            yield (part + 1) / len(values), value / top
        yield 1.0, 0.0

    return _points(corners())


def _stairs(levels: Sequence[tuple[float, float]], duration: float) -> Iterator[tuple[float, float]]:
    for (at, level), (until, _) in zip(levels, [*levels[1:], (duration, math.nan)], strict=True):
        yield at, level
        yield until, level


def _flat(value: float, top: float) -> str:
    return _points([(0.0, value / top), (1.0, value / top)])


def _points(shares: Iterator[tuple[float, float]] | Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x * WIDTH:.1f},{HEIGHT - min(y, 1.0) * HEIGHT:.2f}" for x, y in shares)
