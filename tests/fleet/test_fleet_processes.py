"""Fleets in several processes: limits and ledger hold across them, and a process that dies loses nothing."""

from __future__ import annotations

import os
import signal
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from fleet_calls import policy
from fleet_runs import Place, placed, until

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.policy import PolicyValues
from resilience.core.settings.state import StateSettings
from resilience.fleet import chunks, run_chunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.function import FleetFunction, shared_by, under_policy
from resilience.journal.reader import read

CREATE = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml")
TEN = Rate(10, 1.0)
PAID_LATENESS = 0.04


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


def workers_of(process: int) -> list[int]:
    """Return the processes that make calls: not multiprocessing's own, which watches over semaphores."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def peak(times: Sequence[float]) -> int:
    """Return the most in any second, but for what the clocks of processes differ by."""
    return max(bisect_left(times, each + 0.999) - number for number, each in enumerate(times))


def test_processes_divide_the_limit_and_make_each_once(place: Place) -> None:
    """
    No second has more calls than the limit as they are sent, nor as the service counts.

    The limits pay for ways of requests that differ by up to a 25th of a second. A request that takes longer, on a busy
    machine, may be one more; on an idle one there is none.
    """
    names = place.rows(80)
    place.policy(rate="20/s")
    run = place.run(*CREATE, "--processes", "2", "--journal", "run.jsonl")
    assert run.returncode == 0, run.stderr
    assert sorted(place.groups()) == names
    calls = read(place.folder / "run.jsonl").calls
    sent = sorted(attempt.started_at for call in calls for attempt in call.attempts)
    asked = [each for each in place.sandbox.calls if each.operation == "CreateGroupId"]
    assert Counter(each.answer for each in asked) == {"ok": 80}
    assert len(sent) == 80
    arrived = sorted(each.at for each in asked)
    assert peak(sent) <= 20
    ways = [after - before for after, before in zip(arrived, sent, strict=True)]
    assert peak(arrived) <= 20 + sum(way - min(ways) > PAID_LATENESS for way in ways)


def test_processes_are_one_run_of_a_journal(place: Place) -> None:
    """A report shows one run, with the calls of all processes and one rate of them together."""
    place.rows(60)
    place.policy(rate="20/s")
    run = place.run(*CREATE, "--processes", "2", "--journal", "run.jsonl")
    assert run.returncode == 0, run.stderr
    found = read(place.folder / "run.jsonl")
    assert len(found.calls) == 60
    assert len({each.process for each in found.calls}) == 2
    assert [len(each.pids) for each in found.runs] == [3]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")
def test_processes_that_are_killed_lose_nothing(place: Place) -> None:
    """Their rows go to other processes; what they had begun is looked at, and nothing is made twice."""
    names = place.rows(120)
    place.policy(rate="60/s")
    with place.started(*CREATE, "--processes", "2") as running:
        until(lambda: len(place.groups()) >= 20)
        # Both: one of them may have been given nothing yet.
        for each in workers_of(running.pid):
            os.kill(each, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert sorted(place.groups()) == names
    assert place.sandbox.applied("CreateGroupId") == 120


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")
def test_processes_that_die_before_their_first_chunk_are_replaced(place: Place) -> None:
    """The chunks that wait for them go to others, and none is left."""
    names = place.rows(60)
    with place.started(*CREATE, "--processes", "2") as running:
        killed: set[int] = set()
        while len(killed) < 6:
            until(lambda: bool(set(workers_of(running.pid)) - killed))
            for each in workers_of(running.pid):
                os.kill(each, signal.SIGKILL)
                killed.add(each)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    assert sorted(place.groups()) == names
    assert place.sandbox.asked("CreateGroupId") == 60


def test_without_a_ledger_rows_of_killed_processes_are_left(place: Place) -> None:
    """Nothing knows which of them are done, so they are not made again; the exit code and a line tell it."""
    place.rows(120)
    place.policy(rate="60/s", ledger=False)
    with place.started(*CREATE, "--processes", "2", "--failed", "left.csv") as running:
        until(lambda: len(place.groups()) >= 20)
        # Both: one of them may have been given nothing yet.
        for each in workers_of(running.pid):
            os.kill(each, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1, errors
    assert "without a ledger nothing knows" in errors
    assert place.sandbox.asked("CreateGroupId") == place.sandbox.applied("CreateGroupId")
    left = (place.folder / "left.csv").read_text(encoding="utf-8").splitlines()
    assert 1 < len(left) < 120


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_reaches_all_processes(place: Place, signals: int) -> None:
    """Ctrl-C goes to the whole group, as a terminal sends it; no process is left, and a second run does the rest."""
    names = place.rows(120)
    place.policy(rate="40/s")
    with place.started(*CREATE, "--processes", "2") as running:
        until(lambda: len(place.groups()) >= 20)
        workers = workers_of(running.pid)
        for _ in range(signals):
            os.killpg(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "of 120 rows have an outcome" in errors
    assert len(workers) == 2
    assert not any(Path(f"/proc/{each}").exists() for each in workers)
    place.policy()
    run = place.run(*CREATE, "--processes", "2")
    assert run.returncode == 0, run.stderr
    assert sorted(place.groups()) == names
    assert place.sandbox.applied("CreateGroupId") == 120


def test_a_mistake_of_the_function_ends_the_fleet(place: Place) -> None:
    """The error of the function leaves, and no process is left behind."""
    place.rows(10)
    run = place.run("fleet_devices:create_wrongly", *CREATE[1:], "--processes", "2")
    assert run.returncode == 1
    assert "TypeError" in run.stderr


def make(name: str) -> str:
    """Make nothing."""
    return name


def test_chunks_are_the_same_in_every_run() -> None:
    """An engine can place them by their keys, and the results tell the rows of the whole input."""
    rows = [{"name": f"n{number}"} for number in range(5)]
    words: Any = {"policy": policy(), "operation": "tencent:CreateTopic"}
    found = list(chunks(rows, make, **words, size=2))
    assert [each.key for each in found] == [each.key for each in chunks(rows, make, **words, size=2)]
    assert len({each.key for each in found}) == 3
    assert "n1" not in repr(found)
    results = [run_chunk(make, each, **words) for each in found]
    assert [outcome.number for each in results for outcome in each.outcomes] == [0, 1, 2, 3, 4]
    assert all(outcome.failure is None for each in results for outcome in each.outcomes)


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
def test_the_parts_of_processes_make_up_the_limits(processes: int) -> None:
    """Whole requests and attempts for each of them, and no rest; so too for what the command says is under way."""
    rates = RateLimits(default=Rate(10, 1.0), operations={"CreateGroupId": Rate(13, 1.0)}, concurrency=9)
    values = evolve(policy(), rates={"alibaba": rates})
    parts = [shared_by(values, processes, part).rates["alibaba"] for part in range(processes)]
    assert sum(each.own_rate(Rate(10, 1.0)).count for each in parts) == 10
    assert sum(each.own_rate(Rate(13, 1.0)).count for each in parts) == 13
    assert sum(each.own_concurrency or 0 for each in parts) == 9
    under_way = [FleetJob(called(values), 8).concurrency_of_one(processes, part) or 0 for part in range(processes)]
    assert sum(under_way) == 8


@pytest.mark.parametrize("share", [1, 3])
def test_processes_with_one_store_have_the_whole_limits(share: int) -> None:
    """The rates that they keep together are those of the policy; each has a part only while the store is away."""
    rates = RateLimits(operations={"CreateGroupId": Rate(12, 1.0)}, concurrency=12, share=share)
    values = evolve(policy(), rates={"alibaba": rates}, state=StateSettings(store="state.db"))
    for part in range(2):
        found = shared_by(values, 2, part).rates["alibaba"]
        assert found.operations == rates.operations
        assert found.own_rate(Rate(12, 1.0)).count == 12 / 2 / share


@pytest.mark.parametrize(
    ("rates", "asked", "most"),
    [
        pytest.param(RateLimits(default=TEN, operations={"CreateGroupId": Rate(3, 60.0)}), None, 3, id="rate"),
        pytest.param(RateLimits(default=TEN, operations={"DeleteGroupId": Rate(3, 60.0)}), None, 10, id="own"),
        pytest.param(RateLimits(per_host=Rate(1, 1.0), concurrency=5), None, 1, id="host"),
        pytest.param(RateLimits(default=TEN, concurrency=5), None, 5, id="concurrency"),
        pytest.param(RateLimits(default=TEN, concurrency=5), 2, 2, id="asked"),
        pytest.param(RateLimits(default=TEN, share=3), None, 3, id="share"),
        pytest.param(RateLimits(adaptive=True), None, None, id="nothing-declared"),
        pytest.param(None, None, None, id="no-table"),
    ],
)
def test_each_process_has_a_part_of_every_limit(rates: RateLimits | None, asked: int | None, most: int | None) -> None:
    """More processes than that would have nothing to do, or send more together than the limit."""
    values = evolve(policy(), rates={} if rates is None else {"alibaba": rates})
    assert FleetJob(called(values), asked).most_workers == most


def called(values: PolicyValues) -> FleetFunction:
    """Return a function under a policy, as a fleet calls it."""

    def create_group(group_id: str) -> str:
        return group_id

    return under_policy(create_group, values, "alibaba:CreateGroupId")


def test_no_more_processes_send_than_have_a_part(place: Place) -> None:
    """Of one call in a second each of four processes would make one at once."""
    names = place.rows(6)
    place.policy(rate="1/s")
    run = place.run(*CREATE, "--processes", "4")
    assert run.returncode == 0, run.stderr
    assert sorted(place.groups()) == names
    times = sorted(each.at for each in place.sandbox.calls if each.operation == "CreateGroupId")
    assert max(sum(1 for other in times if at <= other < at + 1) for at in times) == 1
