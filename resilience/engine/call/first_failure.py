"""
The first attempt of a call, if the fast path made it and it failed.

Most such calls end here, because the policy has no remedy for the fault. The machine's decision is then known without a
run (:attr:`~resilience.core.meaning.Meaning.end`). The exception gets its note, and leaves.
"""

from __future__ import annotations

from typing import NamedTuple

from resilience.core.events import AttemptStarted
from resilience.core.fault import Fault
from resilience.core.meaning import meaning_of
from resilience.engine.call import decided
from resilience.engine.call.notes import attach, note_at_once
from resilience.engine.target.observers import Watch
from resilience.engine.target.target import Target


class FirstAttempt(NamedTuple):
    """
    A failed attempt that the fast path has made.

    Attributes:
        error: The exception; None if a limit of the policy cut the attempt short.
        started: The start of the attempt; None if the fast path read no clock, because the call has no limit.
        decided_before: The number of decisions that were made before the attempt.
        generation: The generation of the credentials that the attempt could use; 0 if it needed none.
        watch: The observers that know of the call and of its attempt; None if no observer was asked yet.
        fault: The fault; None if the exception was not read yet.
    """

    error: Exception | None
    started: float | None
    decided_before: int
    generation: int = 0
    watch: Watch | None = None
    fault: Fault | None = None


def go_on(  # noqa: PLR0913  # what the fast path knows
    target: Target, error: Exception, started: float | None, decided_before: int, generation: int, *, as_outcome: bool
) -> FirstAttempt | None:
    """
    Return the attempt with which a run of the call begins, or end the call.

    Args:
        target: The target of the call.
        error: The exception of the attempt.
        started: As in :class:`FirstAttempt`.
        decided_before: As in :class:`FirstAttempt`.
        generation: As in :class:`FirstAttempt`.
        as_outcome: Whether the caller wants an outcome, which only a run makes.

    Returns:
        The attempt; None if the call has ended: then the exception has its note, and the caller raises it.
    """
    watch: Watch | None = None
    fault: Fault | None = None
    plan = target.plan
    if not as_outcome and plan.enabled and decided_before == decided.count[0] and not isinstance(error, ExceptionGroup):
        fault = target.setting.fault(error, plan.provider)
        if fault is not None:
            _, effect, _, _, end = meaning_of(plan, fault)
            if end is not None and (effect == "none" or plan.repeat == "safe"):
                watch = target.setting.audience.admit(target.started)
                if not watch.sinks:
                    attach(error, note_at_once(plan.operation, end, fault))
                    decided.mark(error)
                    return None
                watch.tell(AttemptStarted(number=1))
    return FirstAttempt(error, started, decided_before, generation, watch, fault)
