"""
The gates that a call passes before an attempt, one after the other.

A gate lets the call pass, or says what keeps the call from the attempt. Before its first attempt a call asks for its
name, and for its key in the ledger. Before each attempt it needs credentials, its turn in the rate limits, a thread for
a plain function, and a closed breaker; then the ledger notes the attempt.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Protocol

from resilience.core import events
from resilience.core.call import ADMITTED, Admitted, pass_breaker
from resilience.core.decision import KnownBefore, MachineEvent, NotAdmitted, RefreshFailed
from resilience.core.events import Recalled, Waited
from resilience.core.steps.limits import fits, last_attempt_end, longest_attempt
from resilience.engine.call import renaming
from resilience.engine.call.progress import Progress
from resilience.engine.call.remedies import credentials_ready
from resilience.engine.sharing.outage import pass_shared
from resilience.engine.sharing.slots import try_again
from resilience.engine.sharing.turns import NOTICED, admitted
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.target import Target
from resilience.state import LedgerError
from resilience.state.store import StateError


class Gate(Protocol):
    """Something that a call needs before an attempt."""

    @property
    def waits_for(self) -> events.GateName | None:
        """Return the name of the wait, for observers; None for a gate that takes no time, or tells its own waits."""
        ...

    def stands_before(self, target: Target) -> bool:
        """Tell whether calls of this target have to pass the gate."""
        ...

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:
        """
        Let the call pass as soon as it may.

        Args:
            call: The call.
            until: The instant at which the call must have ended, on its clock; None for no such instant.

        Returns:
            The reason that keeps the call from an attempt; None if it has passed.
        """
        ...

    def leave(self, call: Progress) -> None:
        """Give back what the attempt held; called once for each attempt, also if the call never entered the gate."""
        ...


async def admit(call: Progress) -> MachineEvent | Admitted:
    """Pass the gates before an attempt, one after the other; return the result."""
    target, until = call.target, call.history.deadline
    if target.gates is None:
        target.gates = tuple(gate for gate in GATES if gate.stands_before(target))
    gates: tuple[Gate, ...] = target.gates
    for gate in gates:
        started = call.now()
        try:
            kept = await gate.enter(call, until)
        except LedgerError as error:
            call.error = error
            return NotAdmitted("ledger")
        except StateError as error:
            call.error = error
            return NotAdmitted("state")
        finally:
            duration = call.now() - started
            if duration >= NOTICED and gate.waits_for is not None:
                call.watch.tell(Waited(gate=gate.waits_for, duration=duration))
        if kept is not None:
            return kept
    call.is_begun = True
    return ADMITTED


def leave(call: Progress) -> None:
    """Give back what an attempt held of its gates."""
    for gate in call.target.gates or ():
        gate.leave(call)


class _HoldsNothing:
    """A gate that holds nothing during an attempt."""

    waits_for: ClassVar[events.GateName | None] = None

    def leave(self, call: Progress) -> None:
        """Do nothing."""


class _OwnName(_HoldsNothing):
    """The name that the call asks for; this run may have given it to another resource."""

    def stands_before(self, target: Target) -> bool:
        return target.renames

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:  # noqa: ARG002  # takes no time
        if call.is_begun:
            return None
        if not renaming.begin(call):
            return renaming.refused(call)
        if call.track is None:
            renaming.follow(call)
        return None


class _Key(_HoldsNothing):
    """The key in the ledger. Another call may be working on it, and an earlier run may have done the work."""

    waits_for = "ledger"

    def stands_before(self, target: Target) -> bool:
        return target.setting.ledger is not None

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:
        track = call.track
        if track is None or call.is_begun:
            return None
        if not await track.claim(until):
            call.error = call.cut_short("waiting for another call on the same resource", 0.0)
            return NotAdmitted("deadline")
        call.is_begun = True
        waited, found = call.now() - call.started, track.found
        answer: Literal["new", "done", "unfinished"] = "new"
        if found is not None:
            answer = "done" if found.state == "done" else "unfinished"
        call.watch.tell(Recalled(answer=answer, waited=waited))
        if track.has_rival:
            return renaming.refused(call, is_recorded=found is not None)
        return None if found is None else self._known(call, track)

    def _known(self, call: Progress, track: LedgerClaim) -> MachineEvent:
        """Take the name that an earlier run used; return what that run did."""
        found = track.found
        if found is None:
            raise ValueError("the ledger knows nothing of the resource")
        for field, (old, new) in found.renamed.items():
            if not renaming.recall(call, old, new):
                return renaming.refused(call)
            if not renaming.send(call, field, old, new):
                raise LedgerError(
                    track.ledger.name,
                    f"an earlier run renamed {field} to {new!r}, and this call has no argument that could hold it; "
                    f"make {found.key} with the function that made it, or forget the entry",
                )
        if found.state == "done":
            return KnownBefore(is_done=True, name=found.number)
        call.error = LedgerError(
            track.ledger.name,
            f"an earlier run started {found.key} and never finished it; look whether it is there, and then forget the "
            "entry" + (f", or {call.target.how_to_look}" if call.target.how_to_look else ""),
        )
        return KnownBefore(is_done=False, name=found.number, then=track.ledger.on_unfinished)


class _Credentials(_HoldsNothing):
    """Valid credentials, from the source of the call's provider."""

    waits_for = "credentials"

    def stands_before(self, target: Target) -> bool:
        return not target.keeps_source or bool(target.sources)

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:  # noqa: ARG002  # has a limit of its own
        return None if await credentials_ready(call) else RefreshFailed()


