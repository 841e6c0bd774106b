"""A run without processes, for tests of its parts."""

from __future__ import annotations

import sys
from pathlib import Path

from resilience.runner.run import Run


def a_run(folder: Path, **other: object) -> Run:
    """Return a run that meets in a folder."""
    return Run(
        policy="policy.toml",
        env=None,
        ledger=None,
        journal=None,
        quiet=False,
        title="script.py",
        start=str(folder),
        folder=str(folder),
        home="",
        python=[sys.hexversion, sys.prefix],
        trace=["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"],
        traceparent="",
    )._replace(**other)  # type: ignore[arg-type]  # the tests say what fits
