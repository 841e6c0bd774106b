"""What the HTTP libraries are called: names alone, which cost next to nothing to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests.sessions": ("Session",),
    "httpx._client": ("Client", "AsyncClient"),
}
"""Modules, and the classes in them that are clients (requests 2.34 and httpx 0.28, read 2026-11-21)."""
