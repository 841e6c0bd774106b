"""``report`` on limits that change: rates against limits, adaptations, breakers, and what budgets paid and refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from report_calls import HOSTILE, START, attempt, call, failed, summary

from resilience import Executor, Journal, Policy, ServiceError
from resilience.cli.app import app
from resilience.cli.report.jsonform import to_json
from resilience.cli.report.limits.phrases import of_limits
from resilience.cli.report.limits.plots import rate_plots
from resilience.cli.report.page import page
from resilience.core.admission.breaker import BreakerState
from resilience.journal.model import RecordedAdaptation, RecordedBreakerChange

POLICY = """
schema = 1
name = "reported"
extends = ["builtin:alibaba-mqtt"]
limits = { deadline = "5m" }
[rate.alibaba]
adaptive = true
operations.CreateGroupId = "20/s"
"""


def adaptation(at: float, old: float, new: float, process: str = "p", **more: Any) -> RecordedAdaptation:
    """Return a change of the limit of CreateGroupId, of which each process may send 10 in a second."""
    refused = 0 if new > old else 3
    fixed: dict[str, Any] = {"provider": "alibaba", "operation": "CreateGroupId", "declared": 10.0}
    counts = {"refused": refused, "answered": 9}
    return RecordedAdaptation(at=START + at, run="run-1", process=process, old=old, new=new, **fixed | counts | more)


def change(at: float, old: BreakerState, new: BreakerState, **more: Any) -> RecordedBreakerChange:
    """Return a change of a breaker."""
    fixed: dict[str, Any] = {"run": "run-1", "process": "p", "breaker": "alibaba"}
    return RecordedBreakerChange(at=START + at, old=old, new=new, **fixed | more)


def sent(*instants: float, process: str = "p", run: str = "run-1", rate: float | None = 20.0) -> list[Any]:
    """Return calls that waited for their turn, each with one attempt."""
    return [
        call(
            attempt(at=at, took=0.1),
            at=at,
            id=f"{process}-{number}",
            run=run,
            rate=rate,
            took=0.1,
            gate_waits={"rate": 0.05},
        )
        for number, at in enumerate(instants)
    ]


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    """Run on both event loops; waits take no time."""
    return virtual_loop


@pytest.mark.anyio
async def test_a_limit_that_adapted_is_reported_from_a_journal(tmp_path: Path) -> None:
    """A service takes 8 of the 20 requests a second: text, JSON and page say how the limit followed."""
    path, taken = tmp_path / "journal.jsonl", dict[int, int]()
    executor = Executor(Policy.loads(POLICY), provider="alibaba", observers=[Journal(path)])

    @executor.wrap("CreateGroupId")
    async def create(instance_id: str, group_id: str) -> None:
        await anyio.sleep(0.01)
        second = int(anyio.current_time())
        taken[second] = taken.get(second, 0) + 1
        if taken[second] > 8:
            raise ServiceError("SystemOverFlow", f"{instance_id} {group_id}", status=503, provider="alibaba")

    calls = (create.bind("mqtt-cn-x", f"GID_{number}") for number in range(80))
    async with executor.map(calls, concurrency=20) as outcomes:
        assert [outcome.error async for outcome in outcomes] == [None] * 80
    page_path = tmp_path / "page.html"
    arguments = ["report", str(path), "--html", str(page_path)]
    text = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}).output
    assert re.search(r"the limit of CreateGroupId adapted \d+ times, first at [\d:]+ UTC, because \d+ of \d+ req", text)
    assert "; 20 a second are declared" in text
    said = json.loads(CliRunner().invoke(app, ["report", str(path), "--format", "json"]).stdout)
    (rate,) = said["rates"]
    changes = said["adaptations"]
    assert (rate["declared"], rate["adapted"], changes[0]["old"]) == (20.0, len(changes), 20.0)
    assert rate["lowest"] == min(each["new"] for each in changes)
    assert rate["last"] == changes[-1]["new"]
    shown = page_path.read_text(encoding="utf-8")
    assert 'class="rate-limit" points="' in shown
    assert shown.count("requests were throttled</td>") == sum(each["refused"] > 0 for each in changes)


def test_waits_for_a_turn_are_a_part_of_the_time() -> None:
    """They are apart from the rest and from waits between attempts, and the page's tile has both."""
    numbers = summary(call(attempt(took=1.0), took=10.0, waited=2.0, gate_waits={"rate": 5.0, "thread": 1.0}))
    spent = numbers.times
    assert (spent.calling, spent.waiting, spent.queued, spent.remedies, spent.other) == (1.0, 2.0, 6.0, 0.0, 1.0)
    shown = page(numbers, sources=["j"])
    assert "<dt>waiting</dt><dd>80% <small>2 s between attempts, 6 s queued before them</small>" in shown
    assert "calling 10%, waiting 20%, queued 60%, other 10%" in shown


def test_waits_for_credentials_count_once() -> None:
    """The refresh that a call waits for is a remedy already."""
    numbers = summary(call(took=3.0, gate_waits={"credentials": 2.0}))
    assert numbers.times.queued == 0.0


def test_processes_of_one_run_have_one_limit_together() -> None:
    """Each of two processes has half of it; when one of them goes down to 4, both may send 14."""
    calls = [*sent(0.0, 1.0, 2.0, process="p"), *sent(0.5, 3.0, process="q")]
    numbers = summary(*calls, adaptations=(adaptation(1.0, 10.0, 4.0), adaptation(2.0, 10.0, 5.0, "q")))
    (period,) = numbers.periods
    assert period.levels == ((START, 20.0), (START + 1.0, 14.0), (START + 2.0, 9.0))
    (rate,) = numbers.rates
    assert (rate.declared, rate.lowest, rate.last, rate.adapted) == (20.0, 9.0, 9.0, 2)


