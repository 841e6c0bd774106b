"""
Commands of ours, each in a process of its own that has imported what commands need.

Importing takes most of the time of a short command. A process that has imported everything forks for each command, and
the child goes on as ``python -m resilience`` does: with the standard streams, the folder, the environment, the path of
modules and the handlers of signals that such a process would have, and the same end. ``resilience run`` replaces its
process by a new Python, so only the part before that is saved.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_SERVE: Final = "from prepared_commands import serve; serve(); from resilience.cli import main; main()"
_MODULES: Final = (
    "resilience.cli.app",
    "resilience.cli.run",
    "resilience.cli.fleet.command",
    "resilience.cli.fleet.running",
    "resilience.cli.fleet.plan",
    "resilience.cli.fleet.planning",
    "resilience.cli.report.command",
    "anyio._backends._asyncio",
    # What a fleet's function imports, in tests/fleet/programs.
    "alibabacloud_onsmqtt20200420.client",
)
_LENGTH: Final = 4


class PreparedCommand(subprocess.Popen[str]):
    """A process of ``resilience``, started with the arguments of Popen but for the interpreter."""

    def _execute_child(self, *given: Any) -> None:
        # The order of the arguments is that of CPython 3.11 to 3.14.
        words, folder, environment, new_session = given[0], given[5], given[6], given[21]
        pipes = given[10:16]
        ask, self._status = os.pipe(), -1
        request = json.dumps([list(words), str(folder), dict(environment), int(new_session)]).encode()
        streams = [pipes[0], pipes[3], pipes[5], ask[1]]
        channel = _channel()
        socket.send_fds(channel, [len(request).to_bytes(_LENGTH, "big")], streams)
        channel.sendall(request)
        os.close(ask[1])
        self._status = ask[0]
        self.pid = int(self._line())
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # of CPython's Popen, as all of this

    def _line(self) -> bytes:
        read = b""
        while not read.endswith(b"\n"):
            more = os.read(self._status, 1)
            assert more, "the process that prepares commands is gone"
            read += more
        return read

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        return self._ended(0.0)

    def _wait(self, timeout: float | None) -> int:
        ended = self._ended(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return ended

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._line())
            os.close(self._status)
        return self.returncode


def run(
    words: Iterable[str], folder: Path, environment: dict[str, str], *, text: str = "", seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = list(words)
    with PreparedCommand(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as running:
        try:
            out, errors = running.communicate(text, timeout=seconds)
        except BaseException:
            running.kill()
            raise
    return subprocess.CompletedProcess(command, running.returncode, out, errors)


@cache
def _channel() -> socket.socket:
    """Start the process that forks, once; it ends when this process does."""
    ours, theirs = socket.socketpair()
    preparing = subprocess.Popen(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", _SERVE, str(theirs.fileno())],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        preparing.wait()

    atexit.register(end)
    return ours


def serve() -> None:
    """Fork for each request, and return in the child; tell the number of the child, and how it ended."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for name in _MODULES:
        import_module(name)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)  # the signature of os
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    sources = [channel.fileno(), woken]
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select(sources, [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(running)
        if channel.fileno() in ready:
            request, streams = _request(channel)
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                for descriptor in (channel.detach(), woken, wake, *running.values()):
                    os.close(descriptor)
                _become(streams, *request)
                return
            for stream in streams[:3]:
                os.close(stream)
            running[child] = streams[3]
            _tell(streams[3], child)


def _request(channel: socket.socket) -> tuple[Any, list[int]]:
    """Return the next request and its descriptors; end this process where no request can follow."""
    length, streams, _, _ = socket.recv_fds(channel, _LENGTH, 4)
    if not length:
        os._exit(0)
    text = b""
    while len(text) < int.from_bytes(length, "big"):
        text += channel.recv(65536)
    return json.loads(text), streams


def _reap(running: dict[int, int]) -> None:
    for child in list(running):
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            where = running.pop(child)
            _tell(where, os.waitstatus_to_exitcode(status))
            os.close(where)


def _tell(where: int, number: int) -> None:
    with suppress(BrokenPipeError):  # its test has ended
        os.write(where, f"{number}\n".encode())


def _become(streams: list[int], words: list[str], folder: str, environment: dict[str, str], leads: int) -> None:
    """Make this process what a new one would be."""
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    if leads:
        os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    ours = {"", str(Path(__file__).parent)}
    theirs = [each for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [folder, *theirs, *(each for each in sys.path if each not in ours)]
    sys.argv = [str(Path(sys.modules["resilience"].__file__ or "").with_name("__main__.py")), *words]
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding="utf-8", closefd=False)  # noqa: SIM115  # a descriptor, to the end
        for number, mode, buffering in ((0, "r", -1), (1, "w", -1), (2, "w", 1))
    )
