"""Scripts in processes of their own: with plain Python, and with ``resilience run``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Final

import prepared_commands
from attrs import frozen
from prepared_commands import PreparedCommand

POLICY: Final = """
schema = 1
name = "running"
[limits]
deadline = "20s"
max_attempts = 3
[backoff.default]
kind = "constant"
base = "10ms"
jitter = "none"
[rules.alibaba]
"SystemOverFlow" = "retry"
"GroupIdAlreadyUsedByOtherUsers" = "rename"
[rules.tencent]
"RequestLimitExceeded" = "retry"
"""

# Of the machine that the tests run on: none of it may decide what a script prints.
_PLAIN: Final = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("OTEL_", "RESILIENCE_")) and name not in {"PYTHONPATH", "TRACEPARENT"}
}


@frozen
class Ran:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    def said(self) -> list[str]:
        """Return the lines of our own at the end; before them, notes of an exception may look like them."""
        lines = takewhile(lambda line: line.startswith("resilience: "), reversed(self.err.splitlines()))
        return list(lines)[::-1]


class Scripts:
    """
    A folder with a policy and with scripts.

    Attributes:
        folder: Where scripts are, and where they run.
        environ: What is added to the environment of every process.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environ = dict(environ or {})
        self.write("policy.toml", POLICY)

    def write(self, name: str, text: str) -> Path:
        """Write a file, its text without the indentation that it has in a test."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def plain(self, *command: str, text: str = "") -> Ran:
        """Run plain Python."""
        return self._finish([sys.executable, *command], text)

    def run(self, *command: str, options: Sequence[str] = (), text: str = "") -> Ran:
        """Run the same under the folder's policy."""
        done = prepared_commands.run(
            _words(command, options), self.folder, _PLAIN | self.environ, text=text, seconds=60
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def command(self, arguments: Sequence[str]) -> Ran:
        """Run any command."""
        return self._finish(list(arguments), "")

    def arguments(self, *command: str, options: Sequence[str] = ()) -> list[str]:
        """Return the command for running a script under the folder's policy."""
        return [sys.executable, "-m", "resilience", *_words(command, options)]

    def start(self, *command: str, options: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start the script and return at once; Ctrl-C means there what it means on a terminal."""
        return PreparedCommand(
            _words(command, options),
            cwd=self.folder,
            env=_PLAIN | self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def popen(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        """Start any command likewise."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(  # noqa: S603  # this very interpreter
                arguments,
                cwd=self.folder,
                env=_PLAIN | self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        finally:
            signal.signal(signal.SIGINT, before)

    def _finish(self, arguments: list[str], text: str) -> Ran:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            done = subprocess.run(  # noqa: S603  # this very interpreter
                arguments,
                cwd=self.folder,
                env=_PLAIN | self.environ,
                input=text,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=60,
            )
        finally:
            signal.signal(signal.SIGINT, before)
        return Ran(done.returncode, done.stdout, done.stderr)


def _words(command: Sequence[str], options: Sequence[str]) -> list[str]:
    return ["run", "--policy", "policy.toml", *options, *command]
