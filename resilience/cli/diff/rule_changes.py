"""The codes that two policies answer differently, for every known operation and code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.cli.values import described, grows, label
from resilience.core.fault import TRANSPORTS, Effect, Fault, Origin
from resilience.core.match import RuleTable
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule
from resilience.engine.target.operations import effect_of
from resilience.policyfile import Policy
from resilience.policyfile.decode.globs import narrowed
from resilience.policyfile.decode.operations import named_providers
from resilience.policyfile.messages.wording import quoted

ActionKeys = tuple[tuple[str, str], ...]
"""The keys of an action with their values, with those of its backoff and of its ``then``."""

# Examples of statuses without a rule.
_STATUSES: Final = (404, 429, 500, 503)


@frozen(kw_only=True)
class RuleChange:
    """
    Codes that differ in the same way.

    Attributes:
        before: The first policy's action: its name, and its keys.
        after: The second policy's action.
        codes: The codes and transport faults with their provider, as in ``alibaba:InternalError``.
        operations: The operations; empty for all of them.
        before_at: The place of the rule for the first code in the first policy.
        after_at: The place in the second policy.
    """

    before: tuple[str, ActionKeys]
    after: tuple[str, ActionKeys]
    codes: tuple[str, ...]
    operations: tuple[str, ...]
    before_at: Origin | None
    after_at: Origin | None

    @property
    def keys(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """The different keys with both values."""
        before, after = dict(self.before[1]), dict(self.after[1])
        return tuple(
            (key, before.get(key), after.get(key))
            for key in dict.fromkeys([*before, *after])
            if before.get(key) != after.get(key)
        )


_NamedKeys = tuple[str, ActionKeys]


@frozen
class _Pair:
    """The answers of both policies to one fault, with their rules."""

    before: _NamedKeys
    after: _NamedKeys
    rules: tuple[Rule | None, Rule | None] = field(eq=False)


def rule_changes(before: Policy, after: Policy) -> Iterator[RuleChange]:
    """Yield groups of codes that differ in the same way."""
    describer = _Describer(before, after)
    grouped: dict[tuple[_NamedKeys, _NamedKeys, tuple[str, ...]], list[tuple[str, _Pair]]] = {}
    for provider in sorted({*named_providers(before), *named_providers(after)}):
        operations = sorted(_operations(provider, before) | _operations(provider, after))
        found: dict[str, dict[str, _Pair]] = {}
        for alike in _met_alike(provider, operations, before, after):
            for code, pair in describer.differing(provider, alike[0]):
                found.setdefault(code, {}).update(dict.fromkeys(alike, pair))
        for code, by_operation in found.items():
            for pair, where in _alike(by_operation):
                everywhere = () if len(where) == len(operations) else where
                grouped.setdefault((pair.before, pair.after, everywhere), []).append((f"{provider}:{code}", pair))
    for (one, two, where), members in grouped.items():
        first, second = members[0][1].rules
        yield RuleChange(
            before=one,
            after=two,
            codes=tuple(code for code, _ in members),
            operations=where,
            before_at=_origin(before, first),
            after_at=_origin(after, second),
        )


def _met_alike(provider: str, operations: Sequence[str], *policies: Policy) -> Iterator[list[str]]:
    """Yield groups of operations that meet the same rules in each policy, and so have the same difference."""
    scopes = {provider, "transport", f"transport.{provider}"}
    meeting = [
        narrowed(
            [rule.operation for rule in policy.rules if rule.scope in scopes and rule.operation], frozenset(operations)
        )
        for policy in policies
    ]
    groups: dict[tuple[tuple[int, ...], ...], list[str]] = {}
    for operation in operations:
        groups.setdefault(tuple(tuple(each.get(operation, ())) for each in meeting), []).append(operation)
    yield from groups.values()


def _alike(by_operation: Mapping[str, _Pair]) -> Iterator[tuple[_Pair, tuple[str, ...]]]:
    """Yield each change of a code with its operations."""
    ways: dict[_Pair, list[str]] = {}
    for operation, pair in by_operation.items():
        ways.setdefault(pair, []).append(operation)
    for pair, operations in ways.items():
        yield pair, tuple(operations)


@frozen
class _Describer:
    """Describes the answers of two policies, with a cache, because many faults share a few rules."""

    before: Policy
    after: Policy
    _known: dict[tuple[bool, int, Effect], _NamedKeys] = field(factory=dict)

    def differing(self, provider: str, operation: str) -> Iterator[tuple[str, _Pair]]:
        """Yield every fault that the two policies answer differently on one operation."""
        one, two = _plan(provider, operation, self.before), _plan(provider, operation, self.after)
        for plain in _faults(provider, self.before, self.after):
            texts = dict.fromkeys(rule.message for rule in (*one.candidates(plain), *two.candidates(plain)))
            # First without a message, then with each text that a rule looks for.
            for text in dict.fromkeys((None, *texts)):
                fault = plain if text is None else evolve(plain, message=text)
                rules = one.rule(fault), two.rule(fault)
                first = self._describe(rules[0], one.effect(fault, rules[0]), is_after=False)
                second = self._describe(rules[1], two.effect(fault, rules[1]), is_after=True)
                # Names of actions make no difference.
                if first[1] != second[1]:
                    label = fault.label if text is None else f"{fault.label}({quoted(text, is_understood=True)})"
                    yield label, _Pair(first, second, rules)

    def _describe(self, rule: Rule | None, effect: Effect, *, is_after: bool) -> _NamedKeys:
        key = (is_after, id(rule), effect)
        if key not in self._known:
            self._known[key] = _described(self.after if is_after else self.before, rule, effect)
        return self._known[key]


def _plan(provider: str, operation: str, policy: Policy) -> Plan:
    return Plan(
        operation=operation,
        provider=provider,
        policy=policy,
        effect_of=effect_of,
        table=RuleTable.of(policy.rules, operation),
    )


def _faults(provider: str, *policies: Policy) -> Iterator[Fault]:
    """Yield every known fault, and examples of the others."""
    known = catalogue(provider).codes if provider in providers() else {}
    codes = {rule.code for policy in policies for rule in policy.rules if rule.scope == provider}
    for code in sorted({*known, *codes}):
        yield Fault(provider=provider, code=code, status=known[code].status if code in known else None)
    for transport in TRANSPORTS:
        yield Fault(provider=provider, transport=transport)
    named = {rule.code for policy in policies for rule in policy.rules if rule.code.startswith("http-")}
    statuses = {int(code[5:]) for code in named if code[5:].isdigit()}
    for status in sorted(statuses.union(_STATUSES)):
        yield Fault(provider=provider, transport="garbled", status=status)


def _described(policy: Policy, rule: Rule | None, effect: Effect) -> tuple[str, ActionKeys]:
    action = policy.unknown if rule is None else rule.action
    keys: dict[str, str] = {}
    prefix = ""
    following: Action | None = action
    while following is not None:
        keys |= {f"{prefix}{key}": value for key, value in described(policy, following).items() if key != "backoff"}
        if following.backoff is not None:
            keys |= {f"{prefix}backoff.{key}": value for key, value in grows(following.backoff).items()}
        following = following.then
        if following is not None:
            # The following action is compared by its keys, because its name may differ.
            del keys[f"{prefix}then"]
            prefix += "then."
    return label(policy, action), (*keys.items(), ("effect", effect))


def _origin(policy: Policy, rule: Rule | None) -> Origin | None:
    return policy.origin("unknown") if rule is None else rule.origin


def _operations(provider: str, policy: Policy) -> set[str]:
    known = set(catalogue(provider).operations) if provider in providers() else set()
    return known | set(policy.operations.get(provider, ())) or {""}
