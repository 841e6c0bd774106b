"""
Run any command, with the Pythons that it starts under a policy: ``resilience run -- COMMAND``.

With a script the command replaces itself, and the script's process writes the summary. Another program does not, so
this process waits for the program and then writes the summary.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from resilience.runner.run import Run
from resilience.runner.startup.process import Process
from resilience.runner.startup.script_process import begin

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126

# Signals that end a job. Ctrl-C reaches the command by itself, from the terminal.
_FORWARDED: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))

# Seconds that Pythons may outlive the command after a signal.
_PATIENCE: Final = 5.0


def supervise(run: Run, command: Sequence[str]) -> int:
    """
    Run a command to its end.

    Args:
        run: The run; its variables are in the environment.
        command: The program and its arguments.

    Returns:
        The exit code in a shell's terms: 128 plus the signal that ended the command, 126 if it cannot be run, 127 if
        there is no such program.
    """
    run.claim()
    process = Process(run, is_supervisor=True)
    # This also handles SIGTERM, before the command starts.
    begin(process)
    try:
        with subprocess.Popen(command) as child:  # noqa: S603  # what the user asked for
            received = _forward_signals(run, child)
            code = _wait(child)
            if received:
                _wait_for_others(run)
    except FileNotFoundError:
        _say(f"{command[0]}: there is no such program")
        return _NOT_FOUND
    except OSError as error:
        _say(f"{command[0]}: {error.strerror or error}")
        return _NOT_EXECUTABLE
    return code if code >= 0 else 128 - code


def _say(text: str) -> None:
    sys.stderr.write(f"resilience: cannot run {text}\n")


def _wait(child: subprocess.Popen[Any]) -> int:
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the command gets the interrupt too, and decides


def _forward_signals(run: Run, child: subprocess.Popen[Any]) -> list[int]:
    """Forward signals that end a job to the command, and to its Pythons, which a shell does not end."""
    received: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        received.append(number)
        for process in {child.pid, *_pythons(run)}:
            _send(process, number)

    for number in _FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hand_on)
    return received


def _pythons(run: Run) -> Iterable[int]:
    """Yield the process ids of the run's Pythons in the process group of this process."""
    group = os.getpgrp() if hasattr(os, "getpgrp") else None
    for process in run.pythons():
        # The id of a process that has ended may belong to another one by now, in another group.
        with suppress(OSError):
            if process != os.getpid() and os.getpgid(process) == group:
                yield process


def _send(process: int, number: int) -> None:
    with suppress(OSError):
        os.kill(process, number)


def _wait_for_others(run: Run) -> None:
    until = time.monotonic() + _PATIENCE
    while any(True for _ in _pythons(run)) and time.monotonic() < until:
        time.sleep(0.05)
