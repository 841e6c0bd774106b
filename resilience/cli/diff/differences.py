"""Finds the differences in effect between two policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import asdict, evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.cli.shared_limits import breaker_keys, budget_keys, rate_keys
from resilience.cli.values import declared_keys, described, duration, grows, label, written
from resilience.core.fault import TRANSPORTS, Effect, Fault, Origin
from resilience.core.match import RuleTable
from resilience.core.operations.apis import RestApi
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule
from resilience.core.settings.credentials import CredentialLimits
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
class SettingChange:
    """
    A value outside of rules that differs; None for an absent value.

    Attributes:
        name: The path of the value; the path of the table for rates of operations.
        before: The value in the first policy.
        after: The value in the second policy.
        before_at: The place of the first value.
        after_at: The place of the second value.
        operations: The operations with this rate; empty for any other value.
    """

    name: str
    before: str | None
    after: str | None
    before_at: Origin | None = None
    after_at: Origin | None = None
    operations: tuple[str, ...] = ()


@frozen(kw_only=True)
class Change:
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


@frozen(kw_only=True)
class PolicyDifference:
    """All differences between two policies."""

    settings: tuple[SettingChange, ...]
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Tell whether the policies differ."""
        return bool(self.settings or self.changes)


def compare(before: Policy, after: Policy) -> PolicyDifference:
    """Return the differences between two policies, for every known operation and code."""
    return PolicyDifference(settings=tuple(_settings(before, after)), changes=tuple(_changes(before, after)))


def _settings(before: Policy, after: Policy) -> Iterator[SettingChange]:
    one, two = dict(_plain(before)), dict(_plain(after))
    alike: dict[SettingChange, list[str]] = {}
    for path in dict.fromkeys([*one, *two]):
        if one.get(path) != two.get(path):
            # One glob may speak of many operations: that is one change.
            change = SettingChange(
                name=".".join(path[:-1] if _is_operation_rate(path) else path),
                before=one.get(path),
                after=two.get(path),
                before_at=_place(before, path),
                after_at=_place(after, path),
            )
            alike.setdefault(change, []).extend(path[-1:] if _is_operation_rate(path) else ())
    for change, operations in alike.items():
        yield evolve(change, operations=tuple(operations))


def _plain(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every value outside of rules, actions and backoffs; these are compared through the rules."""
    for key, value in asdict(policy.limits).items():
        yield ("limits", key), str(value) if key == "max_attempts" else duration(value)
    yield ("production",), "true" if policy.production else "false"
    for provider in {*policy.credentials, *providers()}:
        limits = policy.credentials.get(provider, CredentialLimits())
        yield from ((("credentials", provider, key), text) for key, text in _renewal(limits))
    for provider, declared in policy.operations.items():
        for operation, entry in declared.items():
            # A declaration that follows from a request's method is compared with the request.
            if not entry.is_assumed:
                yield from ((("operations", provider, operation, *path), text) for path, text in declared_keys(entry))
    for provider, api in policy.apis.items():
        yield from _api(("sources", provider), api)
    yield from _shared(policy)
    if policy.telemetry is not None:
        yield ("telemetry", "journal"), policy.telemetry.written or policy.telemetry.journal or "none"


def _shared(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the limits that calls share."""
    for provider, rates in policy.rates.items():
        yield from ((("rate", provider, key), text) for key, text in rate_keys(rates))
        yield from ((("rate", provider, "operations", name), str(rate)) for name, rate in rates.operations.items())
    for provider, budget in policy.budgets.items():
        yield from ((("budget", provider, key), text) for key, text in budget_keys(budget))
    for provider, breaker in policy.breakers.items():
        yield from ((("breaker", provider, key), text) for key, text in breaker_keys(breaker))


def _is_operation_rate(path: tuple[str, ...]) -> bool:
    return path[0] == "rate" and path[2] == "operations"


def _place(policy: Policy, path: tuple[str, ...]) -> Origin | None:
    """Return the place of a value; that of an operation's rate may be a glob's."""
    return policy.origin(*((_is_operation_rate(path) and policy.rate_path(path[1], path[3])) or path))


def _renewal(limits: CredentialLimits) -> Iterator[tuple[str, str]]:
    """Yield a policy's settings for the credentials of a provider."""
    yield "refresh_before", duration(limits.refresh_before)
    yield "max_refreshes", str(limits.max_refreshes)
    yield "cool_down", duration(limits.cool_down)
    source = limits.source
    if source is None:
        return
    yield "source", source.kind
    for key in ("role", "endpoint", "session_name", "region"):
        if (text := getattr(source, key)) is not None:
            yield key, text
    if source.duration is not None:
        yield "duration", duration(source.duration)
    if source.key_variables:
        yield "key_variables", ", ".join(source.key_variables)
    if source.written:
        # As the policy has it, because the folder of the policy is no difference.
        yield source.kind, " ".join(source.written)


def _api(path: tuple[str, ...], api: RestApi) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield a policy's settings for a REST API."""
    for key in ("code", "message", "request_id", "retry_after", "success"):
        if getattr(api, key) is not None:
            yield (*path, key), str(getattr(api, key))
    if api.hosts:
        yield (*path, "hosts"), written(api.hosts)
    for template in api.operations:
        yield (*path, "operations", template.operation), str(template)


_NamedKeys = tuple[str, ActionKeys]


@frozen
class _Pair:
    """The answers of both policies to one fault, with their rules."""

    before: _NamedKeys
    after: _NamedKeys
    rules: tuple[Rule | None, Rule | None] = field(eq=False)


def _changes(before: Policy, after: Policy) -> Iterator[Change]:
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
        yield Change(
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
