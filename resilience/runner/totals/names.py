"""Which resources have another name now, and whose each name is: known to all processes of a run at once."""

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

    They stand in a file with a line for each change, in the order in which the system has
    added them. So all processes see the same order, and of two that want one name at once both see the
    same first. No lock is needed for that.

    Beside the file is a sign, mapped into the memory of every process: a random number, another
    one after each line about a rename. As long as it is what it was there is no new name to know.
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
        """Return the new name of everything that was renamed so far."""
        if self._sign[0] != self._seen:
            with self._guard:
                seen = self._sign[0]
                self._read()
                self._seen = seen
        return self._register.changes

    def _do(self, did: NameChange, place: NameScope, original: str, name: str) -> bool:
        sign = int.from_bytes(os.urandom(_BYTES), "little") or 1
        line = {"did": did, **place._asdict(), "original": original, "name": name, "sign": sign}
        with self._guard:
            append(self._run.shared(NAMES), line)
            if did != "ask":
                # Who reads the file after he has seen this number finds the line; no two are equal, so that one that
                # is written late cannot pass for one that was seen.
                self._sign[0] = sign
            answer = self._read(sign)
            if answer is None:
                # The run is over, or its disk is full: what this process does it keeps to itself.
                answer = self._register.apply(did, place, original, name)
        return answer

    def _read(self, own: int | None = None) -> bool | None:
        """Read what is new, up to the end; return the answer to the line with this sign, if it is there."""
        answer = None
        lines, self._offset = read_from(self._run.shared(NAMES), self._offset)
        for line in lines:
            place = NameScope(line["provider"], line["operation"], line["field"], line["scope"])
            could = self._register.apply(line["did"], place, line["original"], line["name"])
            if line["sign"] == own:
                answer = could
        return answer

    def _begin_anew(self) -> None:
        """Forget everything in a forked process: a thread that is not here may have been reading."""
        self._register, self._offset, self._seen = Register(), 0, 0


def renames(run: Run) -> Mapping[Renaming, str]:
    """Return the new name of everything that was renamed in a run."""
    return RunNames(run).changes()
