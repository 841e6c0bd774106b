"""What the servers of tests have in common."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

_PATIENCE: Final = 30.0


def free_port() -> int:
    """Return a port of loopback that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Tell whether a port of loopback takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def as_other_user() -> dict[str, Any]:
    """Return the words that start a process as a plain user, for servers that refuse to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}


def until(is_so: Callable[[], bool], process: subprocess.Popen[bytes], patience: float = _PATIENCE) -> None:
    """Wait until a server that has been started answers, at most ``patience`` seconds."""
    end = time.monotonic() + patience
    while not is_so():
        assert process.poll() is None, f"{process.args!r} has ended: {process.returncode}"
        assert time.monotonic() < end, f"{process.args!r} does not answer"
        time.sleep(0.01)
