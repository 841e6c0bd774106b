"""Who makes our spans and measurements, in OpenTelemetry's words: the instrumentation scope."""

from __future__ import annotations

from typing import Final

_DISTRIBUTION: Final = "mqtt-resilience"

SCOPE: Final = "resilience"


def version() -> str | None:
    """Return our version, read from a file; None for a copy of the package without its metadata."""
    from importlib import metadata  # noqa: PLC0415  # longer to import than all of ours

    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
