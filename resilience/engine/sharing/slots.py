"""
What calls ask the store that processes share: slots in the rate limits and permits, for all calls that wait for them.

Whichever call waits asks; there is no task for it. If that call is cancelled, the question goes on in its thread, and
what it brings is there for the other calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Final

from resilience.core.admission.admission import Admission
from resilience.core.admission.shared.shared_admission import Question, SharedAdmission
from resilience.core.admission.tickets import Ticket
from resilience.core.events import StateChanged
from resilience.engine.call.progress import Progress
from resilience.engine.runtime import clock
from resilience.engine.sharing.shared_store import TIMEOUT, SharedStore
from resilience.state.store import StateError, Store

# How often results are told anew where other processes are quicker; then they are told with the next question.
_TRIES: Final = 5


async def try_again(call: Progress, admission: Admission, ticket: Ticket) -> None:
    """
    Try a store that is away, if it is time to.

    Raises:
        StateError: It is still away, and the policy says that calls fail then.
    """
    shared = call.target.setting.shared
    if shared is None or not isinstance(admission, SharedAdmission):
        return
    if shared.begins_trial():
        question = admission.question(ticket, call.now(), is_trial=True)
        if question is not None:
            await _ask(call, shared, admission, question, None)
    _follow(shared, admission)


async def ask_store(call: Progress, admission: Admission, ticket: Ticket, end: float | None) -> bool:
    """
    Ask the store for slots and permits, if this call is to.

    Args:
        call: A call that waits.
        admission: What it waits for.
        ticket: Its ticket.
        end: When it must have its turn, on its clock; None for never.

    Returns:
        Whether it has asked, or there is nothing to ask any more.

    Raises:
        StateError: The store cannot be used, and the policy says that calls fail then.
    """
    shared = call.target.setting.shared
    if shared is None or not isinstance(admission, SharedAdmission):
        return False
    if _follow(shared, admission):
        return True
    question = admission.question(ticket, call.now())
    if question is None:
        return False
    await _ask(call, shared, admission, question, end)
    return True


def _follow(shared: SharedStore, admission: SharedAdmission) -> bool:
    """Let an admission do as the policy says while the store is away; tell whether that has changed."""
    shared.stand_in()
    return admission.stand_alone(is_alone=shared.error is not None)


async def give_back(call: Progress) -> None:
    """
    Give permits back that calls of this process hold and do not use, if no other call waits for them.

    Where the store does not answer, they come back when their lease is over.
    """
    shared, admission = call.target.setting.shared, call.history.admission
    if shared is None or not isinstance(admission, SharedAdmission) or shared.error is not None:
        return
    question = admission.gives_back()
    if question is None:
        return
    # Whatever goes wrong here: the attempt has ended, and its result must not be lost.
    with call.runtime.shield(), suppress(Exception):
        await _ask(call, shared, admission, question, None)


async def _ask(
    call: Progress, shared: SharedStore, admission: SharedAdmission, question: Question, end: float | None
) -> None:
    virtual = call.runtime.virtual_store(shared.settings.store)
    now = asked_at(call, virtual)
    is_begun = False

    def carry_out() -> None:
        nonlocal is_begun
        is_begun = True
        asked: Question | None = question
        while asked is not None:
            try:
                shared.use(functools.partial(_reserve, shared, admission, asked, now), virtual)
            except BaseException:
                admission.unanswered(asked)
                raise
            # Where no call waits any more for what the answer has brought.
            asked = admission.gives_back()

    try:
        ran = await call.runtime.run_until(end, call.runtime.ask_store, (carry_out,), {})
        if ran.error is not None and not isinstance(ran.error, StateError):
            raise ran.error
        _follow(shared, admission)
    finally:
        if not is_begun:
            admission.unanswered(question)
        tell_change(call, shared)


def asked_at(call: Progress, virtual: Store | None) -> Callable[[], float]:
    """Return the clock of a call, for the thread that asks a store."""
    if virtual is not None:
        return call.now
    began, asked = clock.monotonic(), call.now()
    return lambda: asked + clock.monotonic() - began


def _reserve(
    shared: SharedStore, admission: SharedAdmission, question: Question, now: Callable[[], float], store: Store
) -> None:
    # Of the calls that tell how a limit has adapted one follows the other.
    turn = nullcontext() if question.adaptation is None else shared.turn(question.adaptation.key)
    with turn:
        tells = admission.is_to_tell(question, now())
        for number in range(_TRIES):
            before = now()
            request = admission.request(question, before, tells=tells and number < _TRIES - 1)
            given = store.reserve(request, TIMEOUT)
            if admission.answered(question, request, given, asked=before, received=now()):
                return


def tell_change(call: Progress, shared: SharedStore) -> None:
    """Tell that the store went away or is back, if no call has told it yet."""
    change = shared.take_change() if call.watch.sinks else None
    if change is not None:
        call.watch.tell(StateChanged(is_away=change == "away", on_unavailable=shared.settings.on_unavailable))
