"""The ledger's file: what it keeps, who may read it, and what it says when something is wrong."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import tempfile
import threading
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from resilience import Ledger, LedgerError
from resilience.state import LedgerEntry, UnavailableError
from resilience.state.ledger import entry_key
from resilience.state.ledger.sqlite.backend import SqliteBackend
from resilience.state.ledger.sqlite.database import in_our_words

KEY = entry_key("alibaba", "123", "CreateGroupId", {"InstanceId": "mqtt-cn-x", "GroupId": "GID_sensors"})
ENTRY = LedgerEntry(
    key=KEY,
    provider="alibaba",
    operation="CreateGroupId",
    resource={"InstanceId": "mqtt-cn-x", "GroupId": "GID_sensors"},
    renamed={"GroupId": ("GID_sensors", "GID_sensors-2")},
    number=2,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def connection_of(ledger: Ledger) -> sqlite3.Connection:
    backend = ledger._backend
    assert isinstance(backend, SqliteBackend)
    connection: sqlite3.Connection | None = backend._own.get().connection
    assert connection is not None
    return connection


def made(path: Path) -> Path:
    """Return the file of a ledger with one finished entry."""
    with Ledger(path) as ledger:
        ledger.finish(ENTRY)
    return path


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_key_is_the_same_in_every_run() -> None:
    """The key of a resource does not depend on the order of its fields, and a person can read it."""
    assert entry_key("alibaba", "123", "CreateGroupId", {"GroupId": "GID_ü", "InstanceId": "i"}) == (
        'alibaba:123:CreateGroupId:{"GroupId":"GID_ü","InstanceId":"i"}'
    )
    turned = {"GroupId": "GID_sensors", "InstanceId": "mqtt-cn-x"}
    assert entry_key("alibaba", "123", "CreateGroupId", turned) == KEY


def test_what_was_started_and_done_is_there_after_a_restart(path: Path) -> None:
    """Another ledger object of the same file knows each entry, with its new name and both instants."""
    with Ledger(path) as first:
        first.start(ENTRY)
        started = first.get(KEY)
        first.finish(ENTRY)
    assert started is not None
    assert started.state == "started"
    assert started.done_at is None
    with Ledger(path) as second:
        found = second.get(KEY)
        assert second.entries() == [found]
    assert found is not None
    assert (found.state, found.renamed, found.number) == ("done", {"GroupId": ("GID_sensors", "GID_sensors-2")}, 2)
    assert found.started_at == started.started_at
    assert found.done_at is not None
    assert found.done_at >= found.started_at


def test_what_was_done_can_be_started_again(path: Path) -> None:
    """A new attempt on a finished resource is an unfinished one until it ends."""
    with Ledger(made(path)) as ledger:
        ledger.start(ENTRY)
        found = ledger.get(KEY)
        assert found is not None
        assert (found.state, found.done_at) == ("started", None)


def test_a_finished_entry_is_kept_although_its_row_was_forgotten(path: Path) -> None:
    """What was done is noted, also if somebody removed the row while the call was under way."""
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        assert ledger.forget(KEY)
        assert not ledger.forget(KEY)
        ledger.finish(ENTRY)
        assert [each.state for each in ledger.entries()] == ["done"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """The file, its log, its shared memory, its claims and a new folder are their owner's alone, whatever the umask."""
    before = os.umask(0)
    try:
        with Ledger(tmp_path / "new" / "ledger.db") as ledger:
            assert ledger.claim(KEY)
            ledger.start(ENTRY)
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "new").iterdir()}
    finally:
        os.umask(before)
    names = {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-claims"}
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_it_stays_where_it_was_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is that of the moment in which the ledger was made."""
    monkeypatch.chdir(tmp_path)
    ledger = Ledger("ledger.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with ledger:
        ledger.start(ENTRY)
    assert (tmp_path / "ledger.db").exists()


def test_every_write_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection keeps a write-ahead log and syncs it fully, so that what is noted survives a power cut."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        assert opened[0].execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert opened[0].execute("PRAGMA synchronous").fetchone()[0] == 2


def test_closing_leaves_one_file(path: Path) -> None:
    """After the last close the log is in the file, which can be copied by itself; only the lock file is beside it."""
    made(path)
    assert [each.name for each in path.parent.iterdir()] == ["ledger.db"]


def test_a_wrong_word_for_the_unfinished_is_refused(path: Path) -> None:
    """A ledger of unknown behaviour is not made, and no file either."""
    with pytest.raises(ValueError, match="verify, retry, fail"):
        Ledger(path, on_unfinished="ignore")  # type: ignore[arg-type]  # that is the test
    assert not path.exists()


# What can be wrong with the file


def foreign(path: Path) -> None:
    changed(path, "CREATE TABLE orders (id)", "PRAGMA user_version = 7")


def marked(path: Path) -> None:
    changed(path, "PRAGMA application_id = 1")


def newer(path: Path) -> None:
    changed(made(path), "PRAGMA user_version = 2")


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def torn(path: Path) -> None:
    data = bytearray(made(path).read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def meddled(path: Path) -> None:
    changed(made(path), "UPDATE entries SET renamed = 'no JSON'")


def folder(path: Path) -> None:
    path.mkdir()


def inside_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(foreign, "another program's database", id="foreign"),
        pytest.param(marked, "another program's database", id="foreign-and-empty"),
        pytest.param(newer, "format 2, newer than the 1 known here", id="newer"),
        pytest.param(garbage, "no ledger, or damaged", id="garbage"),
        pytest.param(torn, "damaged", id="torn"),
        pytest.param(meddled, "damaged", id="meddled"),
        pytest.param(folder, "directory", id="folder"),
        pytest.param(inside_a_file, "(?i)file exists|not a directory", id="inside-a-file"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused(path: Path, spoil: Any, reason: str) -> None:
    """Each kind of damage is named, with the file and what to do."""
    spoil(path)
    with Ledger(path) as ledger, pytest.raises(LedgerError, match=reason) as caught:
        ledger.get(KEY)
    assert caught.value.path == str(path)
    assert str(caught.value).startswith(f"ledger {path}: ")


def test_another_programs_database_is_not_touched(path: Path) -> None:
    """A refused file keeps every byte, its journal mode included."""
    foreign(path)
    before = path.read_bytes()
    with Ledger(path) as ledger, pytest.raises(LedgerError):
        ledger.start(ENTRY)
    assert path.read_bytes() == before


@pytest.mark.parametrize("after", range(9))
def test_a_ledger_that_another_process_makes_meanwhile_is_a_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Two processes that find an empty file at once both use it, whatever the first had asked when the second came."""
    path.touch()
    statements = []

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            statements.append(statement)
            if len(statements) != after + 1:
                return super().execute(statement, *values)
            with monkeypatch.context() as undo:
                undo.setattr(sqlite3, "connect", connect)
                with suppress(LedgerError), Ledger(path) as other:
                    other.get(KEY)
            return super().execute(statement, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Watched))
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        assert ledger.get(KEY)


