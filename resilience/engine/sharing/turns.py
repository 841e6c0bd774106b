"""A turn in the rate limits that calls share: of an attempt, and of a question to a verifier."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from resilience.core.admission.admission import Admission
from resilience.core.admission.result import Result
from resilience.core.admission.tickets import Ticket
from resilience.core.decision import Failed
from resilience.core.events import Waited
from resilience.core.meaning import result_of
from resilience.core.steps.limits import longest_attempt
from resilience.engine.call.progress import Progress
from resilience.engine.sharing.slots import ask_store, try_again

NOTICED: Final = 1e-3
"""A shorter wait, in seconds, is not told: the program's own code takes as long."""


async def admitted(call: Progress, admission: Admission, ticket: Ticket, end: float | None) -> bool:
    """Wait for a call's turn; return whether the turn came before the end of the call."""
    wakeup = call.runtime.wakeup()
    now = call.now()
    while (delay := admission.ask(ticket, now, wakeup.wake)) > 0.0:
        if await ask_store(call, admission, ticket, end):
            now = call.now()
            continue
        left = math.inf if end is None else end - now
        if delay < math.inf and delay >= left:
            return False
        seconds = min(delay, left)
        was_woken = await wakeup.wait(None if seconds == math.inf else seconds)
        if not was_woken and seconds == left:
            return False
        now = call.now()
    return True


@asynccontextmanager
async def question_turn(call: Progress) -> AsyncIterator[None]:
    """
    Hold a place in the limits of the operation that the call's verifier asks the service for.

    The wait for it is cut short with the question. A question counts as one request, also where a list has several
    pages. What a verifier asks for that is the user's function is not known; such a function may be wrapped itself.
    """
    admission, operation = call.history.admission, call.target.asked_operation
    if admission is None or operation is None:
        yield
        return
    started = call.now()
    takes = longest_attempt(call.history)
    ticket = admission.enter(operation, call.target.host, started, again=True, takes=takes)
    result: Result = "cancelled"
    try:
        await try_again(call, admission, ticket)
        await admitted(call, admission, ticket, None)
        if (duration := call.now() - started) >= NOTICED:
            call.watch.tell(Waited(gate=ticket.blocked_by, duration=duration))
        yield
        result = "succeeded"
    except Exception as error:
        faults = call.target.faults(error)
        result = "cancelled" if faults is None else result_of(call.plan, Failed(faults))
        raise
    finally:
        admission.leave(ticket, call.now(), result)
