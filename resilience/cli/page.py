"""A simulation as one self-contained page: plots in SVG, words in HTML, no script, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from resilience import __version__
from resilience.cli import timeline
from resilience.cli.pageparts import HEIGHT, WIDTH, bars, columns, curve, document, ends, facts, percentiles, plot
from resilience.cli.plots import Bin, histogram, whole_numbers
from resilience.cli.screen import seconds, times
from resilience.core.decision import ended_by
from resilience.core.simulate import Played
from resilience.simulation import PERCENTILES, Distribution, Setup, Spread

_BINS: Final = 40
_NUMBERS: Final = 24


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
    return document(title, body)


def _footer(digest: str) -> str:
    return (
        f"<footer>Simulated by resilience {__version__}, policy digest {escape(digest)}. "
        "The decisions are the executor's own; time and faults are not real.</footer>"
    )


def _setup(setup: Setup, script: str, seed: int, spread: Distribution | None) -> str:
    plan = setup.plan
    said = {
        "operation": f"{plan.provider}:{plan.operation}, repeat {plan.repeat}",
        "faults": (script or "none") + ("" if setup.rate is None else f", at random to {setup.rate:.0%} of attempts"),
        "an attempt takes": seconds(setup.latency),
        "verifier": setup.world.verifier if plan.can_verify else "none",
        "credentials": "can be refreshed" if plan.credentials else "fixed",
        "seed": f"{seed}" + ("" if spread is None else f", {times(spread.runs, 'run')}"),
    }
    return facts(said)


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
    yield from bars([(reason, count, ended_by(reason, attempts=1)) for reason, count in spread.reasons.items()])
    yield "</section><section><h2>How long it takes</h2>"
    yield columns(histogram(spread.durations, _BINS), "duration", durations, "how the durations are spread")
    yield ends(seconds(durations.least), seconds(durations.greatest))
    yield percentiles(durations)
    yield "<h3>Over after so long</h3>"
    yield curve(spread.durations, durations, "the share of runs that are over")
    yield ends(seconds(0.0), seconds(durations.greatest))
    yield "</section><section><h2>Requests</h2>"
    numbers = whole_numbers(spread.calls, _NUMBERS)
    yield from bars([(_number(each), each.count, "requests") for each in numbers])
    yield "</section>"


def _row(name: str, *cells: str) -> str:
    return f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _number(each: Bin) -> str:
    low, high = int(each.low), int(each.high) - 1
    return str(low) if low >= high else f"{low} to {high}"


def _call(played: Played, setup: Setup, *, is_one_of_many: bool) -> Iterator[str]:
    plan = setup.plan
    yield f"<section><h2>{'One of the calls' if is_one_of_many else 'The call'}</h2>"
    yield f"<p>{escape(timeline.ending(played, plan))}</p>"
    length = played.duration or 1.0
    shapes = "".join(
        f'<rect class="{turn.did}" x="{turn.began / length * WIDTH:.2f}" y="0" '
        f'width="{max((turn.ended - turn.began) / length * WIDTH, 3.0):.2f}" height="{HEIGHT}"/>'
        # A rename takes no time; drawn last, it is not hidden by the attempt that follows.
        for turn in sorted(played.turns, key=lambda each: each.did == "rename")
    )
    yield plot(
        f'<rect class="wait" x="0" y="45" width="{WIDTH}" height="10"/>{shapes}', "the call to scale", kind="plot strip"
    )
    yield ends(seconds(0.0), seconds(played.duration))
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
