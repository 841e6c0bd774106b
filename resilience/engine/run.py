"""One call from its first attempt to its outcome: the shell that obeys the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Generic, Literal, TypeVar

import anyio
from attrs import frozen

from resilience.clients import type_name
from resilience.core import decision as core
from resilience.core.decision import StopReason
from resilience.core.fault import Fault
from resilience.core.machine import attempt_limit, begin, remedy_limit, step
from resilience.core.rename import name_hash, next_name
from resilience.engine import decided
from resilience.engine.callee import DONE, Callee
from resilience.engine.errors import DeadlineExceeded, RemedyFailed
from resilience.engine.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallEnded,
    CallStarted,
    RefreshEnded,
    RefreshStarted,
    Renamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.engine.notes import attach, note
from resilience.engine.outcome import Attempt, Outcome
from resilience.engine.scope import Ran, run_until

T = TypeVar("T")

_CLOCK_ERROR: Final = 1e-3

_CUT: Final = Fault(transport="lost", effect="unknown", error="resilience.DeadlineExceeded")


@frozen
class FirstAttempt:
    """
    An attempt that the quick path has made already, and that failed.

    Attributes:
        ran: How it ended.
        started: When it started; None where the quick path, having no limit, read no clock.
        decided_before: The number of decisions made before it started.
    """

    ran: Ran
    started: float | None
    decided_before: int


class Run(Generic[T]):
    """One call. It is driven once."""

    __slots__ = (
        "_args",
        "_attempts",
        "_begun",
        "_callee",
        "_error",
        "_generations",
        "_history",
        "_kwargs",
        "_left",
        "_over",
        "_plan",
        "_remedy_error",
        "_renamed",
        "_started",
        "_value",
        "_waited",
        "_watch",
    )

    def __init__(self, callee: Callee, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._callee = callee
        self._plan = callee.plan
        self._args = args
        self._kwargs = dict(kwargs)
        self._attempts: list[Attempt] = []
        self._renamed: dict[str, tuple[str, str]] = {}
        self._generations: dict[str, int] = {}
        self._begun = 0
        self._waited = 0.0
        self._error: Exception | None = None  # of the last attempt
        self._remedy_error: Exception | None = None  # of the last remedy that failed
        self._left: str | None = None  # the class of an exception that leaves at once: a mistake in a program
        self._over = False
        self._value: Any = None

    async def drive(self, first: FirstAttempt | None = None) -> Outcome[T]:
        """
        Make attempts and obey decisions until the call has ended.

        Returns:
            The outcome, also of a call that failed.

        Raises:
            Exception: A programming error, which no policy decides.
        """
        now = anyio.current_time()
        self._started = now if first is None or first.started is None else first.started
        self._history = begin(self._plan, now=self._started)
        self._watch = self._callee.setting.audience.admit(
            CallStarted(operation=self._plan.operation, provider=self._plan.provider, policy=self._plan.policy)
        )
        try:
            decision = await self._attempt() if first is None else self._first(first, now)
            while decision is not None:
                if isinstance(decision, core.Fail):
                    return self._failed(decision)
                if isinstance(decision, core.Accept):
                    return self._accepted(decision)
                decision = await self._obey(decision)
            return self._end(self._outcome("success"), None)
        except Exception as error:
            # A programming error, or what one of the user's hooks raised: no cancellation.
            self._left = type_name(error)
            raise
        finally:
            if not self._over:
                self._watch.tell(self._call_ended("cancelled" if self._left is None else None))

    def _step(self, event: core.Event) -> core.Decision:
        now = anyio.current_time()
        self._history, decision = step(self._history, event, now=now, draw=self._callee.setting.draw())
        return decision

    async def _obey(self, decision: core.Decision) -> core.Decision | None:
        """Wait, do what was decided, and return the next decision, or None after a success."""
        if isinstance(decision, core.Fail | core.Accept):
            raise TypeError("an end is not obeyed")
        self._waited += decision.delay
        if decision.delay > 0 or isinstance(decision, core.Wait):
            await anyio.sleep(decision.delay)
        match decision:
            case core.Wait():
                return await self._attempt()
            case core.Refresh(provider=provider):
                return await self._refresh(provider or "")
            case core.Rename(number=number):
                return self._rename(number, decision)
            case core.Verify():
                return await self._verify()

    # attempts

    async def _attempt(self) -> core.Decision | None:
        """Make one attempt; return what follows its failure, or None if it succeeded."""
        for provider, source in self._callee.setting.sources.items():
            if self._plan.provider in {provider, None}:
                if not await self._renewed(provider, rejected=None):
                    return self._step(core.RefreshFailed())
                self._generations[provider] = source.generation
        number = self._history.attempts + 1
        before = decided.count[0]
        started = anyio.current_time()
        self._begun = number
        self._watch.tell(AttemptStarted(number=number))
        ran: Ran | None = None
        try:
            limit = attempt_limit(self._history, now=started)
            ran = await run_until(limit, self._callee.invoke, self._args, self._kwargs)
        finally:
            duration = anyio.current_time() - started
            if ran is None:
                self._watch.tell(AttemptAborted(number=number, duration=duration, error=None))
        if ran.error is None and not ran.cut and (refusal := self._callee.refusal(ran.value)) is not None:
            ran = Ran(error=refusal)
        if ran.cut or ran.error is not None:
            return self._after_failure(ran, duration, before)
        self._value = ran.value
        self._watch.tell(AttemptSucceeded(number=number, duration=duration))
        self._attempts.append(Attempt(number=number, duration=duration))
        return None

    def _first(self, first: FirstAttempt, now: float) -> core.Decision:
        self._begun = 1
        self._watch.tell(AttemptStarted(number=1))
        return self._after_failure(first.ran, now - self._started, first.decided_before)

    def _after_failure(self, ran: Ran, duration: float, before: int) -> core.Decision:
        """Read what an attempt raised, decide, record and tell."""
        number = self._history.attempts + 1
        faults: tuple[Fault, ...] = (_CUT,)
        if ran.error is None:
            self._error = self._cut_short(f"attempt {number}", duration)
        else:
            read = self._callee.faults(ran.error)
            if read is None:
                self._watch.tell(AttemptAborted(number=number, duration=duration, error=type_name(ran.error)))
                raise ran.error
            faults, self._error = read, ran.error
        inner = ran.error is not None and decided.is_decided(ran.error, before)
        decision = self._step(core.Failed(faults, inner=inner))
        rules = [self._plan.rule(each) for each in faults]
        deciding = rules.index(decision.rule) if decision.rule in rules else 0
        fault, rule = faults[deciding], rules[deciding]
        effect = self._plan.effect(fault, rule)
        delay = 0.0 if isinstance(decision, core.Fail | core.Accept) else decision.delay
        self._attempts.append(
            Attempt(
                number=number,
                duration=duration,
                fault=fault,
                effect=effect,
                rule=rule,
                decision=decision,
                delay=delay,
            )
        )
        self._watch.tell(
            AttemptFailed(number=number, fault=fault, effect=effect, decision=decision, duration=duration, cut=ran.cut)
        )
        return decision

    # remedies

    async def _refresh(self, provider: str) -> core.Decision:
        renewed = await self._renewed(provider, rejected=self._generations.get(provider, 0))
        return self._step(core.Refreshed() if renewed else core.RefreshFailed())

    async def _renewed(self, provider: str, *, rejected: int | None) -> bool:
        """Replace a rejected generation of credentials, or just see to it that there are some."""
        source = self._callee.setting.sources[provider]
        limits = self._plan.policy.credentials.get(provider)
        started = anyio.current_time()
        flights: list[object] = []
        number = self._history.attempts

        def ended(*, error: str | None = None, cancelled: bool = False) -> None:
            if flights:
                duration = anyio.current_time() - started
                self._watch.tell(
                    RefreshEnded(flight=flights.pop(), duration=duration, error=error, cancelled=cancelled)
                )

        def on_flight(flight: object, leads: bool) -> None:  # noqa: FBT001  # the callback's type
            ended()
            flights.append(flight)
            self._watch.tell(RefreshStarted(provider=provider, flight=flight, leads=leads, number=number))

        ran: Ran | None = None
        try:
            limit = remedy_limit(self._history, now=started)
            if rejected is None:
                ran = await run_until(limit, source.ready, (limits, on_flight), {})
            else:
                ran = await run_until(limit, source.renew, (rejected, limits, on_flight), {})
        finally:
            if ran is None:
                ended(cancelled=True)
        failure = self._cut_short("refresh", anyio.current_time() - started) if ran.cut else ran.error
        # A renewal ahead of expiry may fail without harm: then the failure comes as a value.
        told = failure or ran.value
        ended(error=None if told is None else type_name(told.__cause__ or told))
        if failure is None:
            return True
        self._remedy_error = failure
        self._remedy_error.__context__ = self._error
        return False

    async def _verify(self) -> core.Decision:
        before = decided.count[0]
        started = anyio.current_time()
        self._watch.tell(VerifyStarted(number=self._history.attempts))
        ran: Ran | None = None
        try:
            limit = remedy_limit(self._history, now=started)
            ran = await run_until(limit, self._callee.verify, self._args, self._kwargs)
        finally:
            duration = anyio.current_time() - started
            if ran is None:
                self._watch.tell(VerifyEnded(there=None, decision=None, duration=duration))
        if ran.error is None and not ran.cut:
            there = ran.value is not None
            self._value = None if ran.value is DONE else ran.value
            decision = self._step(core.Verified(there))
            self._watch.tell(VerifyEnded(there=there, decision=decision, duration=duration))
            return decision
        fault: Fault | None = _CUT
        if ran.error is None:
            self._remedy_error = self._cut_short("verify", duration)
        else:
            faults = self._callee.faults(ran.error)
            fault = None if faults is None or decided.is_decided(ran.error, before) else faults[0]
            self._remedy_error = RemedyFailed("verify", f"the verifier failed ({type_name(ran.error)})")
            self._remedy_error.__cause__ = ran.error
        self._remedy_error.__context__ = self._error
        decision = self._step(core.VerifyFailed(fault))
        error = type_name(ran.error or self._remedy_error)
        self._watch.tell(VerifyEnded(there=None, decision=decision, duration=duration, error=error))
        return decision

    def _rename(self, number: int, decision: core.Rename) -> core.Decision:
        operation, signature = self._callee.operation, self._callee.signature
        name = operation.rename or ""
        old = signature.get(name, self._args, self._kwargs)
        if old is None or decision.action is None:
            return self._step(core.RenameImpossible())
        original = self._renamed.get(name, (old, old))[0]
        others = [signature.get(key, self._args, self._kwargs) or "" for key in operation.key if key != name]
        digest = name_hash(self._callee.setting.account, *others, original)
        new = next_name(original, number, decision.action, operation.law, digest=digest)
        if new is None or new == old:
            return self._step(core.RenameImpossible())
        try:
            self._args, self._kwargs = signature.replace(name, new, self._args, self._kwargs)
        except LookupError:
            return self._step(core.RenameImpossible())
        self._renamed[name] = (original, new)
        event = Renamed(operation=operation.name, field=name, old=old, new=new)
        self._watch.tell(event)
        if self._callee.setting.on_rename is not None:
            self._callee.setting.on_rename(event)
        return self._step(core.Renamed())

    def _cut_short(self, what: str, seconds: float) -> DeadlineExceeded:
        """Return our own exception for what was cut short; its cause is the last one that was not ours."""
        limits = self._plan.policy.limits
        limit: Literal["deadline", "attempt_timeout"] = "deadline"
        length = limits.deadline
        # Clocks round: what was cut after 4.999999 s was cut by a timeout of 5 s.
        if limits.attempt_timeout is not None and seconds >= limits.attempt_timeout - _CLOCK_ERROR:
            limit, length = "attempt_timeout", limits.attempt_timeout
        error = DeadlineExceeded(self._plan.operation, limit, length or 0.0, what)
        error.__cause__ = self._error.__cause__ if isinstance(self._error, DeadlineExceeded) else self._error
        return error

    # the end

    def _accepted(self, decision: core.Accept) -> Outcome[T]:
        if not decision.verified:
            make = self._callee.accepted
            self._value = None if make is None or decision.dry_run else make(*self._args, **self._kwargs)
        reason: StopReason = "dry_run" if decision.dry_run else "accepted"
        return self._end(self._outcome(reason, verified=decision.verified), decision)

    def _failed(self, decision: core.Fail) -> Outcome[T]:
        error = self._remedy_error if decision.by_remedy else self._error
        if error is None:
            raise AssertionError("a call failed without an exception")
        self._value = None
        outcome = self._outcome(decision.reason, error=error)
        attach(error, note(outcome, decision.rule, can_verify=self._plan.can_verify))
        decided.mark(error)
        return self._end(outcome, decision)

    def _outcome(
        self, reason: StopReason, *, error: Exception | None = None, verified: bool | None = None
    ) -> Outcome[T]:
        return Outcome(
            operation=self._plan.operation,
            stop_reason=reason,
            value=self._value,
            error=error,
            verified=verified,
            attempts=tuple(self._attempts),
            arguments=self._callee.signature.bound(self._args, self._kwargs),
            renamed=dict(self._renamed),
            waited=self._waited,
            may_exist=error is not None and self._history.unresolved and self._plan.repeat != "safe",
        )

    def _end(self, outcome: Outcome[T], decision: core.Fail | core.Accept | None) -> Outcome[T]:
        self._over = True
        # The outcome has it; here it would hold itself, through the frames of its traceback.
        self._error = self._remedy_error = None
        self._watch.tell(self._call_ended(outcome.ended, outcome, decision))
        return outcome

    def _call_ended(
        self,
        ended: core.Ended | Literal["cancelled"] | None,
        outcome: Outcome[T] | None = None,
        decision: core.Fail | core.Accept | None = None,
    ) -> CallEnded:
        reason: StopReason | None = "cancelled" if ended == "cancelled" else None
        error = self._left
        if outcome is not None:
            reason = outcome.stop_reason
            error = None if outcome.error is None else type_name(outcome.error)
        return CallEnded(
            ended=ended,
            stop_reason=reason,
            attempts=self._begun,
            waited=self._waited,
            duration=anyio.current_time() - self._started,
            fault=self._attempts[-1].fault if error is not None and self._attempts else None,
            rule=None if decision is None else decision.rule,
            error=error,
            verified=None if outcome is None else outcome.verified,
            renamed=dict(self._renamed),
        )
