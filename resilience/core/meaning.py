"""What a fault means to a plan: the rule that answers it, its effect, and the action that is asked for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from resilience.core.admission.result import Result, result_of_fault, worst
from resilience.core.decision import Fail, Failed
from resilience.core.fault import Effect, Fault
from resilience.core.history import Choice
from resilience.core.plan import Plan
from resilience.core.policy import Rule

# Codes come from servers: what is remembered of them must not grow without bound.
_MEMO_SIZE: Final = 1024


class Meaning(NamedTuple):
    """
    What a fault means to a plan, whatever the call has been through.

    Attributes:
        rule: The rule that answers it, or None.
        effect: Whether the request may have taken effect.
        choice: The action that the rule asks for.
        is_certain: Whether nothing can stand in the way of that action.
        end: The decision, where that action is to fail.
    """

    rule: Rule | None
    effect: Effect
    choice: Choice
    is_certain: bool
    end: Fail | None


def meaning_of(plan: Plan, fault: Fault) -> Meaning:
    """Return what a fault means; the plan remembers it where no rule looks at the fault's message."""
    question = (fault.provider, fault.code, fault.transport, fault.status, fault.effect)
    found: Meaning | None = plan.memo.get(question)
    if found is None:
        rule = plan.rule(fault)
        action = plan.policy.unknown if rule is None else rule.action
        choice = Choice(rule, action, "unknown" if rule is None else "rule", fault.provider or plan.provider)
        is_certain = action.max is None and action.lasts is None and action.do in {"fail", "retry"}
        end = Fail(rule=rule, action=action, reason=choice.reason) if is_certain and action.do == "fail" else None
        found = Meaning(rule, plan.effect(fault, rule), choice, is_certain, end)
        if all(each.message is None for each in plan.candidates(fault)):
            _remember(plan, question, found)
    return found


def result_of(plan: Plan, event: Failed) -> Result:
    """Return what an attempt that failed says about the service, for the limits that calls share."""
    if event.inner:
        return "cancelled"  # the call inside it has told its own limits
    return worst([_result(plan, fault) for fault in event.faults])


def _result(plan: Plan, fault: Fault) -> Result:
    action = meaning_of(plan, fault).choice.action
    question = ("result", fault.provider, fault.code, fault.transport, fault.status, action.do, action.counts)
    found: Result | None = plan.memo.get(question)
    if found is None:
        known = None if fault.code is None else plan.result_of_code(fault.provider or plan.provider, fault.code)
        found = result_of_fault(fault, known, action)
        _remember(plan, question, found)
    return found


def _remember(plan: Plan, question: Hashable, answer: object) -> None:
    if len(plan.memo) >= _MEMO_SIZE:
        plan.memo.clear()
    plan.memo[question] = answer
