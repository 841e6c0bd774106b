"""The description of one run, which all of its processes share."""

from __future__ import annotations

import json
import os
from typing import Final, NamedTuple, Self

VARIABLE: Final = "RESILIENCE_RUN"
"""The environment variable with the description of a run, for the processes that it starts."""

_ROOT: Final = "root"
_UNSENT: Final = "unsent"
_PYTHON: Final = ".python"
_STRANGER: Final = ".stranger"
"""The suffixes of files in the folder of a run, each for one process; ``sitecustomize`` writes the second."""


class Run(NamedTuple):
    """
    One use of ``resilience run``; without secrets, since every process that the script starts can read it.

    A named tuple is cheap to import: every Python that a script starts reads it, and most need no other class of ours.

    Attributes:
        policy: The policy's file as the user named it, or ``builtin:NAME``.
        env: The environment that the user named; None for the one in RESILIENCE_ENV.
        ledger: The file of the ledger; None for that in the policy.
        journal: The file of the journal; None for that in the policy.
        quiet: Whether the summary is left out.
        title: The name of the run: that of the script or module.
        start: The folder in which the run was started; relative file names start from it.
        folder: The private folder that the processes of the run share; it is removed when the run is over.
        home: The folder with this package.
        python: Version and prefix of the Python to which the policy applies.
        trace: The trace id and the span id of the run, in hex.
        traceparent: The parent span of the run, as W3C Trace Context writes it; "" for none.
        sdk_hooks: The modules that have client classes of SDKs; the root adds those of third parties.
        http_hooks: The modules that have client classes of plain HTTP.
        hosts: The hosts of the policy's REST APIs; the root adds them.
    """

    policy: str
    env: str | None
    ledger: str | None
    journal: str | None
    quiet: bool
    title: str
    start: str
    folder: str
    home: str
    python: list[int | str]
    trace: list[str]
    traceparent: str
    sdk_hooks: tuple[str, ...] = ()
    http_hooks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def dumps(self) -> str:
        """Return the run as text for the environment variable."""
        return json.dumps(self._asdict())

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the run that :meth:`dumps` wrote."""
        run = cls(**json.loads(text))
        return run._replace(sdk_hooks=tuple(run.sdk_hooks), http_hooks=tuple(run.http_hooks), hosts=tuple(run.hosts))

    def path(self, name: str) -> str:
        """Return the path of a file that the user named; this process may have changed its working directory."""
        return name if _is_here(self.start) else os.path.join(self.start, name)  # noqa: PTH118  # pathlib takes longer

    def shared(self, name: str) -> str:
        """Return the path of a file in the folder of the run."""
        return os.path.join(self.folder, name)  # noqa: PTH118  # pathlib takes longer

    def claim(self) -> bool:
        """
        Tell whether this process is the root, the process of the script.

        The first process that asks is the root. It is still the root after it has replaced itself by another program.
        """
        mine = str(os.getpid())
        try:
            with open(self.shared(_ROOT), "x", encoding="ascii") as file:  # noqa: PTH123  # pathlib takes longer
                file.write(mine)
        except FileExistsError:
            with open(self.shared(_ROOT), encoding="ascii") as file:  # noqa: PTH123  # pathlib takes longer
                return file.read() == mine
        except OSError:
            return False  # the run is over; a process that outlived it has started this one
        return True

    def join(self) -> None:
        """Note that this Python takes part in the run."""
        _touch(self.shared(f"{os.getpid()}{_PYTHON}"))

    def leave_unsent(self) -> None:
        """Note that telemetry could not be sent."""
        _touch(self.shared(_UNSENT))

    def was_unsent(self) -> bool:
        """Tell whether a process of the run could not send its telemetry."""
        return os.path.exists(self.shared(_UNSENT))  # noqa: PTH110  # pathlib takes longer

    def pythons(self) -> list[int]:
        """Return the process ids of the Pythons that have taken part in the run; some may have ended."""
        return [int(name.removesuffix(_PYTHON)) for name in self._files() if name.endswith(_PYTHON)]

    def strangers(self) -> list[str]:
        """Return the executables of Pythons of other installations that the run has started."""
        found = set()
        for name in self._files():
            if name.endswith(_STRANGER):
                with open(self.shared(name), encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # pathlib takes longer
                    found.add(file.read())
        return sorted(found)

    def _files(self) -> list[str]:
        try:
            return os.listdir(self.folder)  # noqa: PTH208  # pathlib takes longer
        except OSError:
            return []  # the run is over

    def remove(self) -> None:
        """Remove the folder of the run; a file that cannot be removed is left."""
        try:
            for entry in os.scandir(self.folder):
                os.unlink(entry)  # noqa: PTH108  # a whole tree, by shutil, takes longer to import than we do
            os.rmdir(self.folder)  # noqa: PTH106  # pathlib takes longer
        except OSError:
            return  # a process that outlives the run may be writing there


def _touch(path: str) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        return  # the run is over, or the disk is full


def _is_here(folder: str) -> bool:
    try:
        return os.getcwd() == folder  # noqa: PTH109  # pathlib takes longer
    except OSError:
        return False  # the working directory was removed
