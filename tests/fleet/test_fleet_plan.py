"""``resilience plan``: it asks, says what would be made, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from fleet_calls import policy
from fleet_runs import INSTANCE, Place, placed

from resilience import DONE, Executor, Ledger, SyncExecutor
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.fleet import plan
from resilience.state import LedgerEntry
from resilience.state.ledger import entry_key

PLAN = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


def test_it_says_what_would_be_made_and_how_long(place: Place) -> None:
    """Only read-backs are sent, none for what the ledger knows; the time is near that of the run."""
    place.policy(rate="20/s")
    place.rows(20)
    place.run(*PLAN)
    place.rows(100)
    before = len(place.sandbox.calls)
    run = place.run(*PLAN, command="plan")
    assert run.returncode == 0
    assert "100 rows of CreateGroupId: 20 there (20 done by an earlier run), 80 to make; 80 calls, " in run.stdout
    assert run.stdout.endswith(" at 20/s\n")
    assert [each.operation for each in place.sandbox.calls[before:]] == ["ListGroupId"] * 80
    told = json.loads(place.run_anew("plan", *PLAN, "--format", "json").stdout)
    assert (told["there"], told["known"], told["missing"], told["calls"], told["rate"]) == (20, 20, 80, 80, "20/s")
    assert len(place.groups()) == 20
    took = json.loads(place.run(*PLAN, "--format", "json").stdout)["seconds"]
    assert 3.0 <= told["seconds"] <= took * 1.1


@pytest.mark.parametrize("function", ["create_group", "create_group_plainly"])
def test_what_is_there_without_a_ledger_is_sent_again(place: Place, function: str) -> None:
    """A call for it is counted, as the fleet makes one, and a line says what comes of it."""
    place.policy(ledger=False)
    place.rows(10)
    place.run(*PLAN)
    place.policy()
    place.rows(30)
    run = place.run(f"fleet_devices:{function}", *PLAN[1:], command="plan")
    if function == "create_group":
        assert "10 there, 20 to make; 30 calls" in run.stdout
        assert "10 rows are there without being known to the ledger" in run.stdout
        assert "the service refuses it: GroupIdAlreadyExsited, failed\n" in run.stdout
        rule = '"CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = "always" }'
        assert f"to count it as done, write under [rules.alibaba]: {rule}\n" in run.stdout
    fleet = place.run(f"fleet_devices:{function}", *PLAN[1:])
    assert "20 done, 10 failed (GroupIdAlreadyExsited 10)" in fleet.stderr
    assert "GroupIdAlreadyExsited says that it is there already; to count it as done" in fleet.stderr
    assert "the same command sends only the rows that failed" in fleet.stderr
    assert place.sandbox.asked("CreateGroupId") == 40
    place.policy(more='[rules.alibaba]\n"CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = "always" }\n')
    if function == "create_group":
        assert "GroupIdAlreadyExsited, accepted by the policy\n" in place.run(*PLAN, command="plan").stdout
    again = place.run(f"fleet_devices:{function}", *PLAN[1:])
    assert (again.returncode, "30 done (20 by an earlier run)" in again.stderr) == (0, True)
    assert "says that it is there" not in again.stderr


def test_the_ledger_is_read_without_a_verifier(place: Place) -> None:
    """What an earlier run has done needs no call; a plan makes no ledger, and one that is broken is told."""
    words = ("fleet_devices:create_group_plainly", *PLAN[1:])
    place.rows(20)
    assert "20 not known; at most 20 calls" in place.run(*words, command="plan").stdout
    assert not (place.folder / "ledger.db").exists()
    place.run(*words)
    place.rows(30)
    run = place.run(*words, command="plan")
    assert "20 done by an earlier run, 10 not known; at most 10 calls" in run.stdout
    run = place.run(*words, "--ledger", "other.db", command="plan")
    assert "30 not known; at most 30 calls" in run.stdout
    (place.folder / "ledger.db").write_bytes(b"no database" * 100)
    run = place.run(*words, command="plan")
    assert (run.returncode, run.stdout) == (1, "")
    assert "ledger.db: " in run.stderr
    assert "Traceback" not in run.stderr


def test_what_was_started_and_is_there_needs_no_call(place: Place) -> None:
    """The fleet asks the verifier about it, as the plan does."""
    place.policy(ledger=False)
    place.rows(3)
    place.run(*PLAN)
    place.policy()
    names = place.rows(10)
    with Ledger(place.folder / "ledger.db") as ledger:
        for name in names[:4]:
            resource = {"InstanceId": INSTANCE, "GroupId": name}
            key = entry_key("alibaba", "", "CreateGroupId", resource)
            ledger.start(LedgerEntry(key=key, provider="alibaba", operation="CreateGroupId", resource=resource))
    told = json.loads(place.run(*PLAN, "--format", "json", command="plan").stdout)
    assert (told["there"], told["known"], told["unfinished"], told["missing"], told["calls"]) == (3, 0, 3, 7, 7)
    assert place.run(*PLAN).returncode == 0
    assert place.sandbox.asked("CreateGroupId") == 3 + 7


def test_processes_divide_the_limit_in_a_plan_too(place: Place) -> None:
    """The arguments are those of a fleet; together, processes are as fast as one."""
    place.rows(60)
    place.policy(rate="20/s")
    one, two = (
        json.loads(place.run(*PLAN, "--format", "json", *more, command="plan").stdout)["seconds"]
        for more in ((), ("--processes", "2"))
    )
    assert 2.0 <= one <= 3.0
    assert abs(two - one) <= 0.5


def test_without_a_verifier_it_says_that_it_cannot_know(place: Place) -> None:
    """Nothing is sent at all, and the number of calls is the most."""
    place.rows(100)
    place.policy(rate="20/s")
    run = place.run("fleet_devices:create_group_plainly", *PLAN[1:], command="plan")
    assert run.returncode == 0
    assert "100 not known; at most 100 calls, 4." in run.stdout
    assert "create_group_plainly has no verifier" in run.stdout
    assert list(place.sandbox.calls) == []
    bare = ("fleet_devices:create_group_bare", *PLAN[1:], "--operation", "alibaba:CreateGroupId")
    assert 'wrap it with @executor.wrap("CreateGroupId"), and register one' in place.run(*bare, command="plan").stdout


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
    assert (found.there, found.missing, found.calls, made, most) == (3, 2, 5, [], 1)
    assert found.seconds is not None
    assert 0.1 < found.seconds < 1.0
