"""
How many calls of a fleet one ledger carries in a second: calls that take no time and have no other limit.

To see it::

    python tests/benchmarks/fleet_ledger.py [--ledger postgresql|redis|sqlite] [--rows 10000] [--processes 4]
        [--folder DIRECTORY]

The processes, the server and the disk are of this machine; the time that the processes take to start is left out.
PostgreSQL and Redis are installed, or from Debian's packages, and Redis writes each change to its disk; a file is in
``--folder``, whose disk is what is measured most.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parent))

from servers.postgres import postgres_server
from servers.redis import redis_server

from resilience import Executor, Policy
from resilience.fleet import provision

POLICY: Final = """\
schema = 1
name = "benchmark"
[limits]
deadline = "5m"
[operations.acme]
CreateThing = { repeat = "duplicate", key = ["Name"] }
[rate.acme]
concurrency = 64
[ledger]
"""

executor = Executor(Policy.loads(POLICY), provider="acme")


@executor.wrap("CreateThing", key={"Name": "name"}, accepted=lambda name: name)
async def create(name: str) -> str:
    """Make nothing."""
    return name


@contextmanager
def ledger_at(kind: str, folder: Path | None) -> Iterator[str]:
    """Give the line of a policy that names a ledger."""
    if kind == "postgresql":
        with postgres_server() as server:
            os.environ["LEDGER_URL"] = server.url()
            yield 'url = "${LEDGER_URL}"'
        return
    if kind == "redis":
        with redis_server("--appendfsync", "always", appendonly=True) as server:
            os.environ["LEDGER_URL"] = server.url
            yield 'url = "${LEDGER_URL}"'
        return
    with tempfile.TemporaryDirectory(dir=folder) as name:
        yield f'path = "{name}/ledger.db"'


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--ledger", choices=["postgresql", "redis", "sqlite"], default="postgresql")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    wanted = parser.parse_args()
    _say(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    rows = [{"name": f"thing-{number}"} for number in range(wanted.rows)]
    with ledger_at(wanted.ledger, wanted.folder) as line:
        policy = Policy.loads(POLICY + line)
        function = "fleet_ledger:create"
        others = [{"name": f"other-{number}"} for number in range(4 * wanted.processes)]
        start = provision(function, others, policy=policy, on=wanted.processes).seconds
        report = provision(function, rows, policy=policy, on=wanted.processes)
        _say(f"{wanted.ledger}, {wanted.processes} processes: {report.done / (report.seconds - start):,.0f} calls/s")


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  # a report


if __name__ == "__main__":
    main()
