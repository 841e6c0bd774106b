"""A Redis that may forget keeps no ledger: what is asked of its settings, and what is said of them."""

from __future__ import annotations

import logging

import pytest
from servers.redis import redis_server

from resilience import Ledger, LedgerError

pytestmark = pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")

NO_CONFIG = ("--rename-command", "CONFIG", "")
USER = ("--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config")


@pytest.mark.parametrize(
    ("options", "problem", "cure"),
    [
        pytest.param((), "appendonly is not yes", "set appendonly to yes", id="memory"),
        pytest.param(NO_CONFIG, "appendonly is not yes", "set appendonly to yes", id="memory-and-no-config"),
        pytest.param(
            ("--appendonly", "yes", "--appendfsync", "no"), "appendfsync is no", "set appendfsync to always", id="late"
        ),
        pytest.param(
            ("--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
            "maxmemory-policy is allkeys-lru",
            "set maxmemory-policy to noeviction",
            id="evicting",
        ),
    ],
)
def test_a_server_that_may_forget_is_refused(options: tuple[str, ...], problem: str, cure: str) -> None:
    """Before anything is written; the error names the setting, and PostgreSQL as the other way."""
    with redis_server(*options) as server, Ledger(server.url) as ledger:
        for _ in range(2):
            with pytest.raises(LedgerError) as raised:
                ledger.claim("key")
            assert problem in str(raised.value)
            assert cure in str(raised.value)
            assert str(raised.value).endswith(", or use PostgreSQL")


@pytest.mark.parametrize(
    ("options", "warnings"),
    [
        pytest.param(("--appendfsync", "always"), 0, id="always"),
        pytest.param(("--appendfsync", "everysec"), 1, id="everysec"),
        pytest.param(("--maxmemory", "64mb"), 1, id="full-memory"),
        pytest.param(NO_CONFIG, 0, id="no-config"),
        pytest.param(USER, 0, id="forbidden-config"),
    ],
)
def test_a_server_that_writes_to_its_disk_is_taken(
    options: tuple[str, ...], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One that may lose the last second with the power of its machine is taken too, and a line of the log says so."""
    with redis_server("--appendonly", "yes", *options) as server, Ledger(server.url) as ledger:
        with caplog.at_level(logging.WARNING, logger="resilience"):
            assert ledger.claim("key")
            assert not ledger.claim("key")
        assert [record.getMessage().count("appendfsync is everysec") for record in caplog.records] == [1] * warnings


def test_what_is_noted_outlives_the_server() -> None:
    """A server that is killed has every note when it starts again, the tokens of claims included."""
    with redis_server(appendonly=True) as server, Ledger(server.url, lease=1.0) as ledger:
        store = ledger._backend._store  # type: ignore[attr-defined]  # the server's side of it
        token = store.claim("key", "holder", 100.0)
        server.kill()
        server.start()
        assert store.claim("key", "other", 1.0) is None
        assert store.claim("key", "holder", 1.0) > token
