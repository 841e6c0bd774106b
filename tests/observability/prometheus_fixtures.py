"""Fixture: a real Prometheus and its promtool, installed or from Debian."""

from __future__ import annotations

import shutil
from pathlib import Path

import debian
import pytest
from prometheus_tools import Tools


@pytest.fixture(scope="session")
def prometheus() -> Tools:
    """Find the programs, which are fetched once where they are not installed."""
    path = debian.prometheus()["PATH"]
    return Tools(*(Path(str(shutil.which(name, path=path))) for name in ("prometheus", "promtool")))
