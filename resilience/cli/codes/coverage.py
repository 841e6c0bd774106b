"""A policy's action for each code of the catalogue and of the policy's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from attrs import frozen

from resilience.catalog import CodeFacts, catalogue, providers
from resilience.cli.values import label
from resilience.core.fault import Fault, Origin
from resilience.core.match import RuleTable, lineage
from resilience.core.policy import Rule
from resilience.policyfile import Policy
from resilience.policyfile.messages.wording import quoted

By = Literal["code", "parent", "status", "unknown"]
"""What decides: a rule for the code, for its parent or for the HTTP status, or ``unknown``."""


@frozen(kw_only=True)
class CodeAnswer:
    """
    A policy's answer to a code.

    Attributes:
        action: The name of the action.
        by: What decides.
        rule: The rule, or None.
        at: The place of the rule or of ``unknown``.
        narrower: The other actions by operation or glob.
        by_message: The other actions by a text in the message.
    """

    action: str
    by: By
    rule: Rule | None
    at: Origin | None
    narrower: Mapping[str, str]
    by_message: Mapping[str, str]


@frozen(kw_only=True)
class CodeRow:
    """
    One code.

    Attributes:
        code: The code.
        facts: The catalogue's facts; None for a code that only a rule names.
        answer: The policy's answer; None without a policy.
    """

    code: str
    facts: CodeFacts | None
    answer: CodeAnswer | None


def rows(provider: str, policy: Policy | None) -> Iterator[CodeRow]:
    """Yield every code of a provider in the catalogue and in rules, in alphabetical order."""
    known = catalogue(provider).codes if provider in providers() else {}
    named = set() if policy is None else {rule.code for rule in policy.rules if rule.scope == provider}
    table = None if policy is None else RuleTable.of(policy.rules, "")
    narrow: dict[str, list[Rule]] = {}
    for rule in () if policy is None else policy.rules:
        if rule.scope == provider and rule.operation is not None:
            narrow.setdefault(rule.code, []).append(rule)
    for code in sorted({*known, *named}, key=str.lower):
        facts = known.get(code)
        answer = None
        if policy is not None and table is not None:
            fault = Fault(provider=provider, code=code, status=None if facts is None else facts.status)
            answer = _answer(policy, table, fault, provider, narrow)
        yield CodeRow(code=code, facts=facts, answer=answer)


def _answer(
    policy: Policy, table: RuleTable, fault: Fault, provider: str, narrow: Mapping[str, Sequence[Rule]]
) -> CodeAnswer:
    rule = table.match(fault, provider, "")
    by: By = "unknown"
    if rule is not None:
        by = "status" if rule.scope != provider else "code" if rule.code == fault.code else "parent"
    by_message = {
        each.message: label(policy, each.action)
        for each in table.candidates(fault, provider, "")
        if each.message is not None
    }
    narrower = {
        f"{each.operation}" + ("" if each.message is None else f"({quoted(each.message, is_understood=True)})"): label(
            policy, each.action
        )
        for family in reversed(tuple(lineage(fault.code or "")))
        for each in narrow.get(family, ())
    }
    return CodeAnswer(
        action=label(policy, policy.unknown if rule is None else rule.action),
        by=by,
        rule=rule,
        at=policy.origin("unknown") if rule is None else rule.origin,
        narrower=narrower,
        by_message=by_message,
    )
