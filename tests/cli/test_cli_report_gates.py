"""``report`` on limits: what calls waited for before their attempts, and how fast requests were sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from report_calls import HOSTILE, attempt, call, summary

from resilience import Executor, Journal, Policy
from resilience.cli.app import app
from resilience.cli.report.jsonform import to_json
from resilience.cli.report.limits.phrases import of_limits
from resilience.cli.report.page import page

POLICY = """
schema = 1
name = "reported"
limits = { deadline = "1m" }
rate.alibaba.operations.CreateGroupId = "10/s"
"""


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    """Run on both event loops; waits take no time."""
    return virtual_loop


@pytest.mark.anyio
async def test_waits_for_a_rate_are_reported(tmp_path: Path) -> None:
    """The report of a run at its limit says how many calls waited for the limit, how long, and the rate."""
    path = tmp_path / "journal.jsonl"
    executor = Executor(Policy.loads(POLICY), provider="alibaba", observers=[Journal(path)])

    @executor.wrap("CreateGroupId")
    async def create(name: str) -> str:
        return name

    calls = (create.bind(f"GID_{number}") for number in range(40))
    async with executor.map(calls, concurrency=40) as outcomes:
        assert [outcome.error async for outcome in outcomes] == [None] * 40
    text = CliRunner().invoke(app, ["report", str(path)], env={"COLUMNS": "100"}).output
    assert "Limits" in text
    said = json.loads(CliRunner().invoke(app, ["report", str(path), "--format", "json"]).stdout)
    (gate,) = said["gates"]
    # Ten of them go in the first second, ten each in the next ones; the limiter spreads the first ten.
    assert gate["gate"] == "rate"
    assert 30 <= gate["calls"] < 40
    assert gate["total"] == pytest.approx(60, rel=0.2)
    assert gate["longest"] == pytest.approx(3, rel=0.2)
    assert f"{gate['calls']} calls waited for a rate limit: " in text
    assert [each["attempts"] for each in said["rates"]] == [40]


def test_a_call_that_waits_twice_counts_once() -> None:
    """Waits are summed by gate, the greatest first; a rate has a mean and a busiest second."""
    calls = [
        call(attempt(at=at), at=at, gate_waits=waits)
        for at, waits in ((0.0, {}), (0.5, {"rate": 1.0}), (1.0, {"rate": 3.0, "thread": 5.0}), (2.0, {}))
    ]
    assert list(of_limits(summary(*calls))) == [
        "1 call waited for a free thread: 5 s",
        "2 calls waited for a rate limit: 4 s, the longest 3 s",
        "CreateGroupId sent 1.5 requests a second on average, at most 2 within one second",
    ]


def test_the_time_between_two_runs_lowers_no_rate() -> None:
    """The mean is over the times of the runs, without the hour between them."""
    calls = [
        call(attempt(at=at), at=at, run=run, gate_waits={"rate": 1.0})
        for run, begun in (("run-1", 0.0), ("run-2", 3600.0))
        for at in (begun, begun + 0.5, begun + 1.0)
    ]
    (rate,) = summary(*calls).rates
    assert (rate.attempts, rate.peak) == (6, 2)
    assert rate.mean == pytest.approx(2.0)


def test_a_run_that_never_waited_has_no_such_section() -> None:
    """Without waits nothing is said of limits; the page has no section for them."""
    numbers = summary(call())
    assert list(of_limits(numbers)) == []
    assert "Limits" not in page(numbers, sources=["j"])
    assert to_json(numbers, sources=["j"], problems=[])["gates"] == []


def test_the_page_shows_waits_and_no_markup_of_a_journal() -> None:
    """The page has the same sentences; a gate that a file invents is shown as text."""
    shown = page(summary(call(gate_waits={HOSTILE: 1.0, "rate": 2.0})), sources=["j"])
    assert "1 call waited for a rate limit: 2 s" in shown
    assert "<img" not in shown
