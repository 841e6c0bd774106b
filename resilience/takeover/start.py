"""
Begins our part in a process of a run, before the script.

Little is imported here: many Pythons that a script starts never use an SDK.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from resilience.takeover.imports import HTTP_CLIENTS, SDKS, watch_imports
from resilience.takeover.run import Run

if TYPE_CHECKING:
    from resilience.takeover.cover import Cover
    from resilience.takeover.setting import Setting


def start(text: str) -> None:
    """
    Check the policy in the process of the script, and wait in every process for the import of an SDK.

    Args:
        text: What RESILIENCE_RUN holds.
    """
    process = Process(Run.loads(text))
    if process.run.claim():
        with _without_collections():
            from resilience.takeover.root import begin  # noqa: PLC0415  # the other processes need none of it

            begin(process)
        # What is here now stays to the end; the collector need not look through it each time that the script makes
        # many objects, as it does when it imports an SDK.
        gc.freeze()
    watch_imports({*SDKS, *HTTP_CLIENTS} if process.run.has_apis else SDKS, process.imported)


class Process:
    """
    This process's part in a run: nothing, until an SDK is imported.

    Attributes:
        run: The run.
        setting: Its policy and more, once this process has read it.
        cover: What puts classes under the policy, once there is one to put there.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.setting: Setting | None = None
        self.cover: Cover | None = None

    def imported(self, module: ModuleType) -> None:
        """Put the client classes of a module under the policy."""
        # Two threads that come here at once make two executors, which is as good as one: what has to be known to
        # both is known to the run. A lock here could wait for one of the imports' own.
        if self.cover is None:
            with _without_collections():
                from resilience.takeover.cover import Cover  # noqa: PLC0415  # it brings in the engine
                from resilience.takeover.setting import Setting  # noqa: PLC0415  # likewise

                self.setting = self.setting or Setting.of(self.run)
                self.cover = Cover(self.setting)
        self.cover.cover(module)


@contextmanager
def _without_collections() -> Iterator[None]:
    """
    Let the garbage collector wait.

    Imports make many objects and no garbage. An SDK has left so many that to look through all of them, again and
    again, would take a third of our start.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
