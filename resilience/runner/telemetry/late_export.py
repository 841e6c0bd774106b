"""
Send the span of a run whose calls were all made by other processes than the script's own.

The script's process has no telemetry then, and cannot set it up at its end: an ending Python
cannot start threads, nor import modules that do. So it starts another Python, which runs this
module as a program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

import attrs

from resilience.runner.run import VARIABLE, Run
from resilience.runner.totals.counters import Counts
from resilience.telemetry.providers.environment import Providers, asked_for, has_failed, is_sending_ours, own_providers
from resilience.telemetry.providers.log_filter import keep_off_stdout

# Seconds for the program, including its start.
_PATIENCE: Final = 4.5


def send(run: Run, counts: Counts) -> bool:
    """Send the span of a run, and wait for it some seconds; return False if it could not be sent."""
    if asked_for() is None:
        return True
    if run.was_unsent():
        return False
    # The program is not a process of the run.
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environ["PYTHONPATH"] = os.pathsep.join([environ.get("PYTHONPATH", ""), run.home])
    text = json.dumps([run.dumps(), attrs.asdict(counts)])
    try:
        program = subprocess.Popen(  # noqa: S603  # this very Python
            [sys.executable, "-m", __name__], env=environ, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        program.communicate(text.encode(), timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return True  # the program continues by itself
    except OSError:
        return False  # the trace lacks its root, and has all else
    return program.returncode == 0


def main() -> int:
    """Read the run and its counts from standard input, and send the span; return 1 if that failed."""
    from resilience.runner.settings import policy_of  # noqa: PLC0415  # only the program needs it
    from resilience.runner.telemetry.tracing import span_of  # noqa: PLC0415  # only the program needs it

    text, numbers = json.load(sys.stdin)
    run, counts = Run.loads(text), Counts(**numbers)
    providers = own_providers(run.title)
    if not isinstance(providers, Providers):
        return 0  # the summary of the script's process has the reason
    keep_off_stdout("opentelemetry", is_muted=is_sending_ours)
    span = span_of(run, policy_of(run))
    span.tracer_provider = providers.tracer
    span.end(began=counts.began, calls=counts.calls, failures=counts.failures)
    providers.flush()
    return int(has_failed())


if __name__ == "__main__":
    sys.exit(main())
