"""The faults of a recorded call: with a message that leads to the recorded answer, and those of its verifier."""

from __future__ import annotations

from attrs import evolve

from resilience.core.decision import VerifyFailed
from resilience.core.fault import CUT, TRANSPORTS, Fault
from resilience.core.history import History
from resilience.core.match import condition
from resilience.core.plan import Plan
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy
from resilience.simulation.jitter_inversion import reaches


class UndecidedError(Exception):
    """Several answers of the policy are possible, because the recording does not have the message."""


def recorded_fault(recorded: RecordedAttempt, call: RecordedCall, plan: Plan) -> Fault | None:
    """
    Return the fault of an attempt, with a message that leads to the recorded answer; None for a success.

    Args:
        recorded: The attempt.
        call: The call with this attempt.
        plan: The policy of the replay.

    Raises:
        UndecidedError: The policy's answer depends on a message, which no recording has.
    """
    fault = recorded.fault
    candidates = () if fault is None else plan.candidates(fault)
    if fault is None or recorded.cut or all(rule.message is None for rule in candidates):
        return fault
    same = bool(call.policy_hash) and call.policy_hash == plan.policy.digest
    for rule in (*candidates, None):
        is_it = same and recorded.rule_id == (None if rule is None else rule.id)
        if is_it or (recorded.condition is not None and recorded.condition == condition(candidates, rule)):
            return evolve(fault, message="" if rule is None else rule.message or "")
    raise UndecidedError(f"this policy's answer to {fault.label} depends on its message, and messages are not recorded")


def verifier_fault(history: History, plan: Plan, recorded: RecordedRemedy, now: float) -> Fault | None:
    """Return a fault that leads to the decision after a verifier's failure; None if there is none."""
    rules = [each for each in plan.table.rules() if each.scope == plan.provider]
    known = [Fault(provider=each.scope, code=each.code) for each in rules]
    for fault in (None, CUT, *(Fault(transport=each) for each in TRANSPORTS), *known):
        if reaches(history, VerifyFailed(fault), now=now, recorded=recorded):
            return fault
    return None
