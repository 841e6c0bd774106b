"""
A fleet on a Dask cluster that has a bad day: workers are killed and one is frozen, then the scheduler is killed too.

The service has a bad day of its own, and counts. The command is typed twice: the second time with a new cluster, while
what is left of the first one may still be making things::

    python tests/endtoend/dask_fleet.py [--rows 10000] [--workers 4] [--kill-every 2] [--rate 500/s]
        [--ledger postgresql|sqlite] [--lease 6] [--threads 1]

One worker is frozen for twice the lease, and woken. The ledger is a real PostgreSQL server, from the machine or from
Debian's packages, or a file, whose claims last as long as the frozen worker. The exit code is 0 if each thing exists
once, no second had more requests than the limit and one, the first run ended with its scheduler, the second run's
report has all rows, and both runs are one trace.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "fleet")]

from counting_service import counting_service  # noqa: E402  # the path is set above
from dask_cluster import DaskCluster, dask_cluster  # noqa: E402  # likewise
from otlp_receiver import receiving  # noqa: E402  # likewise
from servers.postgres import postgres_server  # noqa: E402  # likewise

POLICY: Final = """\
schema = 1
name = "things"
extends = ["builtin:common"]
[limits]
deadline = "3m"
attempt_timeout = "10s"
max_attempts = 10
settle = "5ms"
[backoff.default]
kind = "constant"
base = "20ms"
[rules.acme]
"Busy" = { do = "retry", effect = "none" }
[rules.transport]
"lost" = "verify"
[operations.acme]
CreateThing = { repeat = "duplicate", key = ["Name"] }
[rate.acme]
concurrency = 64
[rate.acme.operations]
CreateThing = "RATE"
[ledger]
"""


def ask(port: int, request: str) -> Any:
    """Ask the service for its counts."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rw") as file:
        file.write(f"{request}\n")
        file.flush()
        return json.loads(file.readline())


@contextmanager
def troubled(cluster: DaskCluster, every: float, freeze: float) -> Iterator[None]:
    """Kill a worker every so many seconds, and freeze one for a time."""
    chance = random.Random(1)  # noqa: S311  # a sequence, no secret
    is_over = threading.Event()
    frozen: list[int] = []

    def send(process: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    def kill() -> None:
        while not is_over.wait(every):
            alive = [each for each in cluster.workers() if each not in frozen]
            if alive:
                send(chance.choice(alive), signal.SIGKILL)

    def stop() -> None:
        if freeze and not is_over.wait(every / 2) and (alive := cluster.workers()):
            frozen.append(alive[0])
            send(alive[0], signal.SIGSTOP)
            is_over.wait(freeze)
            send(alive[0], signal.SIGCONT)
            frozen.clear()

    threads = [threading.Thread(target=each) for each in ((kill,) if every else ()) + (stop,)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        is_over.set()
        for each in threads:
            each.join()


def typed(folder: Path, environment: dict[str, str], cluster: DaskCluster) -> subprocess.Popen[str]:
    """Type the command."""
    words = ["fleet", "dask_things:create", "things.csv", "--policy", "things.toml", "--dask", cluster.address]
    return subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "resilience", *words], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def until(is_so: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    """Wait until something is so, or the command has ended."""
    while running.poll() is None and not is_so():
        time.sleep(0.1)


def run(folder: Path, wanted: argparse.Namespace, ledger: str | None) -> int:
    """Run the fleet twice; return the exit code."""
    names = [f"thing-{number:06}" for number in range(wanted.rows)]
    (folder / "things.csv").write_text("\n".join(["name", *names]), encoding="utf-8")
    text = POLICY.replace("RATE", wanted.rate)
    text += 'path = "ledger.db"\n' if ledger is None else f'url = "${{LEDGER_URL}}"\nlease = "{wanted.lease:g}s"\n'
    (folder / "things.toml").write_text(text, encoding="utf-8")
    with counting_service(1) as port, receiving() as receiver:
        environment = {
            **os.environ,
            "LEDGER_URL": ledger or "",
            "THINGS_PORT": str(port),
            "PYTHONPATH": str(HERE),
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_METRICS_EXPORTER": "none",
        }
        began = time.monotonic()
        with dask_cluster(folder, environment, workers=wanted.workers, threads=wanted.threads) as cluster:
            first = typed(folder, environment, cluster)
            with troubled(cluster, wanted.kill_every, 2 * wanted.lease):
                until(lambda: ask(port, "count")["made"] > wanted.rows * 0.6, first)
                cluster.scheduler.kill()
                _, told = first.communicate(timeout=120)
                is_headless = "the scheduler of the Dask cluster is gone" in told
            say(f"first run: exit code {first.returncode}\n{told}")
            with dask_cluster(folder, environment, workers=wanted.workers, threads=wanted.threads) as other:
                second = typed(folder, environment, other)
                with troubled(other, wanted.kill_every, 0):
                    _, told = second.communicate(timeout=600)
            say(f"second run: exit code {second.returncode}\n{told}")
        counted = ask(port, "count")
        traces = {span.trace_id for span in receiver.spans}
        runs = receiver.named("fleet CreateThing")
        twice = [span for span in receiver.named("chunk CreateThing") if span.links]
    say(f"the service counted {counted} in {time.monotonic() - began:.1f} s")
    say(f"{len(traces)} traces of {len(runs)} runs, {len(receiver.spans):,} spans, {len(twice)} chunks that came again")
    limit = int(wanted.rate.partition("/")[0])
    is_good = (
        (counted["made"], counted["twice"]) == (wanted.rows, 0)
        and counted["peak"] <= limit + 1
        and is_headless
        and second.returncode == 0
        and re.search(rf"{wanted.rows:,} rows of CreateThing: {wanted.rows:,} done", told) is not None
        and len(traces) == 1
    )
    say("each exists once" if is_good else "NOT as promised")
    return 0 if is_good else 1


def say(words: str) -> None:
    """Print a line of the report."""
    print(words, flush=True)  # noqa: T201  # a report


def main() -> int:
    """Run it with a ledger that all workers share."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=2.0)
    parser.add_argument("--rate", default="500/s")
    parser.add_argument("--ledger", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--lease", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dask-fleet-") as name:
        if wanted.ledger == "sqlite":
            return run(Path(name), wanted, None)
        with postgres_server() as server:
            return run(Path(name), wanted, server.url())


if __name__ == "__main__":
    sys.exit(main())
