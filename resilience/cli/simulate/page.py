"""A simulation as a page: plots, and the steps of one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from resilience.cli.pages.rendering import render
from resilience.cli.pages.shapes import WIDTH, bars, columns, curve
from resilience.cli.plots import histogram, whole_numbers
from resilience.cli.screen import seconds, times
from resilience.cli.simulate import timeline
from resilience.core.decision import ended_by
from resilience.core.grammar.script import without_messages
from resilience.simulation import PERCENTILES, Distribution, Setup, Spread
from resilience.simulation.played import Played

_BINS: Final = 40
_NUMBERS: Final = 24
_LEAST_WIDTH: Final = 3.0


@frozen
class _NumberRow:
    name: str
    duration: float
    requests: str


@frozen
class _StripShape:
    kind: str
    x: float
    width: float


def page(  # noqa: PLR0913  # one argument for each thing that a page says
    setup: Setup, first: Played, spread: Distribution | None, *, script: str, seed: int, notes: Iterable[str] = ()
) -> str:
    """
    Return the page.

    Args:
        setup: The setup of the simulation.
        first: The call to show step by step.
        spread: The results of many runs, or None.
        script: The faults, as the user wrote them.
        seed: The seed.
        notes: Sentences about the many runs.
    """
    plan = setup.plan
    title = f"{plan.operation} under {plan.policy.name}"
    if plan.policy.env:
        title += f" ({plan.policy.env})"
    return render(
        "simulation.html.j2",
        title=title,
        setup=_setup(setup, script, seed, spread),
        runs=None if spread is None else _runs(spread, notes),
        call=_call(first, setup),
        digest=plan.policy.digest,
    )


def _setup(setup: Setup, script: str, seed: int, spread: Distribution | None) -> dict[str, str]:
    plan = setup.plan
    return {
        "operation": f"{plan.provider}:{plan.operation}, repeat {plan.repeat}",
        "faults": (without_messages(script) or "none")
        + ("" if setup.rate is None else f", at random to {setup.rate:.0%} of attempts"),
        "an attempt takes": seconds(setup.latency),
        "verifier": setup.environment.verifier if plan.can_verify else "none",
        "credentials": "can be refreshed" if plan.credentials else "fixed",
        "seed": f"{seed}" + ("" if spread is None else f", {times(spread.runs, 'run')}"),
    }


def _runs(spread: Distribution, notes: Iterable[str]) -> dict[str, Any]:
    durations, calls = Spread.of(spread.durations), Spread.of(spread.calls)
    numbers = [_NumberRow("least", durations.least, f"{calls.least:g}")]
    numbers += [
        _NumberRow(f"{percent}% of the runs up to", durations.at[percent], f"{calls.at[percent]:g}")
        for percent in PERCENTILES
    ]
    numbers.append(_NumberRow("most", durations.greatest, f"{calls.greatest:g}"))
    numbers.append(_NumberRow("mean", durations.mean, f"{calls.mean:.2f}"))
    requests = whole_numbers(spread.calls, _NUMBERS)
    return {
        "numbers": numbers,
        "notes": tuple(notes),
        "reasons": bars([(reason, count, ended_by(reason, attempts=1)) for reason, count in spread.reasons.items()]),
        "durations": columns(histogram(spread.durations, _BINS), "duration", durations, "how the durations are spread"),
        "over": curve(spread.durations, durations, "the share of runs that are over"),
        "requests": bars([(each.numbers, each.count, "requests") for each in requests]),
    }


def _call(played: Played, setup: Setup) -> dict[str, Any]:
    scale = WIDTH / (played.duration or 1.0)
    return {
        "ending": timeline.ending(played, setup.plan),
        "duration": played.duration,
        "shapes": [
            _StripShape(step.did, step.began * scale, max((step.ended - step.began) * scale, _LEAST_WIDTH))
            # A rename takes no time. Drawn last, it stays visible over the next attempt.
            for step in sorted(played.steps, key=lambda each: each.did == "rename")
        ],
        "kinds": tuple(dict.fromkeys(step.did for step in played.steps)),
        "rows": timeline.rows(played.steps, setup.plan),
    }
