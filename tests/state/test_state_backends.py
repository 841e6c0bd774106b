"""What every ledger does, wherever it is kept: one suite for all of them."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from servers.postgres import PostgresServer

from resilience import Ledger, LedgerError
from resilience.state import LedgerEntry, UnavailableError
from resilience.state.ledger import entry_key, renamed_key

pytest_plugins = ("servers.fixtures",)
# The library for Redis does not close what it made for a connection that has ended.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")

RESOURCE = {"InstanceId": "mqtt-cn-x", "GroupId": "GID_sensors"}
KEY = entry_key("alibaba", "123", "CreateGroupId", RESOURCE)
ENTRY = LedgerEntry(key=KEY, provider="alibaba", operation="CreateGroupId", resource=RESOURCE)
NOTICE = """
CREATE TABLE seen (how text);
CREATE FUNCTION see() RETURNS trigger AS
$$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER see BEFORE INSERT ON resilience_ledger FOR EACH ROW EXECUTE FUNCTION see()
"""
SERVERS = ("postgres", "pgbouncer", "redis")

Open = Callable[[], Ledger]


def entry(name: str, instance: str = "mqtt-cn-x") -> LedgerEntry:
    resource = {"InstanceId": instance, "GroupId": name}
    key = entry_key("alibaba", "123", "CreateGroupId", resource)
    return evolve(ENTRY, key=key, resource=resource)


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind = request.param
    if kind == "sqlite":
        return str(tmp_path / "ledger.db")
    url: str = request.getfixturevalue(f"new_{kind}_url")()
    return url


@pytest.fixture
def new(address: str) -> Iterator[Open]:
    """Return what opens the same ledger once more, as another process would; all are closed in the end."""
    opened = []

    def open_one() -> Ledger:
        opened.append(Ledger(address, lease=1.0))
        return opened[-1]

    yield open_one
    while opened:
        opened.pop().close()


everywhere = pytest.mark.parametrize("address", ["sqlite", *SERVERS], indirect=True)
on_servers = pytest.mark.parametrize("address", SERVERS, indirect=True)


@everywhere
def test_what_one_notes_another_reads(new: Open) -> None:
    """Each field of an entry comes back, with the times of its start and its end."""
    first, second = new(), new()
    before = time.time()
    renamed = evolve(ENTRY, renamed={"GroupId": ("GID_sensors", "GID_sensors-2")}, number=2)
    assert second.get(KEY) is None
    assert first.claim(KEY)
    first.start(renamed)
    started = second.get(KEY)
    assert started is not None
    assert started == evolve(renamed, started_at=started.started_at)
    assert before - 1 < started.started_at < time.time() + 1
    first.finish(renamed)
    done = second.get(KEY)
    assert done is not None
    assert done.done_at is not None
    assert done == evolve(started, state="done", done_at=done.done_at)
    assert started.started_at <= done.done_at < time.time() + 1


@everywhere
def test_any_name_is_kept(new: Open) -> None:
    """Names are kept as they are, with every character that a service might allow."""
    names = ["ü", "组", "a'b", 'a"b', "a\\b", "a\nb", "%s", "{}", "\x7f", "", "x" * 2000, "a\u2028b", "\x00"]
    ledger = new()
    for each in map(entry, names):
        assert ledger.claim(each.key)
        ledger.start(each)
        ledger.finish(each)
    assert sorted(each.resource["GroupId"] for each in ledger.entries()) == sorted(names)
    keys = [each.key for each in ledger.entries()]
    assert keys == sorted(keys, key=str.encode)


@everywhere
def test_a_key_belongs_to_one(new: Open) -> None:
    """A key that is claimed is refused to all others, in this process too, and is free when it is given back."""
    first, second = new(), new()
    assert first.claim(KEY, "me")
    assert first.holder(KEY) == "me"
    assert not first.claim(KEY, "other")
    assert not second.claim(KEY)
    assert second.claim(entry("GID_b").key)
    first.release(KEY)
    assert first.holder(KEY) is None
    _until(lambda: second.claim(KEY))
    assert not first.claim(KEY)


@everywhere
def test_a_key_of_many_that_ask_at_once_belongs_to_one(new: Open) -> None:
    """Threads of two processes ask for one key at the same moment, again and again."""
    ledgers = [new(), new()]
    for number in range(20):
        got: list[bool] = []
        key, gate = f"key{number}", threading.Barrier(6)

        def ask(ledger: Ledger, key: str = key, got: list[bool] = got, gate: threading.Barrier = gate) -> None:
            gate.wait()
            got.append(ledger.claim(key, threading.get_ident()))

        threads = [threading.Thread(target=ask, args=(ledgers[each % 2],)) for each in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert got.count(True) == 1


@everywhere
def test_states_are_known_of_many_at_once(new: Open) -> None:
    """Of thousands of keys, those that have an entry."""
    ledger = new()
    done, started = entry("GID_done"), entry("GID_started")
    for each in (done, started):
        assert ledger.claim(each.key)
        ledger.start(each)
    ledger.finish(done)
    keys = [*(f"key{number}" for number in range(3000)), done.key, started.key]
    assert ledger.states(keys) == {done.key: "done", started.key: "started"}
    assert ledger.states([]) == {}


@everywhere
def test_a_run_of_a_fleet_is_known_until_it_ends(new: Open) -> None:
    """The last note of a fleet counts, and fleets do not know each other's runs; a run is no entry."""
    first, second = new(), new()
    assert second.unended_run("mine") is None
    second.end_run("mine")
    for ledger, traceparent in ((first, "00-a-1"), (second, "00-a-2")):
        before = time.time()
        ledger.begin_run("mine", traceparent)
        found = first.unended_run("mine")
        assert found is not None
        assert found.traceparent == traceparent
        assert before - 1 < found.began_at < time.time() + 1
    first.begin_run("another", "00-b-1")
    second.end_run("mine")
    assert first.unended_run("mine") is None
    assert first.unended_run("another") is not None
    assert first.entries() == []


