"""The attributes for policies, faults, decisions, rules, shared limits and renames; nothing else of them is shown."""

from __future__ import annotations

from typing import Final

from opentelemetry.util.types import AttributeValue

from resilience.core.decision import Decision
from resilience.core.events import BreakerChanged, RateAdapted
from resilience.core.fault import Fault
from resilience.core.policy import PolicyValues, Rule
from resilience.core.words.labels import cleaned
from resilience.telemetry import names

Attributes = dict[str, AttributeValue]

# Finding the origin of a rule takes 11 us, as long as five attributes in the SDK. The key is the id of the rule, since
# the hash of a rule covers all its fields; the dictionary keeps the rule, so that no other one gets its id.
_rules: Final[dict[int, tuple[Rule, Attributes]]] = {}
_MOST_RULES: Final = 1024


def policy_attributes(policy: PolicyValues) -> Attributes:
    """Return the attributes for a policy's name, hash and environment."""
    attributes: Attributes = {names.POLICY_NAME: policy.name}
    if policy.digest:
        attributes[names.POLICY_HASH] = policy.digest
    if policy.env is not None:
        attributes[names.POLICY_ENV] = policy.env
    return attributes


def fault_attributes(fault: Fault) -> Attributes:
    """Return the attributes for a fault's code, status, request id and kind of transport fault, as far as known."""
    attributes: Attributes = {}
    code, request_id = cleaned(fault.code), cleaned(fault.request_id)
    if code is not None:
        attributes[names.ERROR_CODE] = code
    if fault.transport is not None:
        attributes[names.ERROR_TRANSPORT] = fault.transport
    if request_id is not None:
        attributes[names.REQUEST_ID] = request_id
    if fault.status is not None:
        attributes[names.ERROR_STATUS] = fault.status
    return attributes


def decision_attributes(decision: Decision) -> Attributes:
    """Return the attributes for a decision's action, its rule, and its delay if the call goes on."""
    attributes = rule_attributes(decision.rule)
    attributes[names.ACTION] = decision.verb
    if decision.leads_on:
        attributes[names.DELAY] = decision.delay
    return attributes


def rule_attributes(rule: Rule | None) -> Attributes:
    """Return the attributes for a rule's id, and its file and line, unless the policy was built in Python."""
    if rule is None:
        return {}
    known = _rules.get(id(rule))
    if known is None or known[0] is not rule:
        known = rule, _made(rule)
        if len(_rules) >= _MOST_RULES:
            _rules.clear()
        _rules[id(rule)] = known
    return known[1].copy()


def _made(rule: Rule) -> Attributes:
    attributes: Attributes = {names.RULE_ID: rule.id}
    origin = rule.origin
    if origin is not None:
        attributes[names.RULE_ORIGIN] = f"{origin.file}:{origin.line}"
    return attributes


def breaker_name(event: BreakerChanged) -> str:
    """Return the name of a breaker: its provider, or its provider and operation."""
    return event.provider if event.operation is None else f"{event.provider}:{event.operation}"


def breaker_attributes(event: BreakerChanged) -> Attributes:
    """Return the attributes for a breaker's change, with the results that opened it."""
    attributes: Attributes = {
        names.BREAKER_NAME: breaker_name(event),
        names.BREAKER_STATE: event.new,
        names.BREAKER_BEFORE: event.old,
        names.BREAKER_SHADOW: event.is_shadow,
        names.BREAKER_BY_HAND: event.by_hand,
    }
    if event.results:
        attributes |= {names.BREAKER_FAILURES: event.failures, names.BREAKER_RESULTS: event.results}
    return attributes


def adapted_attributes(event: RateAdapted) -> Attributes:
    """Return the attributes for a rate limit's change, with what the service answered."""
    change = event.change
    attributes: Attributes = {
        names.RATE_PROVIDER: event.provider,
        names.RATE_OPERATION: change.operation,
        names.RATE_LIMIT: change.new,
        names.RATE_BEFORE: change.old,
        names.RATE_REFUSED: change.refused,
        names.RATE_ANSWERED: change.answered,
    }
    if change.declared is not None:
        attributes[names.RATE_DECLARED] = change.declared
    return attributes


def rename_attributes(field: str, new: str, *, show_name: bool) -> Attributes:
    """Return the attributes for the renamed field, and for the new name if it may be shown."""
    attributes: Attributes = {names.INPUT_FIELD: field}
    shown = cleaned(new) if show_name else None
    if shown is not None:
        attributes[names.INPUT_NAME] = shown
    return attributes
