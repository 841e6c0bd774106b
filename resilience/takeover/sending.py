"""
Sends the span of a run whose calls were all made by other processes than the script's own.

The script's process has no telemetry then, and can have none any more: a Python
that is ending can neither start threads nor import what would. So another one is
started for it, which is this module as a program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

import attrs

from resilience.takeover.counters import Counts
from resilience.takeover.run import VARIABLE, Run
from resilience.telemetry.environment import asked_for, set_up_providers

# An exporter gives up after ten seconds by default.
_PATIENCE: Final = 30


def send(run: Run, counts: Counts) -> None:
    """Send the span of a run, and wait until that is done."""
    if asked_for() is None:
        return
    # The program is no part of the run.
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environ["PYTHONPATH"] = os.pathsep.join([environ.get("PYTHONPATH", ""), run.home])
    text = json.dumps([run.dumps(), attrs.asdict(counts)])
    try:
        subprocess.run(  # noqa: S603  # this very Python
            [sys.executable, "-m", __name__], env=environ, input=text.encode(), timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return  # a trace without its root is still a trace


def main() -> None:
    """Read what the script's process writes, and make the span; the SDK sends it when this program ends."""
    from resilience.takeover.setting import policy_of  # noqa: PLC0415  # for the program only
    from resilience.takeover.tracing import span_of  # noqa: PLC0415  # likewise

    text, numbers = json.load(sys.stdin)
    run, counts = Run.loads(text), Counts(**numbers)
    if set_up_providers(run.title) is None:
        span = span_of(run, policy_of(run))
        span.end(began=counts.began, calls=counts.calls, failures=counts.failures)


if __name__ == "__main__":
    main()