class _Turn(_HoldsNothing):
    """A place in each of the shared rate limits. The loop of the call gives it back, with the attempt's result."""

    def stands_before(self, target: Target) -> bool:
        return target.admission is not None

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:  # noqa: ARG002  # see last_attempt_end
        history = call.history
        admission = history.admission
        if admission is None:
            return None
        started = now = call.now()
        end = last_attempt_end(history)
        ticket = admission.enter(
            call.plan.operation, call.target.host, now, again=history.begun > 0, takes=longest_attempt(history)
        )
        try:
            await try_again(call, admission, ticket)
            now = call.now()
            if fits(admission.not_before(ticket, now), end) and (
                admission.ask(ticket, now) == 0.0 or await admitted(call, admission, ticket, end)
            ):
                history.ticket = ticket
                return None
            now = call.now()
            return NotAdmitted("rate", admission.not_before(ticket, now) - now or None)
        finally:
            if history.ticket is not ticket:
                admission.leave(ticket, call.now())
            duration = call.now() - started
            if duration >= NOTICED:
                call.watch.tell(Waited(gate=ticket.blocked_by, duration=duration))


class _Thread:
    """A worker thread, for a plain function on an event loop."""

    waits_for: ClassVar[events.GateName | None] = "thread"

    def stands_before(self, target: Target) -> bool:
        return target.needs_thread

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:
        slots = call.target.setting.threads.slots()
        ran = await call.runtime.run_until(until, slots.acquire_on_behalf_of, (call,), {})
        if ran.cut:
            call.error = call.cut_short("waiting for a free thread", 0.0)
            return NotAdmitted("deadline")
        call.has_thread = True
        return None

    def leave(self, call: Progress) -> None:
        if call.has_thread:
            call.has_thread = False
            call.target.setting.threads.slots().release_on_behalf_of(call)


class _Outage(_HoldsNothing):
    """
    The breaker of the call's provider or operation; and, where processes share them, the budget that pays for a retry.

    The loop of the call tells the breaker the result of the attempt.
    """

    def stands_before(self, target: Target) -> bool:
        return target.breaker is not None or (target.budget is not None and target.setting.shared is not None)

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:
        kept = await pass_shared(call, until)
        if kept is not None or call.history.passed is not None:
            return kept
        return pass_breaker(call.history, call.now())


class _Noted(_HoldsNothing):
    """The ledger's note that an attempt is about to begin. Without the note nothing is sent."""

    waits_for = "ledger"

    def stands_before(self, target: Target) -> bool:
        return target.setting.ledger is not None

    async def enter(self, call: Progress, until: float | None) -> MachineEvent | None:  # noqa: ARG002  # the claim knows it
        if call.track is not None:
            await call.track.start(call.history.name, call.renamed)
        return None


_CREDENTIALS: Final = _Credentials()

GATES: Final[tuple[Gate, ...]] = (
    _OwnName(),
    _Key(),
    _CREDENTIALS,
    _Turn(),
    _CREDENTIALS,
    _Thread(),
    _Outage(),
    _Noted(),
)
"""
The gates, in the order in which a call passes them.

Credentials come before the turn in the rate limits, because a place there counts from the moment when the call takes
it. They come once more after it, because they may have expired during the wait. The breaker comes when nothing after it
takes long, so that a probe is sent at once. The note comes last, because a call that a gate keeps back sends nothing.
"""
