"""A PostgreSQL server; it is installed, or fetched from Debian's packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import debian
from attrs import define, field

from servers.processes import as_other_user, free_port, until


@define
class PostgresServer:
    """
    One server on loopback, which asks for no password.

    Attributes:
        port: Its port.
        folder: Where it keeps its files, over restarts.
    """

    port: int
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database for clients."""
        return f"postgresql://ledger:hunter2@127.0.0.1:{self.port}/{database}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs."""
        assert self._process is not None, "it does not run"
        return self._process

    def make(self) -> None:
        """Make its files."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "ledger", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [
                *(self._program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)),
                *("-h", "127.0.0.1", "-k", str(self.folder), "-c", "shared_buffers=16MB", "-c", "max_connections=200"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **debian.postgres()},
            cwd=self.folder,
            **as_other_user(),
        )
        until(self._answers, self._process)

    def _answers(self) -> bool:
        return self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False) == 0

    def database(self, name: str) -> str:
        """Make a database; return its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ledger", name)
        return self.url(name)

    def kill(self) -> None:
        """End it and its processes at once, as a loss of power does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it answer nothing."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to it, and to the processes that serve its clients: each is in a group of its own."""
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        for each in (first, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=debian.postgres()["PATH"])
        assert found is not None
        return found

    def _run(self, name: str, *arguments: str, check: bool = True) -> int:
        run = subprocess.run(  # noqa: S603  # our own command
            [self._program(name), *arguments],
            env={**os.environ, **debian.postgres()},
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
            **as_other_user(),
        )
        assert run.returncode == 0 or not check, run.stderr
        return run.returncode


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server, in a folder that is removed with it."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(free_port(), Path(folder))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.kill()
