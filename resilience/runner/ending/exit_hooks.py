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
import time
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, Final

from resilience.runner.ending.termination import is_default

# Seconds. A collector that is there answers within milliseconds; who leaves like this does not want to wait.
PATIENCE: Final = 3.0

# Seconds until a signal counts as not handled.
_MOMENT: Final = 0.1

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
        signal.signal(number, signal.SIG_IGN)  # while it is done, the same signal may come again
        if os.getpid() == process:
            in_time(work)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
    if hasattr(signal, "pthread_kill"):
        _deliver_until_handled(signal.SIGTERM)


def _deliver_until_handled(number: signal.Signals) -> None:
    """
    Send a signal to the main thread once more if it has not been handled after a moment.

    Python runs a handler between two steps of the main thread. A signal that comes in the moment before that thread
    begins to wait for a lock would be handled only after the wait, which in an idle worker of a pool never ends.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if before != -1:
        # An event loop of the script has it: what that thread waits for ends with any signal.
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
        # A forked process has the pipe, and no such thread: its signals are not this process's.
        other = signal.set_wakeup_fd(-1)
        if other != writer:
            signal.set_wakeup_fd(other)

    threading.Thread(target=deliver, name="resilience signals", daemon=True).start()
    os.register_at_fork(after_in_child=forget)


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
