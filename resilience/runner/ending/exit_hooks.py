"""
Do work before a process ends without Python's exit functions.

``multiprocessing.Pool`` ends its workers with SIGTERM when their work is done, and a process
that was forked by hand ends with ``os._exit``. Neither calls the functions of ``atexit``.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, Final

from resilience.runner.ending.termination import OwnHandler, handle_termination, is_default

# Seconds. A collector that runs answers within milliseconds, and a process that ends like this should end soon.
PATIENCE: Final = 3.0

# Seconds until a signal counts as not handled.
_MOMENT: Final = 0.1

_last: list[tuple[int, Callable[[], object]]] = []
"""The process and its last work; at most one pair."""


class _WorksBefore(OwnHandler):
    """The handler that does some work first."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)  # the same signal may come again during the work
        in_time(self._work)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def before_exit(work: Callable[[], object]) -> None:
    """Do some work before the process leaves by ``os._exit``; a later call replaces the work."""
    if not _last:
        os._exit = _leaving(os._exit)
    _last[:] = [(os.getpid(), work)]


def before_termination(work: Callable[[], object]) -> None:
    """Do some work before SIGTERM ends the process; nothing if the script has a handler, or in another thread."""
    if threading.current_thread() is not threading.main_thread() or not is_default(signal.getsignal(signal.SIGTERM)):
        return
    handle_termination(_WorksBefore(work))
    if hasattr(signal, "pthread_kill"):
        _deliver_until_handled(signal.SIGTERM)


def _deliver_until_handled(number: signal.Signals) -> None:
    """
    Send a signal to the main thread again if it has not been handled after a moment.

    Python runs a handler between two steps of the main thread. If a signal comes just before that thread begins to
    wait for a lock, Python runs the handler after the wait, which never ends in an idle worker of a pool.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if before != -1:
        # An event loop of the script has the wakeup descriptor, and any signal ends the wait of an event loop.
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
        return
    main = threading.main_thread().ident or 0

    def deliver() -> None:
        while True:
            if number in os.read(reader, 1):
                time.sleep(_MOMENT)
                signal.pthread_kill(main, number)

    def forget() -> None:
        # A forked process has the pipe, but not this thread, so its signals must not come here.
        other = signal.set_wakeup_fd(-1)
        if other != writer:
            signal.set_wakeup_fd(other)

    threading.Thread(target=deliver, name="resilience signals", daemon=True).start()
    os.register_at_fork(after_in_child=forget)


def in_time(work: Callable[[], object], patience: float = PATIENCE) -> bool:
    """
    Do some work in another thread, and wait for it at most ``patience`` seconds.

    A signal's handler may call this again while the work runs. In the same thread the second call would wait for a lock
    that the first one holds.

    Returns:
        Whether the work took longer.
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
        run()  # Python is ending, and starts no more threads
    return not done.acquire(timeout=patience)


def _leaving(leave: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(leave)
    def leaving(*args: Any, **kwargs: Any) -> Any:
        process, work = _last[0]
        if os.getpid() == process:
            in_time(work)
        return leave(*args, **kwargs)

    return leaving
