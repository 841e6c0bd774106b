"""The renames of a run and the calls that use each name, shared by all of its processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from attrs import define, field

from resilience.clients.common.renaming import Renaming
from resilience.engine.target import names
from resilience.engine.target.names import NameChange, NameScope, Register
from resilience.runner.run import Run
from resilience.runner.totals.shared import NAMES, Numbers, append, mapped, read_from

_SIGN: Final = "names.sign"
_BYTES: Final = 8


@define(eq=False, repr=False)
class RunNames(names.ProcessNames):
    """
    The names of a run.

    A file has a line for each change, in the order in which the operating system has appended
    them. All processes read the same order, so if two want one name, both agree which was first.
    That needs no lock.

    Beside the file is a random number that every process maps into memory; each line about a
    rename changes it. While the number is unchanged there is no new rename to read.
    """

    _run: Run
    _sign: Numbers[int] = field(init=False)
    _seen: int = field(default=0, init=False)
    _offset: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._sign = mapped(self._run.shared(_SIGN), 1)
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._begin_anew)

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new names of all resources that have been renamed so far."""
        if self._sign[0] != self._seen:
            with self._guard:
                seen = self._sign[0]
                self._read()
                self._seen = seen
        return self._register.changes

    def _do(self, did: NameChange, scope: NameScope, original: str, name: str) -> bool:
        sign = int.from_bytes(os.urandom(_BYTES), "little") or 1
        line = {"did": did, **scope._asdict(), "original": original, "name": name, "sign": sign}
        with self._guard:
            append(self._run.shared(NAMES), line)
            if did != "ask":
                # A process that reads this number, and then the file, finds the line. All numbers differ, so a process
                # cannot mistake a number that is written late for one that it has seen.
                self._sign[0] = sign
            answer = self._read(sign)
            if answer is None:
                # The run is over, or its disk is full: this process keeps the change to itself.
                answer = self._register.apply(did, scope, original, name)
        return answer

    def _read(self, own: int | None = None) -> bool | None:
        """Read the new lines; return the answer to the line with the sign ``own``, or None if it is not there."""
        answer = None
        lines, self._offset = read_from(self._run.shared(NAMES), self._offset)
        for line in lines:
            scope = NameScope(line["provider"], line["operation"], line["field"], line["scope"])
            could = self._register.apply(line["did"], scope, line["original"], line["name"])
            if line["sign"] == own:
                answer = could
        return answer

    def _begin_anew(self) -> None:
        """Forget everything in a forked process: a thread of the parent may have been reading."""
        self._register, self._offset, self._seen = Register(), 0, 0


def renames(run: Run) -> Mapping[Renaming, str]:
    """Return the new names of all resources that a run has renamed."""
    return RunNames(run).changes()
