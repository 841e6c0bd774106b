"""
Start the runner in a process of a run, before the script.

This module imports little: many Python processes that a script starts never use an SDK.
"""

from __future__ import annotations

import atexit
import gc

from resilience.runner.ending.termination import die_if_terminated
from resilience.runner.patches.imports import SENDERS, SOCKET, watch_imports
from resilience.runner.run import Run
from resilience.runner.startup.children import keep_in_front, keep_in_front_of_popen
from resilience.runner.startup.process import Process


def start(text: str) -> None:
    """
    Check the policy in the script's process, and wait in every process for the import of an SDK.

    Args:
        text: The value of RESILIENCE_RUN.
    """
    process = Process(Run.loads(text))
    keep_in_front()
    if process.run.claim():
        # See policyfile/garbage.py, which is not imported yet.
        gc.disable()
        from resilience.runner.startup.script_process import begin  # noqa: PLC0415  # the other processes do not need it

        begin(process)
        # The objects of now live to the end. The collector need not visit them when the script makes many objects, as
        # in the import of an SDK.
        gc.freeze()
        gc.enable()
    else:
        process.run.join()
        # This is the first of all exit functions, so it is the last that runs.
        atexit.register(die_if_terminated)
    watch_imports({"subprocess"}, keep_in_front_of_popen)
    run = process.run
    # Connections are watched only if the policy has APIs of its own.
    own = (*run.http_hooks, SOCKET) if run.hosts else ()
    watch_imports({*run.sdk_hooks, *SENDERS, *own}, process.imported)
