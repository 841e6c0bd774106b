"""Open the store that a policy names."""

from __future__ import annotations

from pathlib import Path

from resilience.core.settings.state import STORE_SCHEMES
from resilience.state.ledger.leases.address import without_secrets
from resilience.state.store.protocol import StateError, Store


def open_store(where: str) -> Store:
    """
    Return the store at a url or in a file; the first use opens it.

    Raises:
        StateError: No store has such a url, or the package for it is missing.
    """
    scheme, is_url, _ = where.partition("://")
    if not is_url:
        from resilience.state.store.sqlite import SqliteStore  # noqa: PLC0415  # few programs use it

        return SqliteStore(Path(where))
    if scheme not in STORE_SCHEMES:
        raise StateError(without_password(where), "expected a url such as redis://host:6379/0, or the path of a file")
    from resilience.state.store.redis import RedisStore  # noqa: PLC0415  # likewise

    return RedisStore(where, without_password(where))


def without_password(where: str) -> str:
    """Return a url as it may be shown: without user, password, query and fragment."""
    return without_secrets(where) if "://" in where else where
