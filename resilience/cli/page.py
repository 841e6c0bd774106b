"""
A simulation as one self-contained page: plots in SVG, words in HTML, no script, light and dark, wide and narrow.

Everything that is read is HTML, so that it keeps its size where a plot shrinks; an SVG holds only shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from resilience import __version__
from resilience.cli import timeline
from resilience.cli.pagestyle import STYLE
from resilience.cli.plots import Bin, histogram, whole_numbers
from resilience.cli.screen import seconds, times
from resilience.core.decision import ended_by
from resilience.core.simulate import Played
from resilience.simulation import PERCENTILES, Distribution, Setup, Spread

_BINS: Final = 40
_NUMBERS: Final = 24
_HEIGHT: Final = 100
_WIDTH: Final = 1000


def page(  # noqa: PLR0913  # one argument for each thing that a page says
    setup: Setup, first: Played, spread: Distribution | None, *, script: str, seed: int, notes: Iterable[str] = ()
) -> str:
    """
    Return the page.

    Args:
        setup: What was simulated.
        first: The call that is shown step by step.
        spread: What came of many runs, or None.
        script: The faults, as written.
        seed: The seed.
        notes: Sentences about the many runs.
    """
    plan = setup.plan
    title = f"{plan.operation} under {plan.policy.name}"
    if plan.policy.env:
        title += f" ({plan.policy.env})"
    body = [
        f"<header><h1>{escape(title)}</h1>",
        _setup(setup, script, seed, spread),
        "</header>",
        *([] if spread is None else _runs(spread, notes)),
        *_call(first, setup, is_one_of_many=spread is not None),
        _footer(plan.policy.digest),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _footer(digest: str) -> str:
    return (
        f"<footer>Simulated by resilience {__version__}, policy digest {escape(digest)}. "
        "The decisions are the executor's own; time and faults are not real.</footer>"
    )


def _setup(setup: Setup, script: str, seed: int, spread: Distribution | None) -> str:
    plan = setup.plan
    facts = {
        "operation": f"{plan.provider}:{plan.operation}, repeat {plan.repeat}",
        "faults": (script or "none") + ("" if setup.rate is None else f", at random to {setup.rate:.0%} of attempts"),
        "an attempt takes": seconds(setup.latency),
        "verifier": setup.world.verifier if plan.can_verify else "none",
        "credentials": "can be refreshed" if plan.credentials else "fixed",
        "seed": f"{seed}" + ("" if spread is None else f", {times(spread.runs, 'run')}"),
    }
    return _facts(facts)


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{rows}</dl>'


def _runs(spread: Distribution, notes: Iterable[str]) -> Iterator[str]:
    durations, calls = Spread.of(spread.durations), Spread.of(spread.calls)
    yield "<section><h2>In numbers</h2><table><thead>"
    yield "<tr><th></th><th>duration</th><th>requests</th></tr></thead><tbody>"
    yield _row("least", seconds(durations.least), f"{calls.least:g}")
    for percent in PERCENTILES:
        yield _row(f"{percent}% of the runs up to", seconds(durations.at[percent]), f"{calls.at[percent]:g}")
    yield _row("most", seconds(durations.greatest), f"{calls.greatest:g}")
    yield _row("mean", seconds(durations.mean), f"{calls.mean:.2f}")
    yield "</tbody></table><ul>"
    yield "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul></section>"
    yield "<section><h2>How it ends</h2>"
    yield from _bars([(reason, count, ended_by(reason, attempts=1)) for reason, count in spread.reasons.items()])
    yield "</section><section><h2>How long it takes</h2>"
    yield _columns(histogram(spread.durations, _BINS), "duration", durations)
    yield _ends(seconds(durations.least), seconds(durations.greatest))
    yield _legend(durations)
    yield "<h3>Over after so long</h3>"
    yield _curve(spread.durations, durations)
    yield _ends(seconds(0.0), seconds(durations.greatest))
    yield "</section><section><h2>Requests</h2>"
    numbers = whole_numbers(spread.calls, _NUMBERS)
    yield from _bars([(_number(each), each.count, "requests") for each in numbers])
    yield "</section>"


def _row(name: str, *cells: str) -> str:
    return f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _number(each: Bin) -> str:
    low, high = int(each.low), int(each.high) - 1
    return str(low) if low >= high else f"{low} to {high}"


def _bars(rows: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    """Yield a row for each label: its bar, its count and its share; the last part of a row is its class."""
    total = sum(count for _, count, _ in rows)
    most = max(count for _, count, _ in rows)
    yield '<div class="bars">'
    for label, count, kind in rows:
        # What is more than nothing is seen.
        width = max(_WIDTH * count / most, 5.0)
        yield (
            f'<span>{escape(label)}</span><svg viewBox="0 0 {_WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="{kind}" width="{width:.1f}" height="20"/></svg>'
            f"<span>{count:,}</span><span>{count / total:.1%}</span>"
        )
    yield "</div>"


def _svg(shapes: str, label: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{shapes}</svg>'
    )


def _columns(bins: Sequence[Bin], kind: str, spread: Spread) -> str:
    most = max(each.count for each in bins)
    width = _WIDTH / len(bins)
    shapes = ""
    for number, each in enumerate(bins):
        # What is more than nothing is seen.
        height = max(_HEIGHT * each.count / most, 1.0) if each.count else 0.0
        shapes += (
            f'<rect class="{kind}" x="{number * width + width * 0.06:.2f}" y="{_HEIGHT - height:.2f}" '
            f'width="{width * 0.88:.2f}" height="{height:.2f}">'
            f"<title>{seconds(each.low)} to {seconds(each.high)}: {each.count:,}</title></rect>"
        )
    return _svg(shapes + _marks(spread, spread.least), "how the durations are spread")


def _marks(spread: Spread, low: float) -> str:
    """Return a line for each percentile, in a plot from ``low`` to the greatest value."""
    length = spread.greatest - low
    if length <= 0:
        return ""
    return "".join(
        f'<line class="mark p{percent}" x1="{(value - low) / length * _WIDTH:.1f}" y1="0" '
        f'x2="{(value - low) / length * _WIDTH:.1f}" y2="{_HEIGHT}"/>'
        for percent, value in spread.at.items()
    )


def _curve(values: Sequence[float], spread: Spread) -> str:
    """Return the share of the runs that are over, against time."""
    ordered = sorted(values)
    end = spread.greatest or 1.0
    points = [(0.0, 0.0)]
    count = len(ordered)
    # As many points as the eye can tell apart.
    for number in range(0, count, max(count // 400, 1)):
        x = ordered[number] / end
        points += [(x, points[-1][1]), (x, (number + 1) / count)]
    points.append((1.0, 1.0))
    path = " ".join(f"{x * _WIDTH:.1f},{_HEIGHT - y * _HEIGHT:.2f}" for x, y in points)
    return _svg(f'<polyline class="curve" points="{path}"/>' + _marks(spread, 0.0), "the share of runs that are over")


def _ends(left: str, right: str) -> str:
    return f'<p class="ends"><span>{escape(left)}</span><span>{escape(right)}</span></p>'


def _legend(spread: Spread) -> str:
    return (
        '<p class="legend">'
        + "".join(
            f'<span class="key p{percent}">p{percent} {seconds(value)}</span>' for percent, value in spread.at.items()
        )
        + "</p>"
    )


def _call(played: Played, setup: Setup, *, is_one_of_many: bool) -> Iterator[str]:
    plan = setup.plan
    yield f"<section><h2>{'One of the calls' if is_one_of_many else 'The call'}</h2>"
    yield f"<p>{escape(timeline.ending(played, plan))}</p>"
    length = played.duration or 1.0
    shapes = "".join(
        f'<rect class="{turn.did}" x="{turn.began / length * _WIDTH:.2f}" y="0" '
        f'width="{max((turn.ended - turn.began) / length * _WIDTH, 3.0):.2f}" height="{_HEIGHT}"/>'
        # A rename takes no time; drawn last, it is not hidden by the attempt that follows.
        for turn in sorted(played.turns, key=lambda each: each.did == "rename")
    )
    yield _svg(f'<rect class="wait" x="0" y="45" width="{_WIDTH}" height="10"/>{shapes}', "the call to scale").replace(
        'class="plot"', 'class="plot strip"'
    )
    yield _ends(seconds(0.0), seconds(played.duration))
    done = dict.fromkeys(turn.did for turn in played.turns)
    yield '<p class="legend">' + "".join(f'<span class="key {did}">{did}</span>' for did in done) + "</p>"
    yield "<ol>"
    for row in timeline.rows(played, plan):
        decision = f"<b>{escape(row.decision)}</b>" if row.decision else ""
        why = ""
        if row.rule is not None and row.did == "attempt":
            place = "" if row.place is None else f" {row.place}"
            why = f"<code>{escape(row.rule + place)}</code>"
        yield (
            f'<li class="{row.did}"><time>{seconds(row.at)}</time> <span>{escape(row.what)}, {seconds(row.took)}: '
            f"{escape(row.result)}</span> {decision} {why}</li>"
        )
    yield "</ol></section>"
