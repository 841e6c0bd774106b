"""
The public executors: without observers of their own, they use telemetry's.

The engine does not know the observers of telemetry and journal. This module connects them.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from typing import ClassVar, TypeVar

from resilience.core.observer import Observer
from resilience.core.policy import PolicyValues
from resilience.engine import executor, synchronous
from resilience.engine.bound_call import BoundCall, SyncBoundCall
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.maps.mapping import OutcomeStream
from resilience.fleet.maps.sync_mapping import SyncOutcomeStream
from resilience.telemetry import default_observers

T = TypeVar("T")


def observers_for(policy: PolicyValues, run: str | None = None) -> Sequence[Observer]:
    """
    Return the default observers of an executor: telemetry's, and the journal that the policy asks for.

    The journal comes last, so that it sees the span of a call.

    Args:
        policy: The policy.
        run: The id of the run, for one of several processes; None for this program's own.

    Raises:
        JournalError: The journal cannot be written.
    """
    if policy.telemetry is None or policy.telemetry.journal is None:
        return default_observers()
    from resilience.observers import Journal  # noqa: PLC0415  # most policies ask for none

    return (*default_observers(), Journal(policy.telemetry.journal, run=run))


def run_of_this_program() -> str:
    """Return the id of this program's run in journals, for other processes that make its calls."""
    from resilience.observers import RUN  # noqa: PLC0415  # as above

    return RUN


class Executor(executor.BareExecutor):  # noqa: D101  # it has the docstring of its base
    __doc__ = executor.BareExecutor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)

    def map(
        self,
        calls: Iterable[BoundCall[T]] | AsyncIterable[BoundCall[T]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        stop_on_failure: bool = False,
        raise_failures: bool = False,
    ) -> OutcomeStream[T]:
        """
        Make calls from an iterable of any length, some at a time; memory does not grow with their number.

        ::

            async with executor.map((create_group.bind("mqtt-cn-x", name) for name in names)) as outcomes:
                async for outcome in outcomes: ...

        Leaving the block early cancels what is under way, and leaves nothing behind but the threads of plain functions,
        which run to their end.

        Args:
            calls: What ``bind`` returns: of a wrapped function, or of this executor for a method of a wrapped client.
                The next call is asked for when a place is free and the outcomes before it have been read.
            concurrency: How many calls are under way at a time. By default ``concurrency`` of the policy's ``[rate]``;
                without it 16, or as many more as use up a rate that is declared there with answers after 250 ms.
            ordered: Yield outcomes in the order of the calls. A slow call holds up the others, at most as many again
                as are under way.
            stop_on_failure: Begin no further call once one has failed; those under way end and are told. One that the
                input gave at that moment is not made and has no outcome.
            raise_failures: When all outcomes have been read, raise the errors of the failed ones in one
                ``ExceptionGroup``; all of them are held until then.

        Raises:
            ValueError: ``concurrency`` is less than 1.
        """
        return OutcomeStream(
            calls,
            concurrency=concurrency_of(concurrency, self.policy, self.provider),
            ordered=ordered,
            stop_on_failure=stop_on_failure,
            raise_failures=raise_failures,
        )


class SyncExecutor(synchronous.BareSyncExecutor):  # noqa: D101  # it has the docstring of its base
    __doc__ = synchronous.BareSyncExecutor.__doc__

    observers_for: ClassVar[staticmethod[[PolicyValues], Sequence[Observer]]] = staticmethod(observers_for)

    def map(
        self,
        calls: Iterable[SyncBoundCall[T]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        stop_on_failure: bool = False,
        raise_failures: bool = False,
    ) -> SyncOutcomeStream[T]:
        """
        Make calls from an iterable of any length, some at a time, in threads; see :meth:`Executor.map`.

        ::

            for outcome in executor.map(create_group.bind("mqtt-cn-x", name) for name in names): ...

        The input is asked for calls in the thread that reads the outcomes, while it waits for the next one. Leaving the
        loop early waits for the attempts that are under way, and for nothing else; a ``with`` block around it says
        where that is.

        Args:
            calls: As for :meth:`Executor.map`.
            concurrency: As for :meth:`Executor.map`.
            ordered: As for :meth:`Executor.map`.
            stop_on_failure: As for :meth:`Executor.map`.
            raise_failures: As for :meth:`Executor.map`.

        Raises:
            ValueError: ``concurrency`` is less than 1.
        """
        return SyncOutcomeStream(
            calls,
            concurrency=concurrency_of(concurrency, self.policy, self.provider),
            ordered=ordered,
            stop_on_failure=stop_on_failure,
            raise_failures=raise_failures,
        )
