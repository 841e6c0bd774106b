"""
Ways out of a process that lead past Python's exit functions.

A worker of ``multiprocessing.Pool`` is ended with SIGTERM as soon as its work is done,
and a process that was forked by hand ends with ``os._exit``. Neither waits for what
was to be done at the end, so it is done on the way out.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, Final

from resilience.takeover.termination import is_default

# Seconds. A collector that is there answers within milliseconds; who leaves like this does not want to wait.
PATIENCE: Final = 3.0

_last: list[tuple[int, Callable[[], object]]] = []
"""What is to be done last, and by which process; at most one."""


def before_exit(work: Callable[[], object]) -> None:
    """Do this work when the process leaves by ``os._exit``; another work, or a forked process, takes its place."""
    if not _last:
        os._exit = _leaving(os._exit)
    _last[:] = [(os.getpid(), work)]


def before_termination(work: Callable[[], object]) -> None:
    """Do this work when SIGTERM ends the process; not where the script decides what that does, or in another thread."""
    if threading.current_thread() is not threading.main_thread() or not is_default(signal.getsignal(signal.SIGTERM)):
        return
    process = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() == process:
            in_time(work)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)


def in_time(work: Callable[[], object], patience: float = PATIENCE) -> bool:
    """
    Do a work in another thread, and wait for it for a few seconds.

    A signal may come while it is done; were that in this very thread, a second try would wait for the first.

    Returns:
        Whether it took longer than that.
    """
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            work()
        finally:
            done.release()

    try:
        # Not threading.Thread: a signal may have stopped this thread in the middle of starting one.
        _thread.start_new_thread(run, ())
    except RuntimeError:
        run()  # Python is ending, and starts no thread any more
    return not done.acquire(timeout=patience)


def _leaving(leave: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(leave)
    def leaving(*args: Any, **kwargs: Any) -> Any:
        process, work = _last[0]
        if os.getpid() == process:
            in_time(work)
        return leave(*args, **kwargs)

    return leaving
