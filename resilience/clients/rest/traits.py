"""What the HTTP libraries are called: names alone, which cost next to nothing to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIBRARIES: Final = ("requests", "httpx")

PACKAGES: Final = ("requests.", "httpx.")
"""Their top-level packages; the dot says that this is the whole name."""

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests.sessions": ("Session",),
    "httpx._client": ("Client", "AsyncClient"),
}
"""Modules, and the classes in them that are clients (requests 2.34 and httpx 0.28, read 2026-11-21)."""

BELOW: Final[Mapping[str, str]] = {
    "httpx._transports": "a transport of httpx",
    "requests.adapters": "an adapter of requests",
}
"""Modules below the clients, by which a script may send past them, and how messages call these ways."""

LOGGERS: Final = ("urllib3.connectionpool", "urllib3.util.retry", "httpx", "httpcore.connection", "httpcore.http11")
"""Where the libraries, and what is below them, log each request at DEBUG."""
