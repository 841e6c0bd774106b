"""How a call of a map ended: an outcome that knows its call."""

from __future__ import annotations

from typing import TypeVar

from attrs import frozen

from resilience.engine.bound_call import BoundCall, SyncBoundCall
from resilience.engine.outcome import Outcome

T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True, repr=False, slots=False)
class MappedOutcome(Outcome[T_co]):
    """
    How a call of :meth:`Executor.map` ended; all else is as in :class:`Outcome`.

    Attributes:
        call: The call. To make it again, give it to another map.
    """

    call: BoundCall[T_co]


@frozen(kw_only=True, repr=False, slots=False)
class SyncMappedOutcome(Outcome[T_co]):
    """How a call of :meth:`SyncExecutor.map` ended; as :class:`MappedOutcome`."""

    call: SyncBoundCall[T_co]
