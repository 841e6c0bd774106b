"""
End a script at SIGTERM as at Ctrl-C.

Plain Python dies of SIGTERM at once: no ``finally``, no summary, no telemetry. Job runners and containers send SIGTERM
to jobs that take too long, and people want to know then what the script did. So the script gets a
``KeyboardInterrupt``, asyncio and trio cancel their tasks, and the process then dies of SIGTERM: a shell sees 143. A
second SIGTERM ends the process at once. A handler of the script replaces this one.

A process that ``multiprocessing`` has started dies at once, as under plain Python, because a pool ends its workers with
SIGTERM. It gets no handler: if the signal came just before the main thread begins to wait for a lock, Python would
never run the handler, and the pool would wait for its worker for ever.

A forked process gets rid of the handler, and no SIGTERM reaches it before. Python forgets each signal that comes
between the fork and its own work in the new process (``PyOS_AfterFork_Child``), and a pool may end a worker that has
not run yet.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from types import FrameType, TracebackType
from typing import Any, Final

_SHELL_CODE: Final = 128 + signal.SIGTERM

# Seconds. As pid 1 of a container a process does not die of a signal that it sends to itself.
_PATIENCE: Final = 0.2

# The option in the command line of each process that multiprocessing spawns (multiprocessing/spawn.py,
# get_command_line).
_SPAWNED: Final = "--multiprocessing-fork"

_forking: Final = threading.local()
"""With ``mask``: which signals a thread held back before it forked; None where the handler is the script's."""

_ended: list[int] = []
"""The process that SIGTERM ends; at most one."""


class OwnHandler:
    """A handler of SIGTERM that is ours; a forked process does not keep it."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        raise NotImplementedError


class _EndsLikeInterrupt(OwnHandler):
    """The handler of a script's process; a class, so that :func:`is_default` recognises it."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        _ended[:] = [os.getpid()]
        sys.excepthook = _quiet(sys.excepthook)
        sys.unraisablehook = _quiet_unraisable(sys.unraisablehook)
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):
            interrupt(signal.SIGINT, frame)
        else:
            # A shell starts a program in the background with Ctrl-C ignored.
            raise KeyboardInterrupt


def _quiet(hook: Any) -> Any:
    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        # This KeyboardInterrupt comes from SIGTERM, and not from Ctrl-C.
        if not issubclass(kind, KeyboardInterrupt):
            hook(kind, error, traceback)

    return report


def _quiet_unraisable(hook: Any) -> Any:
    def report(unraisable: sys.UnraisableHookArgs) -> None:
        # The script is over: SIGTERM has ended an exit function, or the wait for the last threads.
        is_end = issubclass(unraisable.exc_type, KeyboardInterrupt) and not threading.main_thread().is_alive()
        if not is_end:
            hook(unraisable)

    return report


def end_like_interrupt() -> None:
    """Make SIGTERM end this process as Ctrl-C would; nothing if the script has a handler, or in another thread."""
    if is_multiprocessing() or threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if is_default(before):
        handle_termination(_EndsLikeInterrupt())


def handle_termination(handler: OwnHandler) -> None:
    """Handle SIGTERM in this process; processes that it forks die of SIGTERM at once, from their first moment on."""
    _leave_out_children()
    signal.signal(signal.SIGTERM, handler)


@cache
def _leave_out_children() -> None:
    if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_as_without_us)


def _hold_back() -> None:
    """Let SIGTERM wait in this thread, and in the process that it forks; nothing if the script has a handler."""
    is_ours = isinstance(signal.getsignal(signal.SIGTERM), OwnHandler)
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}) if is_ours else None


def _let_through() -> None:
    if _forking.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _as_without_us() -> None:
    """Let a forked process die of SIGTERM at once, unless the script has a handler."""
    if _forking.mask is not None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_through()


def is_default(handler: object) -> bool:
    """Tell whether a handler of SIGTERM is Python's default or ours, and not the script's."""
    return handler is signal.SIG_DFL or isinstance(handler, _EndsLikeInterrupt)


def is_multiprocessing() -> bool:
    """Tell whether multiprocessing has started this process."""
    if _SPAWNED in sys.orig_argv:
        # Only the command line shows it so early: a pool may end a worker whose interpreter is just starting.
        return True
    module = sys.modules.get("multiprocessing.process")
    if module is None:
        return False
    # The second holds while such a process imports the script, before it has its parent (multiprocessing/spawn.py).
    return module.parent_process() is not None or hasattr(module.current_process(), "_inheriting")


def die_if_terminated() -> None:
    """Flush the output and die of SIGTERM, if SIGTERM has ended this process."""
    if _ended != [os.getpid()]:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(_SHELL_CODE)