def test_runs_at_the_same_time_are_one_rate() -> None:
    """Programs that have a journal each send together; the next day's run is another period."""
    day = 86_400.0
    calls = [*sent(0.0, 0.9, process="p"), *sent(0.2, 1.1, process="q", run="run-2")]
    numbers = summary(*calls, *sent(day, day + 1.0, process="r", run="run-3"))
    first, second = numbers.periods
    assert (len(first.sent), len(second.sent)) == (4, 2)
    (rate,) = numbers.rates
    assert (rate.attempts, rate.peak) == (6, 3)
    assert rate.mean == pytest.approx((3 + 1) / 2.1)


def test_a_limit_that_nothing_declares_is_known_from_its_first_change() -> None:
    """The limit at the beginning is the one that the first change tells."""
    numbers = summary(*sent(0.0, 3.0, rate=None), adaptations=(adaptation(1.0, 10.0, 15.0, declared=None),))
    (period,) = numbers.periods
    assert (period.declared, period.levels) == (None, ((START, 10.0), (START + 1.0, 15.0)))
    (plot,) = rate_plots(numbers.periods, ())
    assert plot.declared is None


def test_a_breaker_is_told_with_when_and_why() -> None:
    """A sentence for each breaker, a row for each change, and a band in the plot while it is not closed."""
    changes = (
        change(1.0, "closed", "open", failures=6, results=10),
        change(3.0, "open", "half_open"),
        change(4.0, "half_open", "closed"),
        change(2.0, "closed", "open", breaker="tencent:CreateTopic", by_hand=True, is_shadow=True),
    )
    numbers = summary(*sent(0.0, 1.0, 2.0, 3.0, 10.0), breaker_changes=changes)
    said = list(of_limits(numbers))
    first = "opened 1 time, first at 00:00:01 UTC, because 6 of 10 attempts failed; it is closed in the end"
    second = "opened 1 time, first at 00:00:02 UTC, by hand; it is open in the end, as a shadow, which refuses nothing"
    assert said[-2:] == [f"the breaker of alibaba {first}", f"the breaker of tencent:CreateTopic {second}"]
    (plot,) = rate_plots(numbers.periods, numbers.changes.breakers)
    assert [(each.state, each.x, each.width) for each in plot.bands] == [
        ("open", 100.0, 200.0),
        ("half_open", 300.0, 100.0),
    ]
    shown = page(numbers, sources=["j"])
    assert shown.count('<rect class="b-open" x=') == 1
    assert "breaker half-open" in shown


def test_what_budgets_paid_and_what_limits_stopped_is_told() -> None:
    """Retries that were paid for, and calls that a shared limit ended."""
    stopped = [failed(stop_reason=reason) for reason in ("budget", "breaker", "breaker", "rate", "rule")]
    numbers = summary(call(retries_paid=2), call(retries_paid=1), *stopped)
    assert list(of_limits(numbers)) == [
        "the retry budget paid for 3 retries",
        "1 call was refused, because the turn would come too late in the rate limits",
        "2 calls were refused by an open breaker",
        "1 call was not tried again, because the retry budget was used up",
    ]
    said = to_json(numbers, sources=["j"], problems=[])
    assert said["refusals"] == {"paid": 3, "stopped": {"rate": 1, "breaker": 2, "budget": 1}}


def test_a_file_that_is_named_twice_tells_its_changes_once(tmp_path: Path) -> None:
    """As its calls, they count once."""
    path = tmp_path / "j.jsonl"
    lines: list[dict[str, Any]] = [
        {"record": "process", "format": 1, "run": "r", "process": "p", "pid": 1},
        {"record": "call_started", "call": "p-1", "operation": "CreateGroupId", "provider": "alibaba", "rate": 10},
        {
            "record": "rate_adapted",
            "call": "p-1",
            "provider": "alibaba",
            "adapted": "CreateGroupId",
            "old": 9,
            "new": 5,
        },
        {"record": "breaker_changed", "call": "p-1", "breaker": "alibaba", "old": "closed", "new": "open"},
    ]
    path.write_text("".join(json.dumps({"at": 1.0, "offset": 0.0} | line) + "\n" for line in lines), encoding="utf-8")
    said = json.loads(CliRunner().invoke(app, ["report", str(path), str(path), "--format", "json"]).stdout)
    assert [(each["operation"], each["old"], each["new"]) for each in said["adaptations"]] == [("CreateGroupId", 9, 5)]
    assert [(each["breaker"], each["process"]) for each in said["breaker_changes"]] == [("alibaba", "p")]


def test_no_markup_of_a_journal_is_in_the_limits_of_a_page() -> None:
    """What a file invents is shown as text."""
    adapted = adaptation(1.0, 10.0, 4.0, operation=HOSTILE, provider=HOSTILE)
    calls = [call(attempt(at=at), at=at, operation=HOSTILE, provider=HOSTILE) for at in (0.0, 5.0)]
    numbers = summary(*calls, adaptations=(adapted,), breaker_changes=(change(1.0, "closed", "open", breaker=HOSTILE),))
    shown = page(numbers, sources=["j"])
    assert "<img" not in shown
    assert "\x1b" not in shown


def test_runs_at_the_same_time_take_their_time_once() -> None:
    """Programs of one fleet with a journal each: the time by the clock is not added up."""
    calls = [call(at=0.0, took=10.0, run="run-1"), call(at=5.0, took=10.0, run="run-2"), call(at=100.0, run="run-3")]
    assert summary(*calls).times.whole == 15.0 + 1.0
