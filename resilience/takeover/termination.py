"""
SIGTERM ends a script of a run as Ctrl-C does.

Plain Python dies of it at once: no ``finally``, no summary, no telemetry. Job runners and containers send it to
whatever takes too long, which is when people want to know what was done. So the script gets a ``KeyboardInterrupt``,
asyncio and trio cancel their tasks, and the process then dies of SIGTERM all the same: a shell sees 143. A second
SIGTERM ends it at once. A handler of the script's own takes the place of this one.

A process that ``multiprocessing`` has started dies at once, as under plain Python: that is how a pool ends its workers.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final

_SHELL_CODE: Final = 128 + signal.SIGTERM

# As pid 1 of a container a process does not die of a signal that it sends to itself.
_PATIENCE: Final = 0.2

_ended: list[int] = []
"""The process that SIGTERM ends; at most one."""


class _EndsLikeInterrupt:
    """The handler of SIGTERM; a class, so that others can tell it from the script's own."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != self._process or is_multiprocessing():
            # It dies as it would have without us.
            os.kill(os.getpid(), number)
            return
        _ended[:] = [self._process]
        sys.excepthook = _quiet(sys.excepthook)
        sys.unraisablehook = _quiet_unraisable(sys.unraisablehook)
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):
            interrupt(signal.SIGINT, frame)
        else:
            # A shell that starts a program in the background lets it ignore Ctrl-C.
            raise KeyboardInterrupt


def _quiet(hook: Any) -> Any:
    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        # Nobody has pressed Ctrl-C.
        if not issubclass(kind, KeyboardInterrupt):
            hook(kind, error, traceback)

    return report


def _quiet_unraisable(hook: Any) -> Any:
    def report(unraisable: sys.UnraisableHookArgs) -> None:
        # The script is over, and it was one of the exit functions, or the wait for the last threads, that was ended.
        is_end = issubclass(unraisable.exc_type, KeyboardInterrupt) and not threading.main_thread().is_alive()
        if not is_end:
            hook(unraisable)

    return report


def end_like_interrupt() -> None:
    """Let SIGTERM end this process as Ctrl-C would; not where somebody else handles it, or in another thread."""
    if threading.current_thread() is threading.main_thread() and is_default(signal.getsignal(signal.SIGTERM)):
        signal.signal(signal.SIGTERM, _EndsLikeInterrupt())


def is_default(handler: object) -> bool:
    """Tell whether a handler of SIGTERM is none of the script's own."""
    return handler is signal.SIG_DFL or isinstance(handler, _EndsLikeInterrupt)


def is_multiprocessing() -> bool:
    """Tell whether multiprocessing has started this process."""
    module = sys.modules.get("multiprocessing.process")
    if module is None:
        return False
    # The second while such a process imports the script, before it is told of its parent (multiprocessing/spawn.py).
    return module.parent_process() is not None or hasattr(module.current_process(), "_inheriting")


def die_if_terminated() -> None:
    """Die of SIGTERM, if that is what has ended this process; what was printed is written before."""
    if _ended != [os.getpid()]:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(_SHELL_CODE)
