"""
Runs a fleet with its ledger on a server, kills and stops its processes, restarts the server, and counts what was made.

::

    python tests/fleet/lease_kills.py --server postgres [--rows 400] [--seed 1]

Every two and a half seconds one of three processes is killed; one is stopped for more than twice its lease; the server
is killed once and started again. The command is typed again until all rows are done.
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
from pathlib import Path
from typing import Final

from attrs import define, field

sys.path.append(str(Path(__file__).parents[1]))
from fleet_runs import Place, placed
from servers.postgres import PostgresServer, postgres_server
from servers.redis import RedisServer, redis_server

LEDGER: Final = '[ledger]\nurl = "$LEDGER_URL"\nlease = "4s"\n'
BETWEEN: Final = 2.5
STOPPED: Final = 8.5
MOST_RUNS: Final = 10


@define
class Chaos:
    """What is done to the processes of a fleet, and how often it was done."""

    place: Place
    server: PostgresServer | RedisServer
    rows: int
    chance: random.Random
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
            self.done["restart of the server"] += 1
            self.server.kill()
            time.sleep(0.7)
            self.server.start()
        others = [each for each in _workers(fleet) if self._stopped is None or each != self._stopped[0]]
        if not others or time.monotonic() - self._last < BETWEEN or made > self.rows * 4 // 5:
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
        """Watch one run to its end; return what it said last."""
        said: list[str] = []
        reading = threading.Thread(target=lambda: said.append(running.communicate()[1]))
        reading.start()
        while running.poll() is None:
            time.sleep(0.1)
            self.go_on(running.pid)
        reading.join()
        return said[0].strip().splitlines()[-1]


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
    parser.add_argument("--server", choices=["postgres", "redis"], required=True)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)  # noqa: S311  # a sequence, no secret
    opened = postgres_server() if wanted.server == "postgres" else redis_server(appendonly=True)
    with opened as server, tempfile.TemporaryDirectory() as folder, placed(Path(folder)) as place:
        os.environ["LEDGER_URL"] = server.url() if isinstance(server, PostgresServer) else server.url
        names = place.rows(wanted.rows)
        place.policy(rate="60/s", ledger=False, more=LEDGER)
        chaos = Chaos(place, server, wanted.rows, chance)
        words = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml", "--processes", "3")
        for number in range(1, MOST_RUNS + 1):
            with place.started(*words) as running:
                last = chaos.follow(running)
            print(f"run {number}: {last}")  # noqa: T201  # a report
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
