"""Fixtures for all tests: event loops on which nothing sleeps for real."""

from __future__ import annotations

from typing import Any

import pytest

from resilience.testing import virtual_backend

Backend = tuple[str, dict[str, Any]]


@pytest.fixture(params=["asyncio", "trio"])
def virtual_loop(request: pytest.FixtureRequest) -> Backend:
    """
    Both event loops, with a clock that jumps over waits.

    A folder or a file whose tests meet no socket takes it for all of them, with
    a fixture ``anyio_backend`` that returns it. The others run in real time.
    """
    return virtual_backend(request.param)
