"""What a call knows of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from attrs import define, field

from resilience.core import events
from resilience.core.call import Admitted, Call, Command, CommandReport, Slept, Succeeded
from resilience.core.decision import Event, StopReason
from resilience.core.history import History
from resilience.core.machine import begin
from resilience.core.plan import Plan
from resilience.engine.arguments import LazyArguments
from resilience.engine.callee import Callee
from resilience.engine.errors import DeadlineExceeded
from resilience.engine.outcome import Attempt, Outcome
from resilience.engine.runtime import Runtime
from resilience.engine.threads import Job
from resilience.engine.tracking import Track
from resilience.engine.watch import Watch


@define(eq=False)
class Progress:
    """
    One call under way: everything of it that changes.

    Attributes:
        callee: What is called.
        args: The arguments as they were last sent.
        kwargs: Likewise.
        started: When the call started, on the runtime's clock.
        runtime: What takes time.
        now: Its clock.
        plan: What the machine knows of the callee.
        history: What the machine remembers of the call.
        commands: What the call is to do next.
        watch: Who watches.
        track: The call's place in the ledger, if it has one.
        is_begun: Whether the call has its name, and has asked the ledger.
        attempts: A record of each attempt that ended in a value or a fault.
        renamed: What was renamed: the service's field, the first and the last name.
        no_name: Why a rename found no name, if one did not.
        generations: Which credentials the last attempt used, by provider.
        waited: In seconds.
        value: What the last attempt or verification brought.
        error: What the last attempt failed with.
        remedy_error: What the last remedy failed with.
        advice: Why a failed call could not be treated as its rule says, and what to write.
        jobs: The threads of its attempts, which may outlive them.
        has_thread: Whether it holds one of the executor's threads.
    """

    callee: Callee
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    started: float
    runtime: Runtime = field(init=False)
    now: Callable[[], float] = field(init=False)
    plan: Plan = field(init=False)
    history: History = field(init=False)
    commands: Call = field(init=False)
    watch: Watch = field(init=False)
    track: Track | None = field(init=False)
    is_begun: bool = field(default=False, init=False)
    attempts: list[Attempt] = field(factory=list, init=False)
    renamed: dict[str, tuple[str, str]] = field(factory=dict, init=False)
    no_name: str | None = field(default=None, init=False)
    generations: dict[str, int] = field(factory=dict, init=False)
    waited: float = field(default=0.0, init=False)
    value: Any = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)
    remedy_error: Exception | None = field(default=None, init=False)
    advice: str | None = field(default=None, init=False)
    jobs: list[Job] = field(factory=list, init=False)
    has_thread: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.runtime = self.callee.runtime
        self.now = self.runtime.timer()
        self.plan = self.callee.plan
        self.history = begin(self.plan, now=self.started)
        self.track = self.callee.track(self.args, self.kwargs)
        self.watch = self.callee.setting.audience.admit(
            events.CallStarted(operation=self.plan.operation, provider=self.plan.provider, policy=self.plan.policy)
        )

    def report(self, event: Event | Admitted | Succeeded | Slept) -> Command:
        """Report what came of the last command; return the next one. What was decided is in the history."""
        return self.commands.send(self.reported(event))

    def reported(self, event: Event | Admitted | Succeeded | Slept) -> CommandReport:
        """Return the report of what has just come of a command."""
        is_decided = not isinstance(event, Admitted | Succeeded | Slept)
        return CommandReport(event, self.now(), self.callee.setting.draw() if is_decided else 0.0)

    def at_work(self) -> float | None:
        """Return until when a thread of this call was at work, infinite while one is; None if it had none."""
        return max((job.ended_at for job in self.jobs), default=None)

    async def wait(self, delay: float) -> None:
        """Sleep, and count what was really slept."""
        started = self.now()
        try:
            await self.runtime.sleep(delay)
        finally:
            self.waited += min(self.now() - started, delay)

    def cut_short(self, what: str, seconds: float) -> DeadlineExceeded:
        """Return our own exception for what was cut short; its cause is the last one that was not ours."""
        limits = self.plan.limits
        limit: Literal["deadline", "attempt_timeout"] = "deadline"
        length = limits.deadline
        # Instants on a clock that has run for long are rounded more coarsely than the limit itself.
        if limits.attempt_timeout is not None and seconds >= limits.attempt_timeout - 1e-6:
            limit, length = "attempt_timeout", limits.attempt_timeout
        error = DeadlineExceeded(self.plan.operation, limit, length or 0.0, what)
        error.__cause__ = self.error.__cause__ if isinstance(self.error, DeadlineExceeded) else self.error
        return error

    def outcome(
        self, reason: StopReason, *, error: Exception | None = None, verified: bool | None = None
    ) -> Outcome[Any]:
        """Return how the call ended."""
        return Outcome(
            operation=self.plan.operation,
            stop_reason=reason,
            value=None if error is not None else self.value,
            error=error,
            verified=verified,
            attempts=tuple(self.attempts),
            arguments=LazyArguments(partial(self.callee.signature.bound, self.args, self.kwargs)),
            renamed=dict(self.renamed),
            waited=self.waited,
            may_exist=error is not None and self.history.may_exist,
        )
