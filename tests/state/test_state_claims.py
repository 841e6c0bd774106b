"""Who works on a key: one call at a time, over objects, threads and processes, and nobody after a crash."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resilience import Ledger, LedgerError
from resilience.state import LedgerEntry
from resilience.state.ledger.sqlite.claims import Claims

KEY, OTHER = "alibaba::CreateGroupId:{}", "alibaba::CreateGroupId:{1}"
ENTRY = LedgerEntry(key=KEY, provider=None, operation="CreateGroupId", resource={"GroupId": "GID_a"})

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks, and fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@contextmanager
def other_process(path: Path, key: str = KEY) -> Iterator[subprocess.Popen[str]]:
    """Start a process that claims a key, says whether it got it, and holds it until it dies."""
    code = f"""
        import time
        from resilience import Ledger
        ledger = Ledger({str(path)!r})
        print(ledger.claim({key!r}), flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def in_child(function: Callable[[], bool]) -> bool:
    """Return what a function says in a forked process."""
    child = os.fork()
    if child == 0:
        os._exit(0 if function() else 1)
    return os.waitpid(child, 0)[1] == 0


def test_a_key_is_worked_on_by_one_at_a_time(path: Path) -> None:
    """A second claim fails until the first is given back; other keys are free; the holder is known."""
    with Ledger(path) as ledger:
        assert ledger.claim(KEY, "me")
        assert ledger.holder(KEY) == "me"
        assert not ledger.claim(KEY, "you")
        assert ledger.claim(OTHER)
        ledger.release(KEY)
        assert ledger.holder(KEY) is None
        assert ledger.claim(KEY, "you")


def test_two_ledgers_of_one_file_share_their_claims(path: Path) -> None:
    """What one object holds the other cannot take, and closing one gives back nothing of the other."""
    with Ledger(path) as first:
        with Ledger(path) as second:
            assert first.claim(KEY)
            assert not second.claim(KEY)
            assert second.claim(OTHER)
            second.release(OTHER)
        with other_process(path) as process:
            assert said(process) == "False"
        assert not first.claim(KEY)


def test_a_link_leads_to_the_same_claims(path: Path) -> None:
    """Whoever comes through a symbolic link meets the same locks."""
    link = path.with_name("link.db")
    with Ledger(path) as ledger, Ledger(link) as linked:
        assert ledger.claim(KEY)
        link.symlink_to(path)
        assert not linked.claim(KEY)


def test_another_process_waits_and_a_dead_one_does_not_hold(path: Path) -> None:
    """A key that a process holds is not to be had; when the process is killed it is."""
    with Ledger(path) as ledger:
        with other_process(path) as process:
            assert said(process) == "True"
            assert not ledger.claim(KEY)
            assert ledger.holder(KEY) is None
            process.kill()
            process.wait()
            assert ledger.claim(KEY)
        with other_process(path) as process:
            assert said(process) == "False"


def test_closing_keeps_what_calls_under_way_hold(path: Path) -> None:
    """A ledger that is closed too early does not let another process work on the same key."""
    ledger = Ledger(path)
    assert ledger.claim(KEY)
    ledger.start(ENTRY)
    ledger.close()
    with other_process(path) as process:
        assert said(process) == "False"
    ledger.finish(ENTRY)
    ledger.release(KEY)
    ledger.close()
    with other_process(path) as process:
        assert said(process) == "True"


def test_a_ledger_that_nobody_has_any_more_gives_its_claims_back(path: Path) -> None:
    """An object that is dropped without a close neither holds a key nor warns."""
    ledger = Ledger(path)
    assert ledger.claim(KEY)
    del ledger
    with Ledger(path) as other:
        assert other.claim(KEY)


def test_a_lock_file_that_was_removed_is_no_lock(path: Path) -> None:
    """Claims that other processes would not see are refused."""
    with Ledger(path) as ledger:
        assert ledger.claim(KEY)
        path.with_name("ledger.db-claims").unlink()
        with pytest.raises(LedgerError, match=r"ledger\.db-claims was removed or replaced"):
            ledger.claim(OTHER)


def test_opening_the_file_again_keeps_the_locks_of_sqlite(path: Path) -> None:
    """
    A second ledger of the file in one process does not take away the locks of the first one's connection.

    Closing any descriptor of a file gives back all locks that the process has on it; without them another
    process would take itself for the last user, and remove the log under our feet.
    """
    with Ledger(path) as first:
        first.start(ENTRY)
        with Ledger(path) as second:
            assert second.get(KEY) is not None
            code = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('PRAGMA user_version'); c.close()"
            subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # our own code
            assert path.with_name("ledger.db-wal").exists()
        first.finish(ENTRY)
    with Ledger(path) as third:
        assert [each.state for each in third.entries()] == ["done"]


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_starts_with_no_claims(path: Path) -> None:
    """A child does not hold what its parent holds, cannot take it, and takes it when the parent has given it back."""
    with Ledger(path) as ledger:
        assert ledger.claim(KEY)
        ledger.start(ENTRY)
        assert in_child(lambda: not ledger.claim(KEY) and ledger.claim(OTHER) and ledger.get(KEY) is not None)
        # The child has closed nothing of ours.
        with other_process(path) as process:
            assert said(process) == "False"
        ledger.finish(ENTRY)
        ledger.release(KEY)
        assert in_child(lambda: ledger.claim(KEY))
        assert ledger.claim(KEY)


@posix
def test_a_pool_of_forked_processes_makes_each_key_once(path: Path) -> None:
    """Of four forked processes that claim the same ten keys, each key has one."""
    keys = [f"key-{number}" for number in range(10)]
    with Ledger(path) as ledger:
        assert ledger.entries() == []
        context = multiprocessing.get_context("fork")
        gate, results = context.Barrier(4), context.SimpleQueue()

        def work() -> None:
            gate.wait()
            results.put([key for key in keys if ledger.claim(key)])
            gate.wait()

        workers = [context.Process(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        taken = [key for _ in workers for key in results.get()]
        for worker in workers:
            worker.join()
        assert sorted(taken) == keys


@posix
def test_a_forked_process_takes_what_its_parent_has_given_back(path: Path) -> None:
    """What the parent held at the fork is not held for ever in the child, and the child's end frees nothing else."""
    context = multiprocessing.get_context("fork")
    refused, given_back = context.Event(), context.Event()
    with Ledger(path) as ledger:
        assert ledger.claim(KEY)
        assert ledger.claim(OTHER)

        def work() -> None:
            if not ledger.claim(KEY):
                refused.set()
            given_back.wait()
            is_taken = ledger.claim(KEY)
            ledger.close()
            os._exit(0 if is_taken else 1)

        child = context.Process(target=work)
        child.start()
        assert refused.wait(20)
        ledger.release(KEY)
        given_back.set()
        child.join()
        assert child.exitcode == 0
        with other_process(path, OTHER) as process:
            assert said(process) == "False"


@posix
def test_a_file_that_has_our_descriptors_number_is_not_closed(tmp_path: Path) -> None:
    """A program that has closed all descriptors, and opened files of its own, keeps those when claims are closed."""
    claims = Claims(tmp_path / "ledger.db")
    (ours,) = [int(each.name) for each in Path("/dev/fd").iterdir() if _path_of(each) == claims.path]
    os.close(ours)
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    assert theirs == ours
    claims.close()
    os.close(theirs)


def _path_of(descriptor: Path) -> Path | None:
    try:
        return descriptor.readlink()
    except OSError:
        return None


def test_a_ledger_that_is_collected_in_the_middle_of_a_claim_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector runs anywhere, also while a thread holds the lock that closing what is gone needs."""
    path = tmp_path / "ledger.db"
    gone = [Claims(path)]
    assert gone[0].take("key", "owner")
    really_open = os.open

    def collecting(*arguments: Any, **options: Any) -> int:
        while gone:
            gone.pop().close()  # as its finalizer does
        return really_open(*arguments, **options)

    monkeypatch.setattr(os, "open", collecting)
    made: list[Claims] = []
    thread = threading.Thread(target=lambda: made.append(Claims(path)), daemon=True)
    thread.start()
    thread.join(30)
    assert made, "it waits for a lock of its own thread"
    assert made[0].take("key", "another")
    made[0].close()
