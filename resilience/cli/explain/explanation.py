"""The explanation of a fault as values: its meaning, the rule that answers, and what follows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from attrs import evolve, field, frozen

from resilience.catalog import CodeFacts, OperationFacts, catalogue, operation_facts, providers
from resilience.cli.doubt import Situation, situations
from resilience.cli.explain.candidates import LostRule, lost
from resilience.cli.explain.subject import read_subject
from resilience.cli.shared_limits import shared_limits_of
from resilience.cli.values import Value, action_of, label, limits_of, value_at
from resilience.cli.values import operation_of as values_of
from resilience.core.decision import LEADS_ON
from resilience.core.fault import Effect, Fault, Origin, Repeat
from resilience.core.operations.advice import leads_on, unrepeatable
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule
from resilience.core.steps.obstacles import first_choice
from resilience.engine.target.operations import described
from resilience.policyfile import Policy
from resilience.simulation.bounds import WaitRange, WorstCase, uses, waits, worst

MOST_WAITS: Final = 8
"""The number of waits to show; later waits mostly repeat the cap."""

_REPEATS: Final[tuple[Repeat, ...]] = get_args(Repeat)


@frozen(kw_only=True)
class Explanation:
    """
    Everything about a fault under a policy.

    Attributes:
        policy: The policy.
        fault: The fault.
        plan: The policy for the operation, which is empty for any operation.
        code: The catalogue's facts about the code, or None.
        source: The source of these facts.
        operation: The catalogue's facts about the operation, or None.
        declared: The policy's values for the operation.
        advice: The reason why the rule cannot act on the operation, and the remedy; None if it can.
        effect: Whether the request may have taken effect.
        effect_by: What determines the effect: ``rule``, ``catalogue``, ``transport`` or ``status``.
        rule: The rule that answers, or None.
        rule_value: The rule's action, and the actions that it replaced in the merge.
        others: The other rules near the fault.
        action: The values of the action.
        then: The names of the actions that follow when this one is used up.
        limits: The limits of the call.
        documented: The documented rate of the operation and its source; None where no source gives one.
        settles: How long a change may take to show, in seconds, and the source of that; None where no source says it.
        shared: The limits that the call shares with others: rates, budget and breaker.
        waits: The first waits of the action.
        uses: The most uses of the action in a call; None for no such limit.
        worst: The worst case without a verifier.
        worst_verified: The worst case with a verifier.
        worst_by_repeat: Both cases by ``repeat``, if no operation was named and they differ; the two above then
            hold for every operation.
        situations: The situations with their consequences.
        is_paced: Whether the rate limits say when the next attempt is made, and no backoff.
        lasts: The time of use of the action, from its first use in a call, in seconds; None for no such limit.
        answers: The explanations of answers to certain messages, in order.
        near: A similar code of the policy's rules, if this code is unknown.
    """

    policy: Policy = field(repr=False)
    fault: Fault
    plan: Plan = field(repr=False)
    code: CodeFacts | None
    source: str | None
    operation: OperationFacts | None
    declared: tuple[Value, ...] = ()
    advice: str | None = None
    effect: Effect
    effect_by: str
    rule: Rule | None
    rule_value: Value | None
    others: tuple[LostRule, ...]
    action: tuple[Value, ...]
    then: tuple[str, ...]
    limits: tuple[Value, ...]
    documented: tuple[str, str] | None = None
    settles: tuple[float, str] | None = None
    shared: tuple[Value, ...] = ()
    waits: tuple[WaitRange, ...]
    uses: int | None
    worst: WorstCase
    worst_verified: WorstCase
    worst_by_repeat: Mapping[Repeat, tuple[WorstCase, WorstCase]]
    situations: tuple[Situation, ...]
    lasts: float | None = None
    is_paced: bool = False
    answers: tuple[Explanation, ...] = ()
    near: str | None = None

    @property
    def verb(self) -> str:
        """The verb of the action."""
        return self._action.do

    @property
    def named(self) -> str:
        """The label of the action."""
        return label(self.policy, self._action)

    @property
    def _action(self) -> Action:
        return self.policy.unknown if self.rule is None else self.rule.action

    @property
    def at(self) -> Origin | None:
        """The place of the rule, or else of ``unknown``."""
        return self.policy.origin("unknown") if self.rule is None else self.rule.origin


def explain(subject: str, policy: Policy, *, provider: str | None = None) -> Explanation:
    """
    Explain a policy's answer to a fault.

    Args:
        subject: ``CODE`` or ``Operation/CODE``; the operation may have its provider before it, and the
            code may be ``lost``, ``unsent``, ``garbled`` or a status, and may have a message in parentheses after it:
            ``OperationDenied("role cannot be assumed")``.
        policy: The policy.
        provider: The provider of the code, unless the operation names it.

    Raises:
        click.UsageError: There is no such operation or code, or several providers have it.
    """
    return explain_fault(*read_subject(subject, policy, provider), policy)


def explain_fault(fault: Fault, plan: Plan, policy: Policy) -> Explanation:
    """Explain a fault of a call; the plan has credentials, and no verifier."""
    rule = plan.rule(fault)
    action = policy.unknown if rule is None else rule.action
    known = catalogue(plan.provider) if plan.provider in providers() else None
    facts = None if known is None or fault.code is None else known.code(fault.code)
    choice = first_choice(plan, fault)
    # What no number limits, and what has no backoff.
    count, is_paced = (None if choice.is_free else uses(plan, action)), choice.is_paced and not choice.counts
    cases = _worst_by_repeat(plan, fault)
    shown = MOST_WAITS if count is None else min(count, MOST_WAITS)
    return Explanation(
        policy=policy,
        fault=fault,
        plan=plan,
        code=facts,
        source=None if known is None or facts is None else known.sources[facts.source],
        operation=None if known is None else known.operation(plan.operation),
        declared=values_of(policy, plan.provider, plan.operation),
        advice=_advice(plan, fault, rule, policy),
        effect=plan.effect(fault, rule),
        effect_by=_effect_by(plan, fault, rule),
        rule=rule,
        rule_value=None if rule is None else value_at(policy, rule.id, label(policy, action), rule.key_path),
        others=lost(plan, fault),
        action=action_of(policy, action, rule),
        then=_then(policy, action),
        limits=limits_of(policy),
        documented=_documented(plan),
        settles=_settles(plan),
        shared=shared_limits_of(policy, plan.provider, plan.operation),
        waits=waits(action.backoff, shown) if action.do in LEADS_ON and not is_paced else (),
        is_paced=is_paced,
        uses=count,
        lasts=action.lasts,
        answers=tuple(_by_message(fault, plan, policy)),
        worst=max((unverified for unverified, _ in cases.values()), key=_size),
        worst_verified=max((verified for _, verified in cases.values()), key=_size),
        worst_by_repeat=cases if len(set(cases.values())) > 1 else {},
        situations=_situations(plan, fault),
        near=None if facts is not None or rule is not None else _near(fault, plan.provider, policy),
    )


def _documented(plan: Plan) -> tuple[str, str] | None:
    """Return the rate that the service documents for the operation, and the source of that."""
    if plan.provider not in providers():
        return None
    known = catalogue(plan.provider)
    facts = known.operation(plan.operation)
    return None if facts is None or facts.limit is None else (str(facts.limit), known.source_of_limit(facts))


def _settles(plan: Plan) -> tuple[float, str] | None:
    """Return the time to settle that the catalogue has for the operation, in seconds, and the source of that."""
    if plan.provider not in providers():
        return None
    known = catalogue(plan.provider)
    facts = known.operation(plan.operation)
    return None if facts is None or facts.settle is None else (facts.settle, known.source_of_settle(facts))


def _advice(plan: Plan, fault: Fault, rule: Rule | None, policy: Policy) -> str | None:
    if not plan.operation or plan.provider is None or rule is None or not plan.must_verify_first:
        return None
    operation = described(plan.provider, plan.operation, policy=policy)
    facts = operation_facts(plan.provider, plan.operation)
    may_look = operation.read_back is not None or (facts is not None and facts.read_back is not None)
    if may_look or plan.effect(fault, rule) != "unknown" or not leads_on(rule.action):
        return None
    return unrepeatable(operation.subject(), fault.label, rule, ask=f"register a verifier for {operation.name}")


MOST_ANSWERS: Final = 40
"""The most answers to messages that are explained; the user can ask for any other."""


def by_message(plan: Plan, fault: Fault) -> list[Rule]:
    """Return the rules for certain messages, for a fault with an unknown message."""
    return [rule for rule in plan.candidates(fault) if rule.message is not None] if fault.message is None else []


def _by_message(fault: Fault, plan: Plan, policy: Policy) -> Iterator[Explanation]:
    """Explain each answer to a certain message, for a fault with an unknown message."""
    for rule in by_message(plan, fault)[:MOST_ANSWERS]:
        if rule.message is not None:
            found = explain_fault(evolve(fault, message=rule.message), plan, policy)
            # Another rule answers if its text is a part of this one's.
            if found.rule is rule:
                yield found


def _worst_by_repeat(plan: Plan, fault: Fault) -> dict[Repeat, tuple[WorstCase, WorstCase]]:
    """Return the worst cases without and with a verifier; without an operation, for each ``repeat``."""
    plans = {plan.repeat: plan} if plan.operation else {each: evolve(plan, repeat=each) for each in _REPEATS}
    return {repeat: (worst(each, fault), worst(evolve(each, can_verify=True), fault)) for repeat, each in plans.items()}


def _size(worst: WorstCase) -> tuple[float, float]:
    return (
        math.inf if worst.attempts is None else worst.attempts,
        math.inf if worst.duration is None else worst.duration,
    )


def _near(fault: Fault, provider: str | None, policy: Policy) -> str | None:
    """Return a code of the policy's rules with a similar spelling, or None."""
    codes = {rule.code for rule in policy.rules if not rule.scope.startswith("transport")}
    own = {rule.code for rule in policy.rules if rule.scope == provider}
    near = [] if fault.code is None else difflib.get_close_matches(fault.code, sorted(own or codes), n=1)
    return near[0] if near else None


def _situations(plan: Plan, fault: Fault) -> tuple[Situation, ...]:
    """Return the consequences of a fault; without an operation, for each ``repeat``."""
    if plan.operation:
        return situations(plan, fault)
    by_repeat = {repeat: situations(evolve(plan, repeat=repeat), fault) for repeat in _REPEATS}
    first, *others = by_repeat.values()
    if all(first == other for other in others):
        return first
    return tuple(
        evolve(situation, when=f"repeat {repeat}, {situation.when}")
        for repeat, each in by_repeat.items()
        for situation in each
    )


def _effect_by(plan: Plan, fault: Fault, rule: Rule | None) -> str:
    if rule is not None and rule.effect is not None:
        return "rule"
    if fault.code is not None and plan.effect_of(fault.provider or plan.provider, fault.code) is not None:
        return "catalogue"
    return "status" if fault.status is not None else "transport" if fault.transport is not None else "default"


def _then(policy: Policy, action: Action) -> tuple[str, ...]:
    return (*(label(policy, each) for each in list(action.chain)[1:]), "fail")
