"""
Runs a fleet with its ledger on a server, kills and stops its processes, restarts the server, and counts what was made.

::

    python tests/fleet/lease_kills.py --server postgres|pgbouncer|redis [--rows 400] [--seed 1] [--store]
        [--delay SECONDS] [--every 2.5]

Every two and a half seconds, or what --every says, one of three processes is killed; one is stopped for more than twice
its lease; the server is killed once and started again. The command is typed again until all rows are done. With --store
a Redis shares the limits, and is killed and started again too. With --delay each answer of the servers comes so much
later.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from attrs import define, field

sys.path.append(str(Path(__file__).parents[1]))
from fleet_runs import Place, placed
from servers.pgbouncer import pgbouncer
from servers.postgres import PostgresServer, postgres_server
from servers.redis import RedisServer, redis_server
from servers.slow_link import slow_link

LEDGER: Final = '[ledger]\nurl = "$LEDGER_URL"\nlease = "4s"\n'
STORE: Final = '[state]\nstore = "$STORE_URL"\n'
STOPPED: Final = 8.5
MOST_RUNS: Final = 10


@define
class Chaos:
    """What is done to the processes of a fleet, and how often it was done."""

    place: Place
    servers: Sequence[PostgresServer | RedisServer]
    rows: int
    chance: random.Random
    every: float
    done: Counter[str] = field(factory=Counter)
    _stopped: tuple[int, float] | None = field(default=None, init=False)
    _last: float = field(factory=time.monotonic, init=False)

    def go_on(self, fleet: int) -> None:
        """Do what is due to the processes of a fleet."""
        made = len(self.place.groups())
        if self._stopped is not None and time.monotonic() - self._stopped[1] > STOPPED:
            _signal(self._stopped[0], signal.SIGCONT)
            self._stopped = None
        if not self.done["restart of the server"] and made > self.rows // 2:
            self.done["restart of the server"] += len(self.servers)
            for server in self.servers:
                server.kill()
            time.sleep(0.7)
            for server in self.servers:
                server.start()
        others = [each for each in _workers(fleet) if self._stopped is None or each != self._stopped[0]]
        if not others or time.monotonic() - self._last < self.every or made > self.rows * 4 // 5:
            return
        self._last, worker = time.monotonic(), self.chance.choice(others)
        if not self.done["stopped"] and made > self.rows // 5:
            self.done["stopped"] += 1
            self._stopped = worker, time.monotonic()
            _signal(worker, signal.SIGSTOP)
        else:
            self.done["killed"] += 1
            _signal(worker, signal.SIGKILL)

    def follow(self, running: subprocess.Popen[str]) -> str:
        """Watch one run to its end; return what it said."""
        said: list[str] = []
        reading = threading.Thread(target=lambda: said.append(running.communicate()[1]))
        reading.start()
        while running.poll() is None:
            time.sleep(0.1)
            self.go_on(running.pid)
        reading.join()
        return "\n  ".join(each for each in said[0].strip().splitlines() if " to go" not in each)


def _workers(process: int) -> list[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
        return [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]
    except OSError:
        return []  # it has just ended


def _signal(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return  # it has ended


def main() -> None:
    """Run the fleet to its end, and say what was made."""
    parser = argparse.ArgumentParser(description="kill the processes of a fleet whose ledger is on a server")
    parser.add_argument("--server", choices=["postgres", "pgbouncer", "redis"], required=True)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--every", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)  # noqa: S311  # a sequence, no secret
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        place = stack.enter_context(placed(Path(folder)))
        servers: list[PostgresServer | RedisServer] = []

        def opened(kind: str) -> str:
            """Start a server; return its address, on a slow way if that was asked for."""
            server: PostgresServer | RedisServer
            server = (
                stack.enter_context(redis_server(appendonly=True))
                if kind == "redis"
                else stack.enter_context(postgres_server())
            )
            servers.append(server)
            if kind == "pgbouncer" and isinstance(server, PostgresServer):
                server = stack.enter_context(pgbouncer(server))
            url = server.url() if isinstance(server, PostgresServer) else server.url
            port = stack.enter_context(slow_link(server.port, wanted.delay)) if wanted.delay else server.port
            return url.replace(str(server.port), str(port))

        os.environ["LEDGER_URL"] = opened(wanted.server)
        more = LEDGER
        if wanted.store:
            os.environ["STORE_URL"] = opened("redis")
            more += STORE
        names = place.rows(wanted.rows)
        place.policy(rate="60/s", ledger=False, more=more)
        chaos = Chaos(place, servers, wanted.rows, chance, wanted.every)
        words = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml", "--processes", "3")
        for number in range(1, MOST_RUNS + 1):
            with place.started(*words) as running:
                said = chaos.follow(running)
            print(f"run {number}: {said}")  # noqa: T201  # a report
            if running.returncode == 0:
                break
        made = Counter(
            call.arguments["GroupId"]
            for call in place.sandbox.calls
            if call.operation == "CreateGroupId" and call.applied
        )
    twice = [name for name, times in made.items() if times > 1]
    print(", ".join(f"{times} {what}" for what, times in chaos.done.items()))  # noqa: T201  # a report
    print(f"{len(made)} of {wanted.rows} made, {len(twice)} twice")  # noqa: T201  # a report
    sys.exit(bool(twice) or set(made) != set(names))


if __name__ == "__main__":
    main()
