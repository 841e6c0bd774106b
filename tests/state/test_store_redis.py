"""What is particular to a store on a server: it goes away, hangs, asks for a password, and is shared by forks."""

from __future__ import annotations

import multiprocessing
import threading
import time
from functools import partial
from multiprocessing.connection import Connection

import pytest
from attrs import evolve
from coredis import Redis
from servers.redis import redis_server

from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.state.redis_client import RedisClient
from resilience.state.store import StateError, Store
from resilience.state.store.opening import open_store

REQUEST = SlotRequest(limits=(SharedLimit("resilience:ten", 10, 1.0),), name="a", wanted=1, after=0.0, within=2.0)


def ask(store: Store, name: str, timeout: float = 2.0) -> GivenSlots:
    return store.reserve(evolve(REQUEST, name=name), timeout)


def threads() -> int:
    return sum(thread.name == "resilience-redis" for thread in threading.enumerate())


def test_a_server_that_restarts_is_used_again() -> None:
    """A connection that is lost fails one question; the next one makes another."""
    with redis_server() as server:
        store = open_store(server.url)
        ask(store, "a")
        server.kill()
        with pytest.raises(StateError, match="it cannot be reached; look whether it is there"):
            ask(store, "b")
        server.start()
        assert ask(store, "c").slots
        store.close()


def test_a_server_that_hangs_is_waited_for_so_long_and_no_longer() -> None:
    """The time-out holds for a connection that is there and for one to be made; then the server is used again."""
    with redis_server() as server:
        for is_connected in (True, False):
            store = open_store(server.url)
            if is_connected:
                ask(store, "a")
            server.freeze()
            began = time.monotonic()
            with pytest.raises(StateError, match=r"it has not answered within 0\.3 s"):
                ask(store, "b", 0.3)
            assert 0.2 <= time.monotonic() - began <= 1.5
            server.wake()
            deadline = time.monotonic() + 10
            while True:
                try:
                    assert ask(store, "c").slots
                    break
                except StateError:
                    assert time.monotonic() < deadline
            store.close()


def test_a_password_is_used_and_never_shown() -> None:
    """An error names the server without user and password, whatever is wrong."""
    with redis_server("--requirepass", "pass-w0rd") as server:
        right = open_store(server.url.replace("://", "://:pass-w0rd@"))
        assert ask(right, "a").slots
        right.close()
        for part in (":wr0ng-pass@", "user:wr0ng-pass@"):
            store = open_store(server.url.replace("://", f"://{part}"))
            with pytest.raises(StateError, match="it refuses the user or the password") as caught:
                ask(store, "b")
            store.close()
            said = f"{caught.value} {caught.value!r} {store!r}"
            assert "wr0ng" not in said
            assert f"127.0.0.1:{server.port}" in said
        without = open_store(server.url)
        with pytest.raises(StateError):
            ask(without, "c")
        without.close()


async def _left(key: str, client: Redis[str]) -> int:
    return await client.pttl(key)


def test_keys_expire_by_themselves() -> None:
    """Nothing is left of a limit when its window is over, and every key begins with our name."""
    with redis_server() as server:
        store, client = open_store(server.url), RedisClient(server.url)
        ask(store, "a")
        keys = client.ask(lambda each: each.keys("*"), 2.0)
        assert len(keys) == 2
        assert all(key.startswith("resilience:") for key in keys)
        for key in keys:
            assert 0 < client.ask(partial(_left, key), 2.0) <= 10_000
        store.close()
        client.close()


def test_the_thread_of_a_store_ends_with_it() -> None:
    """A store that is closed, or forgotten, leaves no thread behind."""
    with redis_server() as server:
        before = threads()
        store = open_store(server.url)
        ask(store, "a")
        assert threads() == before + 1
        store.close()
        forgotten = open_store(server.url)
        ask(forgotten, "b")
        del forgotten
        deadline = time.monotonic() + 10
        while threads() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threads() == before


def _in_child(store: Store, pipe: Connection) -> None:
    pipe.send(ask(store, "child").slots)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_a_connection_of_its_own() -> None:
    """A process that was forked after the first question asks by itself."""
    with redis_server() as server:
        store = open_store(server.url)
        ask(store, "parent")
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=_in_child, args=(store, theirs))
        child.start()
        assert ours.poll(10)
        assert ours.recv()
        child.join()
        store.close()


def test_other_urls_are_no_stores() -> None:
    """Only Redis and Valkey are meant by a url."""
    with pytest.raises(StateError, match="expected a url such as redis://host:6379/0, or the path of a file"):
        open_store("postgresql://user:secret@host/db")
