"""
Begins our part in a process of a run, before the script.

Little is imported here: many Pythons that a script starts never use an SDK.
"""

from __future__ import annotations

import atexit
import gc

from resilience.garbage import without_collections
from resilience.runner.ending.termination import die_if_terminated
from resilience.runner.patches.imports import SENDERS, SOCKET, watch_imports
from resilience.runner.run import Run
from resilience.runner.startup.children import keep_in_front, keep_in_front_of_popen
from resilience.runner.startup.process import Process


def start(text: str) -> None:
    """
    Check the policy in the process of the script, and wait in every process for the import of an SDK.

    Args:
        text: What RESILIENCE_RUN holds.
    """
    process = Process(Run.loads(text))
    keep_in_front()
    if process.run.claim():
        with without_collections():
            from resilience.runner.startup.script_process import begin  # noqa: PLC0415  # the other processes need none of it

            begin(process)
        # What is here now stays to the end; the collector need not look through it each time that the script makes
        # many objects, as it does when it imports an SDK.
        gc.freeze()
    else:
        process.run.join()
        # The first of all exit functions, so the last that runs.
        atexit.register(die_if_terminated)
    watch_imports({"subprocess"}, keep_in_front_of_popen)
    run = process.run
    # Sockets are looked at for the policy's own APIs alone.
    own = (*run.http_hooks, SOCKET) if run.hosts else ()
    watch_imports({*run.sdk_hooks, *SENDERS, *own}, process.imported)
