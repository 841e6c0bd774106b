"""Addresses of ledgers: which they are, and what is shown of them."""

from __future__ import annotations

import sys

import pytest

from resilience import Ledger, LedgerError
from resilience.state.ledger.leases.address import scheme_of, without_secrets

SECRETS = ("hunter2", "us3r")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://us3r:hunter2@db.example:5432/place", "postgresql://db.example:5432/place"),
        ("postgresql://us3r:hunter2@one:1,two:2/place", "postgresql://one:1,two:2/place"),
        ("postgresql://us3r:hunter2@[::1]:5432/place", "postgresql://[::1]:5432/place"),
        ("postgresql://us3r:p@hunter2@db/place", "postgresql://db/place"),
        ("postgresql:///place?host=/run&password=hunter2", "postgresql:///place"),
        ("postgresql:///place?password=us3r@hunter2", "postgresql://..."),
        ("postgresql://us3r:hunter2/x@db/place", "postgresql://..."),
        ("postgresql://us3r:hunter2?x@db/place", "postgresql://..."),
        ("postgresql://us3r:hunter2#x@db/place", "postgresql://..."),
        ("postgresql://us3r:hunter2[@db/place", "postgresql://..."),
        ("redis://:hunter2@cache:6379/0", "redis://cache:6379/0"),
        ("rediss://hunter2@cache", "rediss://cache"),
    ],
)
def test_an_address_shows_no_secret(url: str, shown: str) -> None:
    """What is not sure to be host and database is left out."""
    assert without_secrets(url) == shown
    assert not any(secret in shown for secret in SECRETS)


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("postgresql://host/db", "postgresql"),
        ("REDIS://host", "redis"),
        ("ledger.db", None),
        ("/var/a://b", None),
        ("C:\\ledger.db", None),
        ("a b://c", None),
    ],
)
def test_an_address_is_told_from_a_path(text: str, scheme: str | None) -> None:
    """By its scheme."""
    assert scheme_of(text) == scheme


def test_an_address_of_no_known_server_is_refused() -> None:
    """With what may be written, and without what was written of a secret."""
    with pytest.raises(
        ValueError, match=r"ledger mysql://host/db: expected a path, or an address that begins"
    ) as raised:
        Ledger("mysql://us3r:hunter2@host/db")
    assert not any(secret in str(raised.value) for secret in SECRETS)


@pytest.mark.parametrize("lease", ["", "30", "999ms", 0.5, float("nan"), "soon"])
def test_a_lease_is_a_duration_of_a_second_or_more(lease: float | str) -> None:
    """Anything else is an error where the ledger is made."""
    with pytest.raises(ValueError, match=r'lease: expected a duration of 1 s or more, such as "30s", got'):
        Ledger("postgresql://host/db", lease=lease)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, before anything is sent."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "resilience.state.ledger.leases.postgres", raising=False)
    with pytest.raises(LedgerError, match=r"it needs psycopg, .* pip install 'mqtt-resilience\[postgres\]'"):
        Ledger("postgresql://host/db")


def test_an_address_that_cannot_be_read_is_an_error_without_its_text() -> None:
    """The library for the server quotes the address in its own errors, with the password."""
    ledger = Ledger("postgresql://us3r:hunter2@host/db?nonsense=hunter2")
    with pytest.raises(LedgerError, match="the url cannot be read") as raised:
        ledger.get("key")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert not any(secret in f"{raised.value} {raised.value!r}" for secret in SECRETS)
