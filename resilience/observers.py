"""
The public journal: it writes the span of each call.

Neither the journal nor telemetry imports the other. This module connects them.
"""

from __future__ import annotations

from typing import ClassVar

from resilience.journal.writer import RUN, JournalWriter
from resilience.telemetry.spans.observer import current_ids

__all__ = ["RUN", "Journal"]


class Journal(JournalWriter):  # noqa: D101  # it has the docstring of its base
    __doc__ = JournalWriter.__doc__

    __slots__ = ()

    span_ids: ClassVar[staticmethod[[], tuple[str, str] | None]] = staticmethod(current_ids)
