"""
The observers as the package offers them.

A journal can tell the span of a call, and telemetry knows it. Neither imports the other; they meet here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from resilience.core.events import Observer
from resilience.core.policy import PolicyValues
from resilience.journal.writer import JournalWriter
from resilience.telemetry import default_observers
from resilience.telemetry.spans.observer import current_ids


class Journal(JournalWriter):  # noqa: D101  # it has the docstring of its base
    __doc__ = JournalWriter.__doc__

    __slots__ = ()

    span_ids: ClassVar[staticmethod[[], tuple[str, str] | None]] = staticmethod(current_ids)


def observers_for(policy: PolicyValues) -> Sequence[Observer]:
    """
    Return the observers of an executor that is given none: telemetry's, and the journal that the policy asks for.

    The journal comes last, so that it can tell which span a call has.

    Raises:
        JournalError: The journal cannot be written.
    """
    if policy.telemetry is None or policy.telemetry.journal is None:
        return default_observers()
    return (*default_observers(), Journal(policy.telemetry.journal))
