"""The instrumentation scope of our spans and measurements: name and version."""

from __future__ import annotations

from typing import Final

_DISTRIBUTION: Final = "mqtt-resilience"

SCOPE: Final = "resilience"


def version() -> str | None:
    """Return our version, read from a file; None for a copy of the package without its metadata."""
    from importlib import metadata  # noqa: PLC0415  # slower to import than this whole package

    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
