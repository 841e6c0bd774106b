"""Open the store that a policy names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from resilience.state.store.protocol import StateError, Store


def open_store(where: str) -> Store:
    """
    Return the store in a file; the first use opens it.

    Raises:
        StateError: It is no path.
    """
    if "://" not in where:
        from resilience.state.store.sqlite import SqliteStore  # noqa: PLC0415  # few programs use it

        return SqliteStore(Path(where))
    raise StateError(without_password(where), "expected the path of a file")


def without_password(where: str) -> str:
    """Return a url as it may be shown: without user, password, query and fragment."""
    if "://" not in where:
        return where
    parts = urlsplit(where)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
