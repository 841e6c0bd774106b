"""What the servers of tests have in common."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from typing import Final

_PATIENCE: Final = 30.0


def free_port() -> int:
    """Return a port of loopback that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until a server that has been started answers."""
    end = time.monotonic() + _PATIENCE
    while not is_so():
        assert process.poll() is None, f"{process.args!r} has ended: {process.returncode}"
        assert time.monotonic() < end, f"{process.args!r} does not answer"
        time.sleep(0.01)
