"""A Dask cluster as users have it: a scheduler and workers, each in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen
from distributed import Client

_CONFIGURED: Final = {
    # Dask waits ten heartbeats longer, which are five seconds.
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "2s",
    # What is sent can be read in the bytes.
    "DASK_DISTRIBUTED__COMM__COMPRESSION": "None",
    "DASK_DISTRIBUTED__WORKER__DAEMON": "True",
}


@frozen
class DaskCluster:
    """A running cluster."""

    address: str
    folder: Path
    scheduler: subprocess.Popen[bytes]
    nannies: subprocess.Popen[bytes]

    def client(self, address: str | None = None) -> Client:
        """Return a client, of another address if there is one in between."""
        return Client(address or self.address, set_as_default=False, timeout=20)

    def workers(self) -> list[int]:
        """Return the processes of the workers, as they are now."""
        found = []
        with suppress(OSError):
            for task in Path(f"/proc/{self.nannies.pid}/task").iterdir():
                found += [int(each) for each in (task / "children").read_text(encoding="ascii").split()]
        return [each for each in found if b"spawn_main" in _command_of(each)]

    @property
    def logs(self) -> str:
        """What scheduler and workers have said."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("dask-*.log")))


def _command_of(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def dask_cluster(
    folder: Path, environment: Mapping[str, str], *, workers: int = 2, threads: int = 1, deaths: int = 3
) -> Iterator[DaskCluster]:
    """
    Start a scheduler and workers in a folder, and wait until they are there; none is left afterwards.

    Dask tells a chunk as lost after one more death of its workers than ``deaths``, which is 3 unless a cluster says
    something else.
    """
    address = f"tcp://127.0.0.1:{_free_port()}"
    env = {**environment, **_CONFIGURED, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(deaths)}
    port = address.rpartition(":")[2]
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *words: str) -> subprocess.Popen[bytes]:
        with (folder / f"dask-{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "dask", name, *words, "--no-dashboard"]
            running = subprocess.Popen(  # noqa: S603  # a program of the environment
                command, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
        started.append(running)
        return running

    try:
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", port)
        nannies = start(
            "worker", address, "--nworkers", str(workers), "--nthreads", str(threads), "--local-directory", str(folder)
        )
        cluster = DaskCluster(address, folder, scheduler, nannies)
        with cluster.client() as client:
            client.wait_for_workers(workers, timeout=60)
        yield cluster
    finally:
        for each in reversed(started):
            with suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
            each.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def tapped(address: str) -> Iterator[tuple[str, bytearray]]:
    """Give another address of a scheduler, and the bytes that pass through it in both directions."""
    seen = bytearray()
    host, _, port = address.removeprefix("tcp://").partition(":")
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        threads: list[threading.Thread] = []

        def run(target: Callable[..., None], *args: socket.socket) -> None:
            threads.append(threading.Thread(target=target, args=args))
            threads[-1].start()

        def copy(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while piece := source.recv(65536):
                    seen.extend(piece)
                    target.sendall(piece)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near = stack.enter_context(server.accept()[0])
                    far = stack.enter_context(socket.create_connection((host, int(port))))
                    run(copy, near, far)
                    run(copy, far, near)

        run(serve)
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}", seen
        server.shutdown(socket.SHUT_RDWR)
        for each in threads:
            each.join()
