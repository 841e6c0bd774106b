"""The remedies between two attempts: new credentials and verifications. Renames are in :mod:`.renaming`."""

from __future__ import annotations

from typing import Any, Final

from resilience.clients import type_name
from resilience.core import decision as core
from resilience.core import events
from resilience.core.call import Command, DoRefresh
from resilience.core.fault import CUT, Fault
from resilience.core.steps.limits import remedy_limit
from resilience.engine.call import decided
from resilience.engine.call.progress import Progress
from resilience.engine.credentials.refreshes import RefreshInFlight
from resilience.engine.errors import RemedyFailed
from resilience.engine.runtime.runtime import Ran
from resilience.engine.sharing.turns import NOTICED, question_turn
from resilience.engine.target.done import DONE

_NOT_ALLOWED: Final = (
    "the verifier has discarded what an attempt made, and the policy does not say that it may; write "
    'on_lost = "discard" for the operation under [operations]'
)


async def credentials_ready(call: Progress) -> bool:
    """Load or renew the credentials for an attempt; return whether it has valid ones."""
    for provider, source in call.target.sources.items():
        if call.plan.provider in {provider, None}:
            limit = remedy_limit(call.history, now=call.now())
            if not await _renewed(call, provider, limit, rejected=None):
                return False
            call.generations = {**call.generations, provider: source.generation}
    return True


async def refresh(call: Progress, command: DoRefresh) -> core.MachineEvent:
    """Replace the credentials that the last attempt used; return the result."""
    provider = command.provider or ""
    # For another provider no attempt has noted its credentials: the present ones count as rejected.
    rejected = call.generations.get(provider, call.target.sources[provider].generation)
    renewed = await _renewed(call, provider, command.limit, rejected=rejected)
    return core.Refreshed() if renewed else core.RefreshFailed()


async def _renewed(call: Progress, provider: str, limit: float | None, *, rejected: int | None) -> bool:
    """Replace a rejected generation of credentials; if none is rejected, load or renew them if they are due."""
    source = call.target.sources[provider]
    limits = call.plan.policy.credentials.get(provider)
    started = call.now()
    flights: list[object] = []
    leading: list[RefreshInFlight] = []
    number = call.history.attempts

    def ended(*, error: str | None = None, cancelled: bool = False) -> None:
        if flights:
            duration = call.now() - started
            call.watch.tell(
                events.RefreshEnded(flight=flights.pop(), duration=duration, error=error, cancelled=cancelled)
            )

    def on_flight(flight: object, leads: bool) -> None:  # noqa: FBT001  # the callback's type
        ended()
        if leads and isinstance(flight, RefreshInFlight):
            leading.append(flight)
        flights.append(flight)
        call.watch.tell(events.RefreshStarted(provider=provider, flight=flight, leads=leads, number=number))

    ran: Ran | None = None
    try:
        if rejected is None:
            ran = await call.runtime.run_until(limit, source.ready, (limits, on_flight, call.runtime), {})
        else:
            ran = await call.runtime.run_until(limit, source.renew, (rejected, limits, on_flight, call.runtime), {})
    finally:
        # Before an attempt the gate tells of the wait.
        waited = sum(each.waited for each in leading) if rejected is not None else 0.0
        if waited >= NOTICED:
            call.watch.tell(events.Waited(gate="credentials", duration=waited))
        if ran is None:
            ended(cancelled=True)
    failure = call.cut_short("refresh", call.now() - started) if ran.cut else ran.error
    # A renewal ahead of expiry may fail while the credentials are still valid. Its error is then the returned value.
    told = failure or ran.value
    ended(error=None if told is None else type_name(told.__cause__ or told))
    if failure is None:
        return True
    call.remedy_error = failure
    call.remedy_error.__context__ = call.error
    return False


async def verify(call: Progress, limit: float | None) -> Command:
    """Ask the verifier; return the command that follows its answer."""
    before = decided.count[0]
    started = call.now()
    call.watch.tell(events.VerifyStarted(number=call.history.attempts))
    ran: Ran | None = None
    try:
        ran = await call.runtime.run_until(limit, _ask, (call, *call.args), call.kwargs)
    finally:
        duration = call.now() - started
        if ran is None:
            call.watch.tell(events.VerifyEnded(there=None, decision=None, duration=duration))
    is_discard = isinstance(ran.value, core.Discarded)
    if is_discard:
        # Also where the policy does not allow it: it is done.
        call.discarded = (*call.discarded, ran.value.what)
    fault: Fault | None
    if is_discard and not call.target.operation.discards:
        fault = None
        call.remedy_error = RemedyFailed("verify", _NOT_ALLOWED)
    elif ran.error is None and not ran.cut:
        there = ran.value is not None and not is_discard
        call.value = None if ran.value is DONE or is_discard else ran.value
        following = call.report(core.Verified(there, asked=started, at_work=call.at_work(), discarded=is_discard))
        call.watch.tell(
            events.VerifyEnded(there=there, decision=call.history.decision, duration=duration, discarded=is_discard)
        )
        return following
    elif ran.error is None:
        fault = CUT
        call.remedy_error = call.cut_short("verify", duration)
    else:
        faults = call.target.faults(ran.error)
        fault = None if faults is None or decided.marks(ran.error, before) else faults[0]
        call.remedy_error = RemedyFailed("verify", f"the verifier failed ({type_name(ran.error)})")
        call.remedy_error.__cause__ = ran.error
    call.remedy_error.__context__ = call.error
    following = call.report(core.VerifyFailed(fault))
    error = type_name(ran.error or call.remedy_error)
    decision = call.history.decision
    call.watch.tell(events.VerifyEnded(there=None, decision=decision, duration=duration, error=error))
    return following


async def _ask(call: Progress, /, *args: Any, **kwargs: Any) -> Any:
    target = call.target
    async with question_turn(call):
        if not target.verifier_needs_thread:
            return await target.verify(*args, **kwargs)
        async with target.setting.threads.slots():
            return await target.verify(*args, **kwargs)
