"""Rows that the ledger knows to be done: no call and no question, whatever makes the calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from fleet_calls import policy

from resilience import DONE, Executor, LedgerError
from resilience.core.policy import LedgerSettings, PolicyValues
from resilience.fleet import chunks, provision, run_chunk
from resilience.state import Ledger, UnavailableError

ROWS = [{"group_id": f"n{number}"} for number in range(700)]


class Groups:
    """What was made and asked."""

    def __init__(self, values: PolicyValues) -> None:
        self.made: list[str] = []
        self.asked: list[str] = []
        wrapped = Executor(values, provider="alibaba").wrap("CreateGroupId")(self._made)
        wrapped.verify(self._asked)
        self.make: Callable[..., object] = wrapped

    async def _made(self, group_id: str, instance_id: str = "i") -> None:  # noqa: ARG002  # a part of the key
        self.made.append(group_id)

    async def _asked(self, group_id: str, instance_id: str = "i") -> object:  # noqa: ARG002  # likewise
        self.asked.append(group_id)
        return DONE


@pytest.fixture
def values(tmp_path: Path) -> PolicyValues:
    return evolve(policy(), ledger=LedgerSettings(path=str(tmp_path / "ledger.db")))


def test_a_second_run_costs_nothing(values: PolicyValues) -> None:
    """Of 700 rows the first run does 600; the second one makes the calls of the others only."""
    groups = Groups(values)
    assert provision(groups.make, ROWS[:600], policy=values).done == 600
    report = provision(groups.make, ROWS, policy=values)
    assert (report.done, report.known, len(groups.made), groups.asked) == (700, 600, 700, [])


def test_a_chunk_that_comes_twice_costs_nothing(values: PolicyValues) -> None:
    """An engine that gives a chunk again gets the same outcomes, known from the first time."""
    groups = Groups(values)
    (chunk,) = chunks(ROWS[:20], groups.make, policy=values)
    first, second = (run_chunk(groups.make, chunk, policy=values) for _ in range(2))
    assert [each.number for each in first.outcomes] == [each.number for each in second.outcomes] == list(range(20))
    assert ([each.is_known for each in first.outcomes], {each.is_known for each in second.outcomes}) == (
        [False] * 20,
        {True},
    )
    assert (len(groups.made), groups.asked) == (20, [])


def test_a_ledger_that_is_locked_for_a_moment_is_asked_by_each_call(
    values: PolicyValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call waits for its entry; nothing is made twice."""
    groups = Groups(values)
    provision(groups.make, ROWS[:5], policy=values)

    def locked(*_: object) -> object:
        raise UnavailableError("ledger.db", "locked")

    monkeypatch.setattr(Ledger, "states", locked)
    report = provision(groups.make, ROWS[:5], policy=values)
    assert (report.done, len(groups.made), sorted(groups.asked)) == (5, 5, [f"n{number}" for number in range(5)])


def test_a_ledger_that_cannot_be_read_sends_nothing(values: PolicyValues, tmp_path: Path) -> None:
    """It is told once, and not for each row."""
    (tmp_path / "ledger.db").write_bytes(b"no database" * 100)
    groups = Groups(values)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        provision(groups.make, ROWS, policy=values)
    assert groups.made == []
