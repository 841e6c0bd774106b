"""
The public executors: without observers of their own, they use telemetry's.

The engine does not know the observers of telemetry and journal. This module connects them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from resilience.core.events import Observer
from resilience.core.policy import PolicyValues
from resilience.engine import executor, synchronous
from resilience.telemetry import default_observers


def observers_for(policy: PolicyValues) -> Sequence[Observer]:
    """
    Return the default observers of an executor: telemetry's, and the journal that the policy asks for.

    The journal comes last, so that it sees the span of a call.

    Raises:
        JournalError: The journal cannot be written.
    """
    if policy.telemetry is None or policy.telemetry.journal is None:
        return default_observers()
    from resilience.observers import Journal  # noqa: PLC0415  # most policies ask for none

    return (*default_observers(), Journal(policy.telemetry.journal))


class Executor(executor.BareExecutor):  # noqa: D101  # it has the docstring of its base
    __doc__ = executor.BareExecutor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)


class SyncExecutor(synchronous.BareSyncExecutor):  # noqa: D101  # it has the docstring of its base
    __doc__ = synchronous.BareSyncExecutor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)
