"""``resilience plan``: it asks, says what would be made, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from fleet_calls import policy
from fleet_runs import Place, placed

from resilience import DONE, Executor, SyncExecutor
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.fleet import plan

PLAN = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


def test_it_says_what_would_be_made_and_how_long(place: Place) -> None:
    """Only read-backs are sent; the time is that of the missing ones at the declared limit, and holds for the run."""
    place.policy(rate="20/s")
    place.rows(20)
    place.run(*PLAN)
    place.rows(100)
    before = len(place.sandbox.calls)
    run = place.run(*PLAN, command="plan")
    assert (run.returncode, run.stdout) == (
        0,
        "100 rows of CreateGroupId: 20 there, 80 to make; 80 calls, 4 s at 20/s\n",
    )
    assert {each.operation for each in place.sandbox.calls[before:]} == {"ListGroupId"}
    told = json.loads(place.run(*PLAN, "--format", "json", command="plan").stdout)
    assert (told["there"], told["missing"], told["calls"], told["seconds"], told["rate"]) == (20, 80, 80, 4.0, "20/s")
    assert len(place.groups()) == 20


def test_without_a_verifier_it_says_that_it_cannot_know(place: Place) -> None:
    """Nothing is sent at all, and the number of calls is the most."""
    place.rows(100)
    place.policy(rate="20/s")
    run = place.run("fleet_devices:create_group_plainly", *PLAN[1:], command="plan")
    assert run.returncode == 0
    assert "100 not known; at most 100 calls, 5 s at 20/s" in run.stdout
    assert "create_group_plainly has no verifier" in run.stdout
    assert list(place.sandbox.calls) == []


def test_questions_that_fail_are_told(place: Place) -> None:
    """A row whose question failed counts as unknown, and the exit code is 1."""
    place.rows(10)
    place.sandbox.script("ListGroupId", "PermissionDenied*3")
    run = place.run(*PLAN, command="plan")
    assert run.returncode == 1
    assert "7 to make, 3 not known (PermissionDenied 3); at most 10 calls" in run.stdout


@pytest.mark.parametrize("kind", [Executor, SyncExecutor])
def test_a_verifier_keeps_the_limits(kind: type[Any]) -> None:
    """The questions are calls under the policy: no more at a time than it allows, and none of the function itself."""
    executor = kind(policy(), provider="alibaba")
    made: list[str] = []
    under_way = most = 0

    def create(group_id: str) -> None:
        made.append(group_id)

    wrapped = executor.wrap("CreateGroupId", create)

    def find(its_name: str) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        under_way -= 1
        return DONE if its_name < "n3" else None

    wrapped.verify(find)
    values = evolve(policy(), rates={"alibaba": RateLimits(operations={"CreateGroupId": Rate(10, 1)}, concurrency=1)})
    found = plan(wrapped, [{"group_id": f"n{number}"} for number in range(5)], policy=values)
    assert (found.there, found.missing, found.seconds, made, most) == (3, 2, 0.2, [], 1)
