"""What all tests share: workers, and event loops on which nothing sleeps for real."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any, Final

import pytest

from resilience.testing import virtual_backend

Backend = tuple[str, dict[str, Any]]


# Folders whose files take longest, because their tests start processes or wait for time-outs of the SDKs.
_LONGEST: Final = ("runner", "fleet", "observability", "examples", "cli", "endtoend", "clients", "core")
_MOST_WORKERS: Final = 8

# By default 700, 10, 10: that costs a fifth of the time of tests that make many values.
_COLLECTIONS: Final = (20_000, 10, 50)


def pytest_configure() -> None:
    """
    Let the hundreds of processes that tests start keep what they compile: it is most of their time otherwise.

    Here, the garbage collector looks less often at objects of which most stay. In all of them, each TLS context and
    each HTTP client reads one certificate, where it would read the hundred that the machine trusts.
    """
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "data" / "certificates.pem")
    os.environ["SSL_CERT_DIR"] = os.devnull
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    gc.set_threshold(*_COLLECTIONS)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """
    Run all tests in four workers for two processors, because many tests wait.

    A part of the tests runs in this very process: workers would take longer to
    start than to run it.
    """
    if not _is_whole(config):
        return 0
    return min(_MOST_WORKERS, _processors() * 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is left alone with one of them at the end."""
    if _is_whole(config):
        rank = {name: place for place, name in enumerate(_LONGEST)}
        items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


def pytest_collection_finish() -> None:
    """Keep the thousands of collected tests out of the garbage collector's way, which some tests start often."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Give everything back: hypothesis, where only its report imports it, asks the collector who holds an object."""
    gc.unfreeze()


def _is_whole(config: pytest.Config) -> bool:
    """Return whether all tests run; workers ask as well, whose arguments are those of the run."""
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS or hasattr(config, "workerinput")


def _processors() -> int:
    """Return how many processors this process may use, also where a container has a part of the machine's."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # no such limit
        return count


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
