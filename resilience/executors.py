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
from resilience.observers import observers_for


class Executor(executor.Executor):  # noqa: D101  # it has the docstring of its base
    __doc__ = executor.Executor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)


class SyncExecutor(synchronous.SyncExecutor):  # noqa: D101  # it has the docstring of its base
    __doc__ = synchronous.SyncExecutor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)
