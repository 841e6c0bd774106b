"""A Redis server; it is installed, or fetched from Debian's packages."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import debian
from attrs import define, field

from servers.processes import free_port, until


@define
class RedisServer:
    """
    One server on loopback.

    Attributes:
        port: Its port.
        folder: Where it keeps its files, over restarts.
        options: Its command line, such as ``--appendonly yes``.
    """

    port: int
    folder: Path
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs."""
        assert self._process is not None, "it does not run"
        return self._process

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {**os.environ, **debian.redis()}
        program = shutil.which("redis-server", path=environment["PATH"])
        assert program is not None
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [
                *(program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--loglevel", "warning", *self.options),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, self._process)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
                # One that asks for a password is there too; one that still reads its files is not.
                return answer != b"" and not answer.startswith(b"-LOADING")
        except OSError:
            return False

    def kill(self) -> None:
        """End it at once, as a loss of power does; what it has not written is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(*options: str, appendonly: bool = False, port: int | None = None) -> Iterator[RedisServer]:
    """
    Run a server, in a folder that is removed with it.

    Args:
        options: More of its command line.
        appendonly: Whether it keeps what it is told over a ``kill`` and a ``start``, written at each command.
        port: Its port; by default a free one.
    """
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        kept = ("--appendonly", "yes", "--appendfsync", "always") if appendonly else ()
        server = RedisServer(port or free_port(), Path(folder), (*kept, *options))
        server.start()
        try:
            yield server
        finally:
            server.kill()
