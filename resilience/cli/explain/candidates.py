"""The rules near a fault, and the reason why each of them does not answer."""

from __future__ import annotations

from attrs import frozen

from resilience.core.fault import Fault
from resilience.core.match import fits, lineage, specificity
from resilience.core.plan import Plan
from resilience.core.policy import Rule
from resilience.policyfile.messages.wording import quoted


@frozen(kw_only=True)
class LostRule:
    """
    A rule that did not answer.

    Attributes:
        rule: The rule.
        why: The reason, in words.
    """

    rule: Rule
    why: str


def keys_of(fault: Fault, provider: str | None) -> list[tuple[str, str]]:
    """Return scope and code of all rules that could answer a fault, in the order of the search."""
    keys: list[tuple[str, str]] = []
    provider = fault.provider or provider
    if fault.code is not None and provider is not None:
        keys += [(provider, code) for code in lineage(fault.code)]
    words = [] if fault.status is None else [f"http-{fault.status}", f"http-{fault.status // 100}xx"]
    words += [] if fault.transport is None else [fault.transport]
    return keys + [(scope, word) for word in words for scope in (f"transport.{provider}", "transport")]


def lost(plan: Plan, fault: Fault) -> tuple[LostRule, ...]:
    """Return the rules for such faults that do not answer this one, the nearest first."""
    winner = plan.rule(fault)
    keys = keys_of(fault, plan.provider)
    found: list[tuple[bool, int, LostRule]] = []
    for rule in plan.policy.rules:
        # Without a provider, the rules of all providers are near.
        scope = "transport" if plan.provider is None and rule.scope.startswith("transport.") else rule.scope
        if rule is winner or (scope, rule.code) not in keys:
            continue
        why = _elsewhere(rule, plan) or condition(rule, fault)
        if why is None and winner is not None:
            found.append((False, keys.index((scope, rule.code)), LostRule(rule=rule, why=_why(rule, winner, fault))))
        elif why is not None:
            found.append((True, keys.index((scope, rule.code)), LostRule(rule=rule, why=why)))
    return tuple(each for *_, each in sorted(found, key=lambda entry: entry[:2]))


def _elsewhere(rule: Rule, plan: Plan) -> str | None:
    """Return the reason why a rule cannot answer any fault of this call, or None."""
    if plan.provider is None and rule.scope.startswith("transport."):
        return f"it is for {rule.scope.removeprefix('transport.')} only"
    if specificity(rule.operation, plan.operation) is None:
        return f"it is for {rule.operation} only"
    return None


def condition(rule: Rule, fault: Fault) -> str | None:
    """Return the reason why a rule does not answer a fault with this message, or None."""
    return (
        None if fits(rule, fault) else f"it is for messages with {quoted(rule.message or '', is_understood=True)} only"
    )


def _why(rule: Rule, winner: Rule, fault: Fault) -> str:
    """Return the reason why another rule answers instead."""
    if rule.key_path == winner.key_path:
        return f"{winner.id} comes first"
    if rule.code == winner.code:
        if rule.scope == winner.scope:
            narrow = winner.operation or ""
            return f"the rule for {narrow} is narrower"
        return "the other one is narrower" if winner.operation != rule.operation else "the provider's own rule counts"
    if rule.scope.startswith("transport"):
        if fault.code is not None and not winner.scope.startswith("transport"):
            return "a status decides only if no rule names the code"
        return f"{winner.code} comes first"
    return f"{winner.code} is longer"
