"""The state of a call under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from resilience.core.call import CallCommands, Command
from resilience.core.decision import Decision, MachineEvent, StopReason
from resilience.core.fault import Fault
from resilience.core.history import Met
from resilience.core.machine import begin
from resilience.core.values import record
from resilience.engine.errors import DeadlineExceeded
from resilience.engine.outcome import Attempt, Outcome
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import Job
from resilience.engine.target.arguments import LazyArguments
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.observers import Watch
from resilience.engine.target.target import Target

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@record
class Made:
    """
    An attempt that ended with a value or a fault. Its public record is made only for an outcome.

    Attributes:
        number: The number, counted from 1.
        duration: The duration, in seconds.
        met: The fault with its rule; None after a success.
        decision: The decision; None after a success.
    """

    number: int
    duration: float
    met: Met | None = None
    decision: Decision | None = None

    @property
    def fault(self) -> Fault | None:
        """The fault; None after a success."""
        return None if self.met is None else self.met.fault

    def record(self) -> Attempt:
        """Return the public record."""
        if self.met is None or self.decision is None:
            return Attempt(number=self.number, duration=self.duration)
        met = self.met
        return Attempt(
            number=self.number,
            duration=self.duration,
            fault=met.fault,
            effect=met.effect,
            rule=met.rule,
            decision=self.decision,
            delay=self.decision.delay,
        )


class Progress:
    """
    One call under way: all of its state that changes.

    A field that most calls never set has its first value in the class: setting twenty fields takes longer than a
    decision.

    Attributes:
        target: The target of the call.
        args: The arguments, as last sent.
        kwargs: The arguments by name, as last sent.
        started: The start of the call, on the runtime's clock.
        now: Reads that clock.
        sleep: Waits some seconds on that clock.
        plan: The machine's plan for the target.
        history: The machine's memory of the call.
        commands: The generator of the call's commands.
        watch: The observers that watch the call.
        track: The claim of the call in the ledger; None if it has none.
        is_begun: Whether the call has its name, and the ledger has answered.
        made: The attempts that ended with a value or a fault.
        renamed: By renamed field, as the service spells it, the first and the last name.
        no_name: Why a rename found no name; None if every rename found one.
        generations: The generation of the credentials that the last attempt used, by provider.
        waited: The sum of all waits, in seconds.
        value: The value of the last attempt or verification.
        error: The exception of the last attempt.
        remedy_error: The exception of the last remedy.
        advice: Why the rule's action was impossible, and what to write in the policy; None if it was possible.
        jobs: The jobs of its attempts in worker threads; a thread may outlive its attempt.
        paid: The number of payments by the retry budget that observers know of.
        has_thread: Whether the call holds one of the executor's threads.
        stop_reason: Why the call ended.
        verified: Whether an accepted call was verified; None if it was not accepted.
        discarded: What verifiers discarded.
    """

    commands: CallCommands
    track: LedgerClaim | None = None
    is_begun: bool = False
    renamed: Mapping[str, tuple[str, str]] = _NOTHING
    no_name: str | None = None
    generations: Mapping[str, int] = _NOTHING
    waited: float = 0.0
    value: Any = None
    error: Exception | None = None
    remedy_error: Exception | None = None
    advice: str | None = None
    jobs: Sequence[Job] = ()
    has_thread: bool = False
    paid: int = 0
    stop_reason: StopReason = "success"
    verified: bool | None = None
    discarded: tuple[str, ...] = ()

    def __init__(
        self,
        target: Target,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        started: float | None,
        watch: Watch | None = None,
    ) -> None:
        """Begin a call. ``started`` is None for a start now; ``watch`` is None if no observer was asked yet."""
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.plan = target.plan
        now: Callable[[], float]
        sleep: Callable[[float], Awaitable[object]]
        now, sleep = target.runtime.timing()
        self.now, self.sleep = now, sleep
        self.started = now() if started is None else started
        self.history = (
            begin(self.plan, now=self.started, budget=target.budget, breaker=target.breaker, admission=target.admission)
            if target.shares_limits
            else begin(self.plan, now=self.started)
        )
        self.made: list[Made] = []
        setting = target.setting
        if setting.ledger is not None:
            self.track = target.track(args, kwargs)
        self.watch = setting.audience.admit(target.started) if watch is None else watch

    @property
    def runtime(self) -> Runtime:
        """The runtime of the call."""
        return self.target.runtime

    def report(self, event: MachineEvent) -> Command:
        """Report the result of the last command; return the next command. The decision is in the history."""
        return self.commands.send((event, self.now(), self.target.setting.draw()))

    def at_work(self) -> float | None:
        """Return until when a thread of this call worked; infinite while one works, None if the call had none."""
        return max((job.ended_at for job in self.jobs), default=None)

    def cut_short(self, what: str, seconds: float, *, lease: float | None = None) -> DeadlineExceeded:
        """
        Return our own exception for a part of the call that a limit cut short.

        Its cause is the last exception that is not ours.

        Args:
            what: The part of the call.
            seconds: The duration of that part, in seconds.
            lease: The lease of the ledger, in seconds, if the lease cut it short; None for a limit of the policy.
        """
        limits = self.plan.limits
        limit: Literal["deadline", "attempt_timeout", "lease"] = "deadline"
        length = limits.deadline
        if lease is not None:
            limit, length = "lease", lease
        # Instants on a clock that has run for long are rounded more coarsely than the limit itself.
        if limits.attempt_timeout is not None and seconds >= limits.attempt_timeout - 1e-6:
            limit, length = "attempt_timeout", limits.attempt_timeout
        error = DeadlineExceeded(self.plan.operation, limit, length or 0.0, what)
        error.__cause__ = self.error.__cause__ if isinstance(self.error, DeadlineExceeded) else self.error
        return error

    def outcome(self) -> Outcome[Any]:
        """Return the outcome of the call; the call forgets its error, which the outcome has."""
        error = self.take_error()
        return Outcome(
            operation=self.plan.operation,
            stop_reason=self.stop_reason,
            value=None if error is not None else self.value,
            error=error,
            verified=self.verified,
            attempts=tuple(each.record() for each in self.made),
            arguments=LazyArguments(self.target.signature, self.args, self.kwargs),
            renamed=self.renamed,
            waited=self.waited,
            may_exist=error is not None and self.history.may_exist,
            discarded=self.discarded,
        )

    def unwrap(self) -> Any:
        """Return the value of a call that has ended, or raise its error."""
        error = self.take_error()
        if error is None:
            return self.value
        try:
            raise error
        finally:
            # The traceback refers to this frame. If the frame referred to the exception, both would wait for the
            # garbage collector.
            del error, self

    def take_error(self) -> Exception | None:
        """Return the error of the call and forget it: by its traceback, the error would refer to itself."""
        error, self.error, self.remedy_error = self.error, None, None
        return error