@pytest.mark.parametrize("address", ["sqlite", "postgres"], indirect=True)
def test_a_ledger_of_an_earlier_version_gets_a_place_for_runs(new: Open, address: str) -> None:
    """It has no table for them; to read makes none."""
    ledger = new()
    ledger.get(KEY)
    if address.startswith("postgres"):
        with psycopg.connect(address) as connection:
            connection.execute("DROP TABLE resilience_runs")
    assert ledger.unended_run("mine") is None
    ledger.end_run("mine")
    ledger.begin_run("mine", "00-a-1")
    found = new().unended_run("mine")
    assert found is not None
    assert found.traceparent == "00-a-1"


@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "pooled"])
def test_a_note_is_on_the_disk_whatever_the_server_says(
    is_pooled: bool,  # noqa: FBT001  # a parameter of the test
    postgres: PostgresServer,
    pooled_postgres: PostgresServer,
) -> None:
    """A database that waits for no disk waits for these notes, also where each goes to another of its processes."""
    name = f"lax_{is_pooled:d}"
    address = postgres.database(name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with Ledger(pooled_postgres.url(name) if is_pooled else address) as ledger:
        ledger.get(KEY)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(NOTICE)
        for number in range(8):
            one = entry(f"GID_{number}")
            assert ledger.claim(one.key)
            ledger.start(one)
            ledger.finish(one)
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT how, count(*) FROM seen GROUP BY how").fetchall() == [("on", 16)]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("options=-csearch_path%3Dmine", "a pool before the server refuses a parameter of the url"),
        ("sslmode=require", "the server has no TLS"),
    ],
)
def test_an_address_that_a_pool_does_not_take_is_told(
    parameters: str, told: str, pooled_postgres: PostgresServer
) -> None:
    """The error says what to change; to wait would not help."""
    with Ledger(f"{pooled_postgres.url()}?{parameters}") as ledger, pytest.raises(LedgerError, match=told) as raised:
        ledger.get(KEY)
    assert not isinstance(raised.value, UnavailableError)


@everywhere
def test_an_entry_is_forgotten_once(new: Open) -> None:
    """What is forgotten is new to everyone."""
    ledger, other = new(), new()
    assert ledger.claim(KEY)
    ledger.start(ENTRY)
    assert ledger.forget(KEY)
    assert not ledger.forget(KEY)
    assert other.entries() == []
    ledger.start(ENTRY)
    assert len(other.entries()) == 1


@everywhere
def test_another_resource_with_a_name_is_found(new: Open) -> None:
    """By its own name and by its new one, of the same kind and with the same other fields."""
    ledger = new()
    renamed = evolve(entry("GID_b"), renamed={"GroupId": ("GID_b", "GID_b-2")}, number=2)
    for each in (ENTRY, renamed, entry("GID_b-2", "mqtt-cn-y"), evolve(entry("GID_c"), renamed={})):
        assert ledger.claim(each.key)
        ledger.start(each)
        ledger.finish(each)
        ledger.release(each.key)
    assert ledger.other_with(entry("GID_x"), "GroupId", "GID_none") is None
    assert ledger.other_with(ENTRY, "GroupId", "GID_sensors") is None
    for name, expected in {"GID_sensors": KEY, "GID_b-2": renamed.key, "GID_b": renamed.key}.items():
        found = ledger.other_with(entry("GID_x"), "GroupId", name)
        assert found is not None
        assert found.key == expected
    assert renamed_key(ENTRY, "GroupId", "GID_b") == renamed.key
    assert ledger.claim(renamed.key)
    assert ledger.forget(renamed.key)
    assert ledger.other_with(entry("GID_x"), "GroupId", "GID_b-2") is None


