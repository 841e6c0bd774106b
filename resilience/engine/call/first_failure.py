"""
The first attempt of a call, where the fast path has made it and it failed.

Most such calls end here: the policy says that nothing helps. What the machine decides then is known beforehand
(:attr:`~resilience.core.meaning.Meaning.end`), so nothing has to be run. The exception gets its note, and leaves.
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
    An attempt that the fast path has made already, and that failed.

    Attributes:
        error: What it raised; None if our limit cut it short.
        started: When it started; None where the fast path, having no limit, read no clock.
        decided_before: The number of decisions made before it started.
        generation: Which credentials it could use; 0 where it needed none.
        watch: Who watches the call, and knows that the attempt has begun; None where no observer was asked yet.
        fault: What it failed with, where that has been read already.
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
        target: What is called.
        error: What the attempt raised.
        started: As in :class:`FirstAttempt`, and so the next two.
        decided_before: Likewise.
        generation: Likewise.
        as_outcome: Whether the caller wants an outcome, which only a run has.

    Returns:
        The attempt; None if the call has ended: the exception has its note, and is to be raised.
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
