"""What all tests share: workers, and event loops on which nothing sleeps for real."""

from __future__ import annotations

import os
from typing import Any

import pytest

from resilience.testing import virtual_backend

Backend = tuple[str, dict[str, Any]]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run a part of the tests in this very process: workers would take longer to start than to run it."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


@pytest.fixture(autouse=True)
def no_terminal() -> None:
    """Forget the size of a terminal, which readline writes into the environment of a worker."""
    os.environ.pop("COLUMNS", None)
    os.environ.pop("LINES", None)


@pytest.fixture(params=["asyncio", "trio"])
def virtual_loop(request: pytest.FixtureRequest) -> Backend:
    """
    Both event loops, with a clock that jumps over waits.

    A folder or a file whose tests meet no socket takes it for all of them, with
    a fixture ``anyio_backend`` that returns it. The others run in real time.
    """
    return virtual_backend(request.param)
