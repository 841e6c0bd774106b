"""Advice on a failed call whose rule asked for an impossible action: for its note, the log and the summary of a run."""

from __future__ import annotations

from typing import Final

from resilience.clients.common.lookups import Ambiguous
from resilience.core.decision import Fail, StopReason
from resilience.core.operations import advice
from resilience.core.operations.subject import Subject
from resilience.core.policy import Rule
from resilience.engine.call.progress import Progress

ADVISED: Final[frozenset[StopReason]] = frozenset({"unverified", "not_ours", "no_credentials", "remedy"})
"""The stop reasons for which there may be advice."""


def advice_on(call: Progress, decision: Fail) -> str | None:
    """Return one sentence about a failed call; None if the policy did what it says."""
    target, plan, rule = call.target, call.plan, decision.rule
    if not plan.enabled:
        return None
    match decision.reason:
        case "unverified":
            fault = call.made[-1].fault if call.made else None
            label = "an earlier run" if fault is None else fault.label
            return advice.unrepeatable(_subject(call), label, rule, ask=target.how_to_look)
        case "not_ours" if rule is not None and rule.action.do == "accept" and not call.renamed:
            is_known = target.setting.ledger is not None or advice.can_be_ours(plan)
            return None if is_known else advice.never_ours(_subject(call), rule)
        case "no_credentials":
            return target.how_to_refresh
        case "remedy" if decision.by_remedy:
            cause = None if call.remedy_error is None else call.remedy_error.__cause__
            if isinstance(cause, Ambiguous) and target.buys_unknown:
                return advice.indistinct(_subject(call), target.operation.distinct)
        case "remedy" if rule is not None and _renames(rule) and not plan.can_rename:
            return advice.nothing_to_rename(_subject(call))
    return None


def _subject(call: Progress) -> Subject:
    return call.target.subject_of(call.args, call.kwargs)


def _renames(rule: Rule) -> bool:
    return any(action.do == "rename" for action in rule.action.chain)
