"""What the processes of one run know of it."""

from __future__ import annotations

import json
import os
from typing import Final, NamedTuple, Self

VARIABLE: Final = "RESILIENCE_RUN"
"""The environment variable in which a run travels to the processes that it starts."""

_ROOT: Final = "root"
_UNSENT: Final = "unsent"
_PYTHON: Final = ".python"
_STRANGER: Final = ".stranger"
"""Endings of files in the folder of a run, each named after a process; the second is written by ``sitecustomize``."""


class Run(NamedTuple):
    """
    One use of ``resilience run``; it holds no secrets, since every process that the script starts can read it.

    No attrs class: every Python that a script starts reads this, and most of them need nothing else of ours.

    Attributes:
        policy: The policy's file as the user named it, or ``builtin:NAME``.
        env: The environment that was asked for; None for the one in RESILIENCE_ENV.
        ledger: The file of the ledger; None for what the policy says.
        journal: The file of the journal; None for what the policy says.
        quiet: Whether nothing is said at the end.
        title: What the run is called: the script's or module's name.
        start: The folder in which the run was started, from which files are named.
        folder: The private folder in which the processes of the run meet; it is gone when the run is over.
        home: The folder that our package is in.
        python: Version and prefix of the Python that is under the policy.
        trace: The trace id and the span id of the run, in hex.
        traceparent: The span that the run itself is part of, as W3C Trace Context writes it; "" for none.
        sdk_hooks: The modules in which clients of SDKs are; for the root to add to.
        http_hooks: The modules in which clients of plain HTTP are.
        hosts: Where the APIs are that the policy describes for plain HTTP clients; the root finds out.
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
        """Return the run as the environment variable has it."""
        return json.dumps(self._asdict())

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the run that :meth:`dumps` wrote."""
        run = cls(**json.loads(text))
        return run._replace(sdk_hooks=tuple(run.sdk_hooks), http_hooks=tuple(run.http_hooks), hosts=tuple(run.hosts))

    def path(self, name: str) -> str:
        """Return where a file is that the user named, also where this process is in another folder by now."""
        return name if _is_here(self.start) else os.path.join(self.start, name)  # noqa: PTH118  # pathlib takes longer

    def shared(self, name: str) -> str:
        """Return the path of a file in the folder of the run."""
        return os.path.join(self.folder, name)  # noqa: PTH118  # pathlib takes longer

    def claim(self) -> bool:
        """
        Tell whether this process is the root: the one that the command became.

        The first that asks is; it stays so where it replaces itself by another program.
        """
        mine = str(os.getpid())
        try:
            with open(self.shared(_ROOT), "x", encoding="ascii") as file:  # noqa: PTH123  # pathlib takes longer
                file.write(mine)
        except FileExistsError:
            with open(self.shared(_ROOT), encoding="ascii") as file:  # noqa: PTH123  # likewise
                return file.read() == mine
        except OSError:
            return False  # the run is over, and a process that outlived it has started this one
        return True

    def join(self) -> None:
        """Leave word that this Python takes part in the run."""
        _touch(self.shared(f"{os.getpid()}{_PYTHON}"))

    def leave_unsent(self) -> None:
        """Leave word that telemetry could not be sent."""
        _touch(self.shared(_UNSENT))

    def was_unsent(self) -> bool:
        """Tell whether a process of the run could not send its telemetry."""
        return os.path.exists(self.shared(_UNSENT))  # noqa: PTH110  # pathlib takes longer

    def pythons(self) -> list[int]:
        """Return the numbers of the Pythons that have taken part in the run, those that are gone among them."""
        return [int(name.removesuffix(_PYTHON)) for name in self._files() if name.endswith(_PYTHON)]

    def strangers(self) -> list[str]:
        """Return the Pythons that are not of this installation and have come past our start."""
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
        """Remove the folder of the run with the files in it; what cannot be removed does no harm."""
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
        return False  # the folder that we are in was removed