@everywhere
def test_a_ledger_that_was_closed_opens_again(new: Open) -> None:
    """Also while a call holds its key."""
    ledger = new()
    assert ledger.claim(KEY)
    ledger.close()
    ledger.start(ENTRY)
    ledger.finish(ENTRY)
    ledger.close()
    assert len(ledger.entries()) == 1


@everywhere
def test_the_address_shows_no_password(address: str, new: Open) -> None:
    """Neither in the name nor in the representation; and a ledger is not sent to other processes with it."""
    ledger = new()
    for text in (ledger.name, repr(ledger)):
        assert "hunter2" not in text
        assert "ledger" in text or ":" in text
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(ledger)
    assert address


# leases


@on_servers
def test_a_claim_lasts_while_the_process_lives(new: Open) -> None:
    """Its lease is renewed, for all keys."""
    first, second = new(), new()
    keys = [f"key{number}" for number in range(50)]
    assert all(map(first.claim, keys))
    time.sleep(2.2)
    assert not any(map(second.claim, keys))
    assert all((first.time_left(key) or 0) > 0.3 for key in keys)


@on_servers
@pytest.mark.parametrize("step", ["start", "finish", "forget"])
def test_a_claim_of_a_stopped_process_ends(new: Open, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Then it is another's, and every note of the first one is refused, with what to know; the second one's is not."""
    first, second = new(), new()
    stop(first, monkeypatch)
    assert first.claim(KEY)
    first.start(ENTRY)
    assert not second.claim(KEY)
    _until(lambda: second.claim(KEY))
    assert first.time_left(KEY) == 0.0
    before = second.entries()
    late = evolve(ENTRY, number=7)
    # The first time the server refuses it; later the process knows.
    for _ in range(2):
        with pytest.raises(
            LedgerError, match="no sign of life for its lease of 1 s, and another call has taken"
        ) as error:
            first.forget(KEY) if step == "forget" else getattr(first, step)(late)
        assert str(error.value).endswith(
            "nothing was sent" if step == "start" else "the call that has it now looks whether the resource is there"
        )
    assert second.entries() == before
    second.finish(ENTRY)
    assert [each.state for each in first.entries()] == ["done"]


@on_servers
def test_a_claim_that_no_other_has_taken_goes_on(new: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that slept has its key still, if it was asked for by none meanwhile."""
    first, second = new(), new()
    stop(first, monkeypatch)
    assert first.claim(KEY)
    time.sleep(1.2)
    first.start(ENTRY)
    assert (first.time_left(KEY) or 0) > 0.5
    assert not second.claim(KEY)
    first.finish(ENTRY)
    assert second.claim(KEY)


@on_servers
def test_a_note_may_be_written_twice(new: Open) -> None:
    """Where the answer to a note was lost, it is sent again, and the second time changes nothing."""
    ledger = new()
    assert ledger.claim(KEY)
    claim = ledger._backend._own.get().of(KEY)  # type: ignore[attr-defined]  # the server's side of it
    store = ledger._backend._store  # type: ignore[attr-defined]  # likewise
    for _ in range(2):
        assert store.start(ENTRY, claim.token, 1.0)
    for _ in range(2):
        assert store.finish(ENTRY, claim.token)
    assert not store.start(ENTRY, claim.token, 1.0)
    holder = ledger._backend._own.get().holder  # type: ignore[attr-defined]  # likewise
    tokens = [store.claim("other", holder, 1.0) for _ in range(2)]
    assert claim.token < tokens[0] < tokens[1]
    assert store.claim("other", "another", 1.0) is None
    assert not store.finish(evolve(ENTRY, key="other"), tokens[0])
    assert store.finish(evolve(ENTRY, key="other"), tokens[1])


@on_servers
def test_a_thread_keeps_leases_only_while_there_are_any(new: Open) -> None:
    """A ledger that is not in use has no thread, also where it is not closed."""
    ledger = new()
    assert ledger.claim(KEY)
    assert _keepers() == 1
    ledger.start(ENTRY)
    ledger.finish(ENTRY)
    _until(lambda: _keepers() == 0)
    assert ledger.claim(KEY)
    ledger.release(KEY)
    ledger.close()
    assert _keepers() == 0
    assert new().claim(KEY)


def stop(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a ledger give no sign of life, as one of a process that is stopped."""

    def renew(tokens: Mapping[str, int], lease: float) -> set[str]:  # noqa: ARG001  # as the store
        raise UnavailableError(ledger.name, "stopped")

    monkeypatch.setattr(ledger._backend._store, "renew", renew)  # type: ignore[attr-defined]  # the server's side of it


def _keepers() -> int:
    return sum(each.name == "resilience-ledger-leases" for each in threading.enumerate())


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
