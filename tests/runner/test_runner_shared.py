"""What processes of one run share: numbers, renames and notes, whatever becomes of a process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from runner_run import a_run

from resilience.clients.common.renaming import Renaming
from resilience.engine.target.names import NameScope
from resilience.runner.run import Run
from resilience.runner.totals.counters import Counters, Counts, counted
from resilience.runner.totals.names import RunNames
from resilience.runner.totals.notes import Noted, Notes, noted

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return a_run(tmp_path)


def forked(work: Callable[[], object], ending: Callable[[], None] = lambda: os._exit(0)) -> None:
    """Do something in a forked process that ends in a certain way, and wait for it."""
    process = os.fork()
    if process == 0:
        try:
            work()
            ending()
        finally:
            os._exit(1)
    os.waitpid(process, 0)


def place(scope: str = "mqtt-1") -> NameScope:
    return NameScope("alibaba", "CreateGroupId", "GroupId", scope)


def test_nothing_is_made_before_the_first_call(run: Run) -> None:
    """A process that makes no call leaves no file, and its telemetry is not begun."""
    begun: list[int] = []
    Counters(run, lambda: begun.append(1))
    assert (begun, list(Path(run.folder).iterdir()), counted(run)) == ([], [], Counts())


def test_the_first_call_is_announced_before_it_is_counted(run: Run) -> None:
    """What has to be ready for the first call is made once, however many follow."""
    seen: list[int] = []
    counters = Counters(run, lambda: seen.append(counted(run).calls))
    for _ in range(3):
        counters.tally()
    counters.add("retries")
    counters.add("waited", 1500)
    sums = counted(run)
    assert seen == [0]
    assert (sums.calls, sums.retries, sums.waited) == (3, 1, 1500)
    assert sums.began > 0


def test_threads_lose_no_count(run: Run) -> None:
    """Many threads may count at once, from the first call on."""
    counters = Counters(run, lambda: None)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def tally_often() -> None:
            for _ in range(2000):
                counters.tally()

        threads = [threading.Thread(target=tally_often) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert counted(run).calls == 16_000


@needs_fork
def test_a_forked_process_counts_for_itself_and_a_killed_one_loses_nothing(run: Run) -> None:
    """The sum has what parent, child and a child that was killed have counted, each once."""
    begun: list[int] = []
    counters = Counters(run, lambda: begun.append(os.getpid()))
    counters.tally()
    forked(counters.tally)
    forked(counters.tally, ending=lambda: os.kill(os.getpid(), signal.SIGKILL))
    forked(lambda: None)
    counters.tally()
    assert counted(run).calls == 4
    assert begun == [os.getpid()]
    assert len(list(Path(run.folder).glob("*.counters"))) == 3


def test_a_process_that_becomes_another_program_goes_on_counting(run: Run) -> None:
    """The numbers of one process number are added to, also by the next program that has it."""
    for _ in range(2):
        Counters(run, lambda: None).tally()
    assert counted(run).calls == 2


def test_a_process_may_outlive_its_run(run: Run, tmp_path: Path) -> None:
    """When the folder is gone nothing is counted for anybody, and nothing fails."""
    gone = run._replace(folder=str(tmp_path / "gone"))
    counters, names, notes = Counters(gone, lambda: None), RunNames(gone), Notes(gone)
    counters.tally()
    names.give(place(), "GID_a", "GID_a-2")
    notes.fail("CreateGroupId", "InternalError")
    assert (counted(gone), noted(gone), len(names.changes())) == (Counts(), Noted((), ()), 1)
    assert gone.claim() is False


def test_a_rename_is_known_to_all_at_once(run: Run) -> None:
    """Whoever asks after a rename gets the new name, by instance, and before there was one an empty mapping."""
    one, other = RunNames(run), RunNames(run)
    assert other.changes() == {}
    one.give(place(), "GID_a", "GID_a-2")
    other.give(place("mqtt-2"), "GID_a", "GID_a-3")
    known = {
        Renaming("alibaba", "GroupId", "mqtt-1", "GID_a"): "GID_a-2",
        Renaming("alibaba", "GroupId", "mqtt-2", "GID_a"): "GID_a-3",
    }
    assert one.changes() == other.changes() == known
    assert other.changes() is other.changes()


def test_a_second_rename_leads_from_the_first_name_to_the_last(run: Run) -> None:
    """The script knows the first name only; what it calls by the second name itself is not meant."""
    names = RunNames(run)
    names.give(place(), "GID_a", "GID_a-2")
    names.give(place(), "GID_a", "GID_a-3")
    names.leave(place(), "GID_a", "GID_a-2")
    assert {each.old: new for each, new in names.changes().items()} == {"GID_a": "GID_a-3"}


def test_of_two_processes_one_gets_a_name(run: Run) -> None:
    """Each sees what the other asked for, gave and left, in one order, whoever reads it later."""
    one, other = RunNames(run), RunNames(run)
    assert one.ask(place(), "GID_a-2")
    assert not other.give(place(), "GID_a", "GID_a-2")
    assert other.give(place("mqtt-2"), "GID_a", "GID_a-2")
    assert other.give(place(), "GID_a", "GID_a-3")
    assert not one.ask(place(), "GID_a-3")
    assert one.give(place(), "GID_a", "GID_a-3")
    other.leave(place(), "GID_a", "GID_a-3")
    assert not RunNames(run).ask(place(), "GID_a-3"), "the first process still holds it"
    one.leave(place(), "GID_a", "GID_a-3")
    assert RunNames(run).ask(place(), "GID_a-3")


def test_half_a_line_is_passed_over(run: Run) -> None:
    """A disk that was full leaves half a line; names are known all the same."""
    Path(run.shared("names.jsonl")).write_text('{"did": "as')
    names = RunNames(run)
    assert names.give(place(), "GID_a", "GID_a-2")
    assert not RunNames(run).give(place(), "GID_b", "GID_a-2")
    assert list(RunNames(run).changes().values()) == ["GID_a-2"]


@needs_fork
def test_of_many_processes_one_gets_a_name(run: Run) -> None:
    """Processes that want one name at once, each for a resource of its own, never get it twice."""
    names = RunNames(run)
    children = []
    for number in range(6):
        child = os.fork()
        if child == 0:
            won = [n for n in range(40) if names.give(place(), f"GID_{number}", f"GID_x-{n}")]
            Path(run.shared(f"{number}.won")).write_text(" ".join(map(str, won)))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    had = [each for number in range(6) for each in Path(run.shared(f"{number}.won")).read_text().split()]
    assert sorted(map(int, had)) == list(range(40))


@needs_fork
def test_a_rename_in_a_forked_process_is_known_here(run: Run) -> None:
    """What a child has renamed, the parent asks for by the new name."""
    names = RunNames(run)
    assert names.changes() == {}
    forked(lambda: names.give(place(), "GID_a", "GID_a-2"))
    assert list(names.changes().values()) == ["GID_a-2"]


def test_notes_of_a_script_that_fails_in_a_loop_end(run: Run) -> None:
    """Each sentence is told once, and a process writes a few dozen and not a million."""
    notes = Notes(run)
    for number in range(1000):
        notes.fail("CreateTopic", f"Code{number}")
        notes.remark("the same")
    found = noted(run)
    assert found.remarks == ("the same",)
    assert found.failures[0] == "CreateTopic: Code0"
    assert len(found.failures) < 50


def test_a_line_that_is_being_written_is_left_for_later(run: Run) -> None:
    """A reader takes whole lines only."""
    Notes(run).remark("first")
    with Path(run.shared("notes.jsonl")).open("a") as file:
        file.write('{"kind": "remark", "te')
    assert noted(run).remarks == ("first",)


def test_a_run_travels_through_the_environment(run: Run) -> None:
    """What a child reads is what the command wrote, and names of files mean what they meant there."""
    copy = Run.loads(run.dumps())
    assert copy == run
    assert copy.path("p.toml") == str(Path(run.start) / "p.toml")
    assert copy.path("/p.toml") == "/p.toml"
    assert run._replace(start=os.getcwd()).path("p.toml") == "p.toml"  # noqa: PTH109  # as it compares


def test_one_process_is_the_root(run: Run) -> None:
    """It is the first that asks, and it stays so."""
    assert (run.claim(), run.claim()) == (True, True)
    if hasattr(os, "fork"):
        forked(lambda: None if run.claim() else os._exit(0), ending=lambda: Path(run.shared("two")).touch())
        assert not Path(run.shared("two")).exists()
