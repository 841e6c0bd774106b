"""
The journal: every event of every call as a line of JSON, for later reports and replays.

The journal writes each line at once, with one append. So threads, tasks and forked processes can share a file without
mixed lines, and a killed process loses no written line. The journal does not force lines to the disk: a power failure
may lose the last seconds and leave an incomplete line, which readers skip.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
import weakref
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import ClassVar, Final

from attrs import field, frozen

from resilience.core.events import CallStarted, Event
from resilience.core.observer import Sink, Slot
from resilience.core.policy import PolicyValues
from resilience.core.words.labels import listed_codes
from resilience.journal.columns import Context
from resilience.journal.file import AppendedFile
from resilience.journal.format import ProcessStarted, heading, process, record, span

log: Final = logging.getLogger("resilience")

RUN: Final = os.urandom(8).hex()
"""The id of this program's run, for all of its journals and forked processes."""


def _no_span() -> None:
    return None


class JournalError(Exception):
    """
    A new journal cannot be opened or written.

    Attributes:
        path: The journal's file.
        reason: The problem and the remedy.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Return the journal and the reason."""
        return f"journal {self.path}: {self.reason}"


class JournalWriter:
    """
    Writes the events of calls into a file; see :mod:`resilience.journal.format`.

    The journal appends to an existing file. It makes a missing file, readable by its owner only, with its folder.
    Several journals, also of several processes, may have the same file on a local disk. A file that is moved away is
    written until the program ends. If writing fails later, the journal logs the first error, and calls go on.

    To record the spans of calls, give :class:`resilience.Spans` to the executor before the journal.

    Args:
        path: The file; a relative path starts at the working directory.
        run: The id of a run of several programs; None for one of this program's own.
        show_names: Whether to write the old and the new name of a rename.
        clock: Returns the time for offsets, in seconds; it must never go back.

    Attributes:
        span_ids: Returns the ids of the current trace and span, in hex digits; None without a span.

    Raises:
        JournalError: The file cannot be made or written.
    """

    span_ids: ClassVar[staticmethod[[], tuple[str, str] | None]] = staticmethod(_no_span)

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
        self._run = run or RUN
        self._clock = clock
        self._calls = count(1)
        self._has_complained = False
        self._known: _Known | None = None
        try:
            self._file = AppendedFile(self.path)
            # Not at exit, because calls may end very late at the end of a program.
            weakref.finalize(self, self._file.close).atexit = False
            self._is_torn = self._file.ends_inside_a_line()
            self._begin_process()
        except OSError as error:
            reason = f"it cannot be written ({error.strerror or error}); name a file that this user may write"
            raise JournalError(str(path), reason) from None

    def watch(self, started: CallStarted) -> Sink:
        """Write the first record of a call; return the receiver of its events."""
        if os.getpid() != self._pid:
            try:
                self._begin_process()
            except OSError as error:
                self._complain(error)
        call = f"{self._process}-{next(self._calls)}"
        known = self._known
        if known is None or known.policy is not started.policy:
            known = self._known = _Known(started.policy, Context(listed_codes(started.policy), self._show_names))
        ids = self.span_ids()
        fields = known.heading(started)
        self.write("call_started", call, fields if ids is None else f"{fields},{span(ids)}")
        return _Sink(self, call, known.context)

    def write(self, kind: str, call: str, fields: str) -> None:
        """Append one record of a call; ``fields`` is the inside of a JSON object."""
        at, offset = time.time(), self._clock() - self._began
        line = f'{{"record":"{kind}","call":"{call}","at":{at:.6f},"offset":{offset:.6f},{fields}}}\n'
        try:
            self._append(line)
        except OSError as error:
            self._complain(error)

    def _begin_process(self) -> None:
        """Write the first record of this process."""
        self._pid = os.getpid()
        self._process = os.urandom(4).hex()
        self._began = self._clock()
        # Importing the package from here would make a circle.
        version = getattr(sys.modules[__name__.partition(".")[0]], "__version__", None)
        fields = process(ProcessStarted(version=version, run=self._run, process=self._process, pid=self._pid))
        self._append(f'{{"record":"process","at":{round(time.time(), 6)},"offset":0.0,{fields}}}\n')

    def _append(self, line: str) -> None:
        data = line.encode("ascii")
        if self._is_torn:
            data = b"\n" + data
        # One system call, because other processes cannot write into the middle of an append.
        written = os.write(self._file.own(), data)
        self._is_torn = written < len(data)
        if self._is_torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            message = "journal %s cannot be written (%s); calls go on without it, and this is logged only once"
            log.error(message, self.path, error.strerror or error)


@frozen
class _Known:
    """The common parts of the records of calls under one policy."""

    policy: PolicyValues
    context: Context
    headings: dict[tuple[str, str | None], str] = field(factory=dict)

    def heading(self, started: CallStarted) -> str:
        place = (started.operation, started.provider)
        found = self.headings.get(place)
        if found is None:
            found = self.headings[place] = heading(started, self.context)
        return found


class _Sink:
    """Writes the events of one call."""

    __slots__ = ("_call", "_context", "_journal")

    def __init__(self, journal: JournalWriter, call: str, context: Context) -> None:
        self._journal = journal
        self._call = call
        self._context = context

    def __call__(self, event: Event) -> None:
        """Write one record."""
        found = record(event, self._context)
        if found is not None:
            self._journal.write(found[0], self._call, found[1])