@pytest.mark.parametrize("name", ["SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"])
def test_what_passes_by_itself_is_an_error_to_try_again(path: Path, name: str) -> None:
    """Whatever SQLite calls it, a file in use by others is waited for; damage is not."""
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = getattr(sqlite3, name)
    assert isinstance(in_our_words(path, error), UnavailableError)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    assert not isinstance(in_our_words(path, error), UnavailableError)


def test_a_ledger_that_is_locked_says_so(path: Path) -> None:
    """While another connection writes for long, a write is refused in the time of some blinks."""
    made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other, Ledger(path) as ledger:
        assert ledger.get(KEY)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="another process holds it locked"):
            ledger.start(ENTRY)
        other.execute("ROLLBACK")
        ledger.start(ENTRY)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit file sizes")
def test_a_full_disk_stops_a_write(path: Path) -> None:
    """Where the log cannot grow, the write is refused, and what was noted before is still there."""
    import resource  # noqa: PLC0415  # not on Windows
    import signal  # noqa: PLC0415

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("ledger.db-wal").stat().st_size, before[1]))
            with pytest.raises(LedgerError, match="full"):
                ledger.finish(ENTRY)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        found = ledger.get(KEY)
    assert found is not None
    assert found.state == "started"


def test_a_database_that_may_not_grow_stops_a_write(path: Path) -> None:
    """SQLite's own word for a full disk is put in ours."""
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        connection = connection_of(ledger)
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(LedgerError, match="disk is full"):
            ledger.start(LedgerEntry(key="big", provider=None, operation="O", resource={"Name": "n" * 100_000}))


