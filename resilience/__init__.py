"""
Resilience policies for MQTT management automation.

A TOML policy maps each error code of a cloud's management API to an action; an
:class:`Executor` applies it around any coroutine and shows every decision as an
OpenTelemetry span.
"""

from resilience.core.fault import Fault
from resilience.engine.callee import DONE
from resilience.engine.credentials import Credentials
from resilience.engine.errors import DeadlineExceeded, RemedyFailed, ServiceError
from resilience.engine.executor import Executor
from resilience.engine.outcome import Attempt, Outcome
from resilience.policyfile import Policy, PolicyError
from resilience.telemetry import Spans

__version__ = "0.1.0"

__all__ = [
    "DONE",
    "Attempt",
    "Credentials",
    "DeadlineExceeded",
    "Executor",
    "Fault",
    "Outcome",
    "Policy",
    "PolicyError",
    "RemedyFailed",
    "ServiceError",
    "Spans",
    "__version__",
]

# The engine knows that observers exist, not which: the default is chosen here, at the front door.
Executor.default_observers = (Spans(),)
