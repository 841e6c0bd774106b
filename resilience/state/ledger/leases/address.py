"""The address of a server that keeps a ledger, and what may be shown of it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from resilience.core.settings.state import STORE_SCHEMES

POSTGRES: Final = ("postgresql", "postgres")
REDIS: Final = STORE_SCHEMES
SCHEMES: Final = (*POSTGRES, *REDIS)


def scheme_of(text: str) -> str | None:
    """Return the scheme of a text that is an address; None for a path, also one with a drive."""
    scheme, mark, _ = text.partition("://")
    return scheme.lower() if mark and scheme.isascii() and scheme.replace("+", "").isalnum() else None


def without_secrets(url: str) -> str:
    """Return an address without user, password and options; an address that cannot be read shows its scheme alone."""
    scheme = scheme_of(url) or ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{scheme}://..."
    host = parts.netloc.rpartition("@")[2]
    # A password with a mark that has to be written as %2F, %3F or %23 reaches beyond the host.
    if "@" in f"{parts.path}{parts.query}{parts.fragment}" or any(mark in host for mark in "?#"):
        return f"{scheme}://..."
    return f"{scheme}://{host}{parts.path}"
