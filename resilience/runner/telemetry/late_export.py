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

from resilience.runner.run import VARIABLE, Run
from resilience.runner.telemetry.log_filter import keep_off_stdout
from resilience.runner.totals.counters import Counts
from resilience.telemetry.providers.environment import Providers, asked_for, has_failed, is_sending_ours, own_providers

# Seconds, with the start of the program.
_PATIENCE: Final = 4.5


def send(run: Run, counts: Counts) -> bool:
    """Send the span of a run, and wait for some seconds until that is done; return whether it failed nowhere."""
    if asked_for() is None:
        return True
    if run.was_unsent():
        return False
    # The program is no part of the run.
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environ["PYTHONPATH"] = os.pathsep.join([environ.get("PYTHONPATH", ""), run.home])
    text = json.dumps([run.dumps(), attrs.asdict(counts)])
    try:
        program = subprocess.Popen(  # noqa: S603  # this very Python
            [sys.executable, "-m", __name__], env=environ, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        program.communicate(text.encode(), timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return True  # it is on its way, and goes on by itself
    except OSError:
        return False  # a trace without its root is still a trace
    return program.returncode == 0


def main() -> int:
    """Read what the script's process writes, make the span, and send it; return whether that failed."""
    from resilience.runner.settings import policy_of  # noqa: PLC0415  # for the program only
    from resilience.runner.telemetry.tracing import span_of  # noqa: PLC0415  # likewise

    text, numbers = json.load(sys.stdin)
    run, counts = Run.loads(text), Counts(**numbers)
    providers = own_providers(run.title)
    if not isinstance(providers, Providers):
        return 0  # the script's process has said why
    keep_off_stdout("opentelemetry", is_muted=is_sending_ours)
    span = span_of(run, policy_of(run))
    span.tracer_provider = providers.tracer
    span.end(began=counts.began, calls=counts.calls, failures=counts.failures)
    providers.flush()
    return int(has_failed())


if __name__ == "__main__":
    sys.exit(main())
