"""Names of the HTTP libraries, their modules and loggers; this module is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIBRARIES: Final = ("requests", "httpx")

PACKAGES: Final = ("requests.", "httpx.")
"""The names of their top-level packages, each with a dot, which marks a whole name."""

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests.sessions": ("Session",),
    "httpx._client": ("Client", "AsyncClient"),
}
"""The modules that have client classes, each with their names (requests 2.34 and httpx 0.28, read 2026-11-21)."""

BELOW: Final[Mapping[str, str]] = {
    "httpx._transports": "a transport of httpx",
    "requests.adapters": "an adapter of requests",
}
"""The modules with which a script may send without a client, and their names in messages."""

LOGGERS: Final = ("urllib3.connectionpool", "urllib3.util.retry", "httpx", "httpcore.connection", "httpcore.http11")
"""The loggers to which these libraries, and the libraries that they use, write each request at level DEBUG."""