def test_a_file_that_may_not_be_written_stops_a_write(path: Path) -> None:
    """A read-only ledger is refused where it would be written, before anything is sent."""
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        connection = connection_of(ledger)
        # What SQLite says of a read-only file, also to a superuser, for whom there are none.
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(LedgerError, match="cannot be written"):
            ledger.finish(ENTRY)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("ledger.db", "it cannot be written; check its permissions", id="file"),
        pytest.param("new.db", "check the path and its permissions", id="folder"),
        pytest.param("new/ledger.db", "check the path and its permissions", id="new-folder"),
    ],
)
def test_what_may_not_be_written_is_refused_to_a_plain_user(name: str, reason: str) -> None:
    """A read-only file, and a folder where no file can be made, are refused before anything is sent."""
    with tempfile.TemporaryDirectory() as folder:
        made(Path(folder, "ledger.db")).chmod(0o444)
        Path(folder).chmod(0o555)
        said, telling = os.pipe()
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.seteuid(65534)  # a superuser may write everywhere
            try:
                Ledger(Path(folder, name)).claim(KEY)
                os.write(telling, b"no error")
            except LedgerError as error:
                os.write(telling, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert reason in os.read(said, 1000).decode()
        os.close(said)
        os.close(telling)
        Path(folder).chmod(0o700)


def test_a_ledger_that_was_moved_away_is_not_written_to(path: Path) -> None:
    """What would go into a file that nobody finds again is refused, until the file is back."""
    with Ledger(path) as ledger:
        ledger.start(ENTRY)
        aside = path.rename(path.with_name("aside.db"))
        with pytest.raises(LedgerError, match="moved, removed or replaced"):
            ledger.finish(ENTRY)
        aside.rename(path)
        ledger.finish(ENTRY)


def test_only_looking_makes_no_file(path: Path) -> None:
    """A ledger that is not to be created is an error where there is none."""
    with Ledger(path, create=False) as ledger, pytest.raises(LedgerError, match="check that it is there"):
        ledger.entries()
    assert list(path.parent.iterdir()) == []


def test_one_ledger_serves_many_threads(path: Path) -> None:
    """Threads that write at once each find their entry afterwards."""
    with Ledger(path) as ledger:

        def write(number: int) -> None:
            entry = LedgerEntry(key=f"key-{number}", provider=None, operation="O", resource={"Name": str(number)})
            ledger.start(entry)
            ledger.finish(entry)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.state for each in ledger.entries()] == ["done"] * 8


def test_the_states_of_many_keys_are_read_at_once(path: Path) -> None:
    """Of those that have an entry; a ledger that is not there knows none, and is not made."""
    keys = [f"{KEY}{number}" for number in range(1200)]
    with Ledger(path) as ledger:
        assert ledger.states(keys) == {}
        assert not path.exists()
        ledger.start(evolve(ENTRY, key=keys[3]))
        ledger.finish(evolve(ENTRY, key=keys[1100]))
        assert ledger.states(keys) == {keys[3]: "started", keys[1100]: "done"}
        assert ledger.states([]) == {}
