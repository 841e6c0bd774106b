"""
The journal: every event of every call as a line of JSON, for a look back when the program is gone.

Give :class:`Journal` to an executor as an observer. Each line is one record and is
written at once with one append, so threads, tasks and forked processes share a file
without tearing lines, and a process that is killed has lost nothing that was told
before. The lines are handed to the operating system and not forced to the disk: a
power failure may take the last seconds with it and leave a line half written, which
readers skip. :mod:`resilience.records` reads it; a change of either is one of both.

Every record has these fields; times are in seconds.

| field | type | meaning |
|---|---|---|
| `record` | string | what it is, as in the next table |
| `at` | number | when it was written, since the epoch |
| `offset` | number | when it was written, since the process' first record, on a clock that nobody sets |
| `call` | string | which call it belongs to; all but `process` have it |

What is not known is absent.

| record | when | fields |
|---|---|---|
| `process` | first of each process | `format` (1), `version` (ours), `run`, `process`, `pid` |
| `call_started` | a call begins | `operation`, `provider`, `policy`, `hash`, `env`, `trace_id`, `span_id` |
| `recalled` | the ledger was asked | `answer` (new, done or unfinished), `waited` (for another call) |
| `attempt_started` | an attempt begins | `number` (from 1) |
| `fault_injected` | `[chaos]` makes its fault | `number`, `chaos`, `applied` |
| `attempt_succeeded` | it returned a value | `number`, `duration` |
| `attempt_failed` | it failed; this follows | `number`, `duration`, `cut`, `fault`, `effect`, `condition`, `decision` |
| `attempt_aborted` | cancelled, or a programming error | `number`, `duration`, `error` |
| `refresh_started` | new credentials are awaited | `number` (of the attempt before, or 0), `provider`, `leads` |
| `refresh_ended` | that wait is over | `duration`, `error`, `cancelled` |
| `verify_started` | the verifier is asked | `number` |
| `verify_ended` | it has answered | `duration`, `answer`, `error`, `decision` |
| `renamed` | the next attempt goes to another name | `field`, `old`, `new` |
| `call_ended` | a call has ended | `ended`, `stop_reason`, `attempts`, `waited`, `duration`, `verified`, `error_type` |

`fault` has `provider`, `code`, `transport`, `status`, `request_id`, `retry_after`, `effect` (what the transport
knows) and `error` (the exception's class). `decision` has `action`, `delay`, `rule`, `origin` (its file and line),
`name` (of the action), `backoff` where one led to the delay, and `stop_reason`, `verified`, `dry_run` where
they say more. `condition` is a hash of the texts that rules looked for in a message, up to the one that was found: it
tells a replay which of several answers the message led to, and nothing of the message. The old and the new name of a
rename are left out with ``Journal(show_names=False)``.

No token, key, request parameter, URL or text of an exception gets here, and nothing of the command line or the
environment.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import sys
import time
import weakref
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from attrs import field, frozen
from opentelemetry import trace

from resilience.core.events import CallStarted, Event, Sink, Slot
from resilience.core.policy import PolicyValues
from resilience.telemetry.labels import listed_codes
from resilience.telemetry.lines import Wording, heading, told

log: Final = logging.getLogger("resilience")

FORMAT: Final = 1
"""The version of the format; :mod:`resilience.records` reads this one and those before it."""

_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700

# One for this program, however many journals it opens and processes it forks.
_RUN: Final = os.urandom(8).hex()


class JournalError(Exception):
    """
    The journal cannot be opened or written when it is made.

    Attributes:
        path: The journal's file.
        reason: What is wrong, and what to do.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Say which journal, and what is wrong with it."""
        return f"journal {self.path}: {self.reason}"


class Journal:
    """
    Writes what happens to calls into a file; format in the module's docstring.

    The file is made where there is none, readable by its owner only, with its folder, and appended to where there
    is one. Several journals, also of several processes, may have the same file on a local disk. A file that is
    moved away goes on being written until the program ends. When the disk is full later on, that is logged once,
    and calls go on.

    To let the journal tell the span of a call, give :class:`resilience.telemetry.Spans` to the executor before it.

    Args:
        path: The file; a relative path starts from the working directory.
        run: What stands for the whole run where several programs belong to one; None for one of its own.
        show_names: Whether the old and the new name of what was renamed are written.
        clock: What offsets are read from, in seconds; it must never go back.

    Raises:
        JournalError: The file cannot be made or written.
    """

    __slots__ = (
        "__weakref__",
        "_began",
        "_calls",
        "_clock",
        "_file",
        "_has_complained",
        "_is_torn",
        "_known",
        "_pid",
        "_process",
        "_run",
        "_show_names",
        "idle_slot",
        "path",
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        run: str | None = None,
        show_names: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.idle_slot: Slot | None = None
        self.path = Path(path)
        self._show_names = show_names
        self._run = run or _RUN
        self._clock = clock
        self._calls = count(1)
        self._has_complained = False
        self._known: _Known | None = None
        try:
            self._file = _File(self.path)
            # Calls may end later than anything else does when a program ends, so only the end of the journal closes it.
            weakref.finalize(self, self._file.close).atexit = False
            self._is_torn = _is_torn(self._file.descriptor)
            self._begin_process()
        except OSError as error:
            reason = f"it cannot be written ({error.strerror or error}); name a file that this user may write"
            raise JournalError(str(path), reason) from None

    def watch(self, started: CallStarted) -> Sink:
        """Write that a call begins; return what writes the rest."""
        if os.getpid() != self._pid:
            try:
                self._begin_process()
            except OSError as error:
                self._complain(error)
        call = f"{self._process}-{next(self._calls)}"
        known = self._known
        if known is None or known.policy is not started.policy:
            known = self._known = _Known(started.policy, Wording(listed_codes(started.policy), self._show_names))
        context = trace.get_current_span().get_span_context()
        span = f',"trace_id":"{context.trace_id:032x}","span_id":"{context.span_id:016x}"' if context.is_valid else ""
        self.write("call_started", call, known.heading(started) + span)
        return _Telling(self, call, known.wording)

    def write(self, record: str, call: str, fields: str) -> None:
        """Append one record of a call; ``fields`` is the inside of a JSON object."""
        at, offset = time.time(), self._clock() - self._began
        line = f'{{"record":"{record}","call":"{call}","at":{at:.6f},"offset":{offset:.6f},{fields}}}\n'
        try:
            self._append(line)
        except OSError as error:
            self._complain(error)

    def _begin_process(self) -> None:
        """Write the first record of this process."""
        self._pid = os.getpid()
        self._process = os.urandom(4).hex()
        self._began = self._clock()
        # The package above this module has it; to import it from here would turn the imports around.
        version = getattr(sys.modules[__name__.partition(".")[0]], "__version__", None)
        about = {
            "record": "process",
            "at": round(time.time(), 6),
            "offset": 0.0,
            "format": FORMAT,
            "version": version,
            "run": self._run,
            "process": self._process,
            "pid": self._pid,
        }
        self._append(json.dumps(about, separators=(",", ":")) + "\n")

    def _append(self, line: str) -> None:
        data = line.encode("ascii")
        if self._is_torn:
            data = b"\n" + data
        # One call: what is appended to a file at once is not mixed with what others append.
        written = os.write(self._file.own(), data)
        self._is_torn = written < len(data)
        if self._is_torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            said = "journal %s cannot be written (%s); calls go on without it, and it is not said again"
            log.error(said, self.path, error.strerror or error)


@frozen
class _Known:
    """What the records of all calls under one policy have in common."""

    policy: PolicyValues
    wording: Wording
    headings: dict[tuple[str, str | None], str] = field(factory=dict)

    def heading(self, started: CallStarted) -> str:
        place = (started.operation, started.provider)
        found = self.headings.get(place)
        if found is None:
            found = self.headings[place] = heading(started)
        return found


class _Telling:
    """Writes the events of one call."""

    __slots__ = ("_call", "_journal", "_wording")

    def __init__(self, journal: Journal, call: str, wording: Wording) -> None:
        self._journal = journal
        self._call = call
        self._wording = wording

    def __call__(self, event: Event) -> None:
        """Write one record."""
        record = told(event, self._wording)
        if record is not None:
            self._journal.write(record[0], self._call, record[1])


class _File:
    """
    An open file that stays itself where a program closes every descriptor, as daemons do when they begin.

    The number may then belong to a file of the program's own, which must get no line of ours.
    """

    __slots__ = ("_identity", "_path", "descriptor")

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # A daemon also leaves its folder.
        self._path = path.absolute()
        self._open()

    def own(self) -> int:
        """Return a descriptor of the file; a new one where the number is another file's, or nobody's, by now."""
        if _identity(self.descriptor) != self._identity:
            self._open()
        return self.descriptor

    def close(self) -> None:
        """Close the file, and nobody else's."""
        if _identity(self.descriptor) == self._identity:
            os.close(self.descriptor)

    def _open(self) -> None:
        # Not every system has, or needs, the last two: one keeps a pipe from blocking, the other bytes as they are.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._path, flags, _PRIVATE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file")
        self.descriptor, self._identity = descriptor, _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Return which file a descriptor is of; None if it is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_torn(descriptor: int) -> bool:
    """Return whether a file ends inside of a line, as a power failure may leave it."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"
