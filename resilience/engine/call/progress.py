"""What a call knows of itself while it runs."""

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
    An attempt that ended in a value or a fault. Its public record is made when an outcome is asked for.

    Attributes:
        number: Counted from 1.
        duration: In seconds.
        met: What it failed with; None after a success.
        decision: What was decided; None after a success.
    """

    number: int
    duration: float
    met: Met | None = None
    decision: Decision | None = None

    @property
    def fault(self) -> Fault | None:
        """What it failed with."""
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
    One call under way: everything of it that changes.

    What most calls never set has its value in the class. To set twenty fields takes longer than to decide.

    Attributes:
        target: What is called.
        args: The arguments as they were last sent.
        kwargs: Likewise.
        started: When the call started, on the runtime's clock.
        now: That clock.
        sleep: Lets seconds pass on it.
        plan: What the machine knows of the target.
        history: What the machine remembers of the call.
        commands: What the call is to do next.
        watch: Who watches.
        track: The call's place in the ledger, if it has one.
        is_begun: Whether the call has its name, and has asked the ledger.
        made: The attempts that ended in a value or a fault.
        renamed: What was renamed: the service's field, the first and the last name.
        no_name: Why a rename found no name, if one did not.
        generations: Which credentials the last attempt used, by provider.
        waited: In seconds.
        value: What the last attempt or verification brought.
        error: What the last attempt failed with.
        remedy_error: What the last remedy failed with.
        advice: Why a failed call could not be treated as its rule says, and what to write.
        jobs: The threads of its attempts, which may outlive them.
        paid: The payments of its retry budget that observers have been told.
        has_thread: Whether it holds one of the executor's threads.
        stop_reason: Why it ended.
        verified: Whether it was accepted because a verifier said so; None if it was not accepted.
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

    def __init__(
        self,
        target: Target,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        started: float | None,
        watch: Watch | None = None,
    ) -> None:
        """Begin a call. ``started`` is None for now, and ``watch`` is None if no observer was asked yet."""
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
        """What takes time."""
        return self.target.runtime

    def report(self, event: MachineEvent) -> Command:
        """Report what came of the last command; return the next one. What was decided is in the history."""
        return self.commands.send((event, self.now(), self.target.setting.draw()))

    def at_work(self) -> float | None:
        """Return until when a thread of this call was at work, infinite while one is; None if it had none."""
        return max((job.ended_at for job in self.jobs), default=None)

    def cut_short(self, what: str, seconds: float, *, lease: float | None = None) -> DeadlineExceeded:
        """
        Return our own exception for what was cut short; its cause is the last one that was not ours.

        Args:
            what: The part of the call.
            seconds: How long it took.
            lease: The lease of the ledger, if that has cut it short; None for a limit of the policy.
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
        """Return how the call ended, and let go of its error: the outcome has it."""
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
        )

    def unwrap(self) -> Any:
        """Return the value of a call that has ended, or raise its error."""
        error = self.take_error()
        if error is None:
            return self.value
        try:
            raise error
        finally:
            # What holds the exception must not be held by its traceback: both would wait for the collector.
            del error, self

    def take_error(self) -> Exception | None:
        """Return the error that a call ended with, and let go of it: here it would hold itself by its traceback."""
        error, self.error, self.remedy_error = self.error, None, None
        return error
