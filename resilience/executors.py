"""
The executors as the package offers them: watched by telemetry where no observers are given.

The engine knows that observers exist, not which ones. They meet here.
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
    Return the observers of an executor that is given none: telemetry's, and the journal that the policy asks for.

    The journal comes last, so that it can tell which span a call has.

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
