"""Rules, plans and faults, as short as a test wants them, and a shell without a network."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from resilience.core.backoff import Backoff
from resilience.core.decision import (
    Accept,
    Decision,
    Fail,
    Failed,
    MachineEvent,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
)
from resilience.core.fault import Effect, Fault
from resilience.core.history import History
from resilience.core.machine import begin, step
from resilience.core.plan import Plan
from resilience.core.policy import Action, Limits, PolicyValues, Rule, Verb

START = 1000.0
"""Where the clock of every test starts; not zero, so that nobody takes an instant for a length of time."""

ONE_SECOND = Backoff(name="one-second", kind="constant", base=1.0, jitter="none")

FAIL = Action(key="fail", do="fail")


def action(do: Verb, **settings: Any) -> Action:
    """Return an action; a retry and a verify wait one second and count, as the ready-made ones count."""
    defaults: dict[str, Any] = {"key": do}
    if do in {"retry", "verify"}:
        defaults |= {"backoff": ONE_SECOND, "counts": True}
    return Action(do=do, **{**defaults, **settings})


RETRY = action("retry")
VERIFY = action("verify")
REFRESH = action("refresh")
RENAME = action("rename", max=5)
ACCEPT = action("accept")


def rule(
    code: str,
    do: Action,
    *,
    scope: str = "alibaba",
    operation: str | None = None,
    effect: Effect | None = None,
) -> Rule:
    written = code if operation is None else f"{operation}/{code}"
    return Rule(id=f'{scope}."{written}"', scope=scope, operation=operation, code=code, action=do, effect=effect)


def policy(
    *rules: Rule,
    unknown: Action = FAIL,
    deadline: float | None = 120.0,
    max_attempts: int = 6,
    settle: float = 30.0,
    attempt_timeout: float | None = None,
    **settings: Any,
) -> PolicyValues:
    limits = Limits(deadline=deadline, max_attempts=max_attempts, settle=settle, attempt_timeout=attempt_timeout)
    return PolicyValues(name="test", limits=limits, rules=rules, unknown=unknown, **settings)


def plan(values: PolicyValues, **facts: Any) -> Plan:
    """Return a plan for CreateGroupId of Alibaba, which the service refuses the second time."""
    return Plan(
        **{"operation": "CreateGroupId", "provider": "alibaba", "policy": values, "repeat": "conflict", **facts}
    )


def fault(code: str | None = None, *, effect: Effect | None = "none", **facts: Any) -> Fault:
    """Return a fault that changed nothing, unless it says otherwise."""
    return Fault(code=code, effect=effect, **facts)


LOST = Fault(transport="lost", effect="unknown")


@define
class Shell:
    """
    Obeys the machine on a clock of its own: it waits as it was told before the next event.

    Attributes:
        history: The call so far.
        now: The clock.
        decisions: Every decision, in order.
    """

    history: History
    now: float = START
    decisions: list[Decision] = field(factory=list)

    @classmethod
    def of(cls, plan: Plan, *, ours: bool = False) -> Shell:
        return cls(begin(plan, now=START, ours=ours))

    def tell(self, event: MachineEvent, *, took: float = 0.0, draw: float = 0.5) -> Decision:
        """Report an event that came ``took`` seconds after the last wait was over."""
        self.now += took
        self.history, decision = step(self.history, event, now=self.now, draw=draw)
        self.decisions.append(decision)
        if not isinstance(decision, Accept | Fail):
            self.now += decision.delay
        return decision

    def fails(self, *faults: Fault, inner: bool = False, took: float = 0.0, draw: float = 0.5) -> Decision:
        return self.tell(Failed(faults, inner=inner), took=took, draw=draw)

    def is_there(self, *, took: float = 0.0) -> Decision:
        return self.tell(Verified(there=True), took=took)

    def is_not_there(self, *, took: float = 0.0) -> Decision:
        return self.tell(Verified(there=False), took=took)

    def is_discarded(self, *, took: float = 0.0) -> Decision:
        return self.tell(Verified(there=False, discarded=True), took=took)

    def cannot_verify(self, why: Fault | None, *, took: float = 0.0) -> Decision:
        return self.tell(VerifyFailed(why), took=took)

    def refreshed(self, *, took: float = 0.0) -> Decision:
        return self.tell(Refreshed(), took=took)

    def refresh_failed(self, *, took: float = 0.0) -> Decision:
        return self.tell(RefreshFailed(), took=took)

    def renamed(self) -> Decision:
        return self.tell(Renamed())

    def rename_impossible(self) -> Decision:
        return self.tell(RenameImpossible())


def reason(decision: Decision) -> str:
    """Return why a call stopped; a decision that does not stop it is a failure of the test."""
    assert isinstance(decision, Fail), decision
    return decision.reason
