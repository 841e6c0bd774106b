"""What a page shows of each code and each operation: facts of the catalogue, and a policy's answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from resilience.catalog import Catalogue, OperationFacts, catalogue, providers
from resilience.cli.codes.coverage import CodeRow, rows
from resilience.cli.explain.explanation import explain
from resilience.cli.screen import times
from resilience.cli.values import REPEATS, duration, label, operation_of
from resilience.core.backoff import Backoff
from resilience.core.fault import Fault, Repeat
from resilience.core.match import RuleTable, lineage
from resilience.core.operations.apis import METHODS
from resilience.core.policy import Action, Rule
from resilience.policyfile import Policy
from resilience.policyfile.messages.wording import quoted

_WITHOUT_CODE: Final[Mapping[str, tuple[Fault, str]]] = {
    "unsent": (Fault(transport="unsent"), "the request was never sent: refused, no route, no such host, no TLS"),
    "lost": (Fault(transport="lost"), "no answer came: the request may have taken effect"),
    "garbled": (Fault(transport="garbled"), "an answer that cannot be read"),
    "http-429": (Fault(status=429), "too many requests, in a code that no rule names"),
    "http-503": (Fault(status=503), "away for a moment, in a code that no rule names"),
    "http-5xx": (Fault(status=500), "any other fault of the server, in a code that no rule names"),
    "http-4xx": (Fault(status=400), "any other mistake in the request, in a code that no rule names"),
}


@frozen(kw_only=True)
class AnswerEntry:
    """
    One answer of a policy.

    Attributes:
        when: The operation and the message that it is for, in words; empty for every other fault of the code.
        action: The label of the action.
        verb: Its verb.
        how: Its waits and limits, in words.
        rule: The id of the rule; "unknown" without one.
        at: The file and the line; empty for a policy without files.
    """

    when: str
    action: str
    verb: str
    how: str
    rule: str
    at: str


@frozen(kw_only=True)
class CodeEntry:
    """
    A code, or a fault without one.

    Attributes:
        code: The code.
        meaning: Its meaning; empty if it is unknown.
        facts: What else the catalogue knows, in words.
        operations: The operations whose documentation lists it; empty for every operation.
        source: The source of these facts.
        answers: The answers of the policy; none without a policy.
    """

    code: str
    meaning: str
    facts: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    source: str = ""
    answers: tuple[AnswerEntry, ...] = ()


@frozen(kw_only=True)
class OperationEntry:
    """
    An operation.

    Attributes:
        operation: Its name.
        request: Its method and path; empty for an SDK's operation.
        repeat: What it does the second time; empty if nothing says so.
        meaning: The same, in words.
        facts: What else the catalogue knows, by its label.
        read_back: The operation that tells whether it has happened; None for none.
        codes: The codes that its documentation lists.
        source: The source of these facts.
        lost: What follows a lost answer, by situation.
        declared: What the policy says about it, each with its place.
    """

    operation: str
    request: str
    repeat: str
    meaning: str
    facts: Mapping[str, str]
    read_back: str | None
    codes: tuple[str, ...]
    source: str
    lost: Mapping[str, str]
    declared: tuple[str, ...]


@frozen(kw_only=True)
class ProviderEntry:
    """A provider with its codes, its faults without a code, and its operations."""

    provider: str
    title: str
    policy: str
    codes: tuple[CodeEntry, ...]
    bare: tuple[CodeEntry, ...]
    operations: tuple[OperationEntry, ...]


def provider_entry(provider: str, policy: Policy | None) -> ProviderEntry:
    """Return all that is known of a provider, and what a policy does about it; None for no policy."""
    known = catalogue(provider) if provider in providers() else None
    return ProviderEntry(
        provider=provider,
        title=provider if known is None else f"{known.service} ({known.product} {known.version})",
        policy="" if policy is None else policy.sources[-1],
        codes=tuple(_code(row, provider, known, policy) for row in rows(provider, policy)),
        bare=() if policy is None else tuple(_bare(policy, provider)),
        operations=tuple(_operations(provider, known, policy)),
    )


def _code(row: CodeRow, provider: str, known: Catalogue | None, policy: Policy | None) -> CodeEntry:
    facts = row.facts
    if facts is None or known is None:
        told: tuple[str, ...] = ("not in the catalogue",)
        fault = Fault(provider=provider, code=row.code)
    else:
        told = (facts.class_, f"effect {facts.effect}")
        told += () if facts.status is None else (f"HTTP {facts.status}",)
        told += () if facts.number is None else (f"number {facts.number}",)
        fault = Fault(provider=provider, code=row.code, status=facts.status)
    scopes = (provider,)
    return CodeEntry(
        code=row.code,
        meaning="" if facts is None else facts.meaning,
        facts=told,
        operations=() if facts is None else facts.operations,
        source="" if facts is None or known is None else known.sources[facts.source],
        answers=() if policy is None else tuple(_answers(policy, provider, fault, scopes, tuple(lineage(row.code)))),
    )


def _bare(policy: Policy, provider: str) -> Iterator[CodeEntry]:
    scopes = (f"transport.{provider}", "transport")
    for code, (fault, meaning) in _WITHOUT_CODE.items():
        answers = tuple(_answers(policy, provider, fault, scopes, (code,)))
        yield CodeEntry(code=code, meaning=meaning, answers=answers)


def _answers(
    policy: Policy, provider: str, fault: Fault, scopes: tuple[str, ...], codes: tuple[str, ...]
) -> Iterator[AnswerEntry]:
    """Yield the answer for every operation, then those for some messages, then those for some operations."""
    candidates = RuleTable.of(policy.rules, "").candidates(fault, provider, "")
    certain = next((rule for rule in candidates if rule.message is None), None)
    yield _answer(policy, certain)
    yield from (_answer(policy, rule) for rule in candidates if rule.message is not None)
    for code in codes:
        narrow = [each for each in policy.rules if each.operation and each.scope in scopes and each.code == code]
        yield from (_answer(policy, rule) for rule in narrow)


def _answer(policy: Policy, rule: Rule | None) -> AnswerEntry:
    action = policy.unknown if rule is None else rule.action
    at = policy.origin("unknown") if rule is None else rule.origin
    when = "" if rule is None or rule.operation is None else f"on {rule.operation}"
    if rule is not None and rule.message is not None:
        when = f"{when} if the message has {quoted(rule.message, is_understood=True)}".strip()
    return AnswerEntry(
        when=when,
        action=label(policy, action),
        verb=action.do,
        how=", ".join(_how(policy, action)),
        rule="unknown" if rule is None else rule.id,
        at="" if at is None else f"{at.file}:{at.line}",
    )


def _how(policy: Policy, action: Action) -> Iterator[str]:
    """Yield the verb of an action with a name of its own, then its waits and limits."""
    if action.key != action.do and action.key in policy.actions:
        yield action.do
    if action.do == "fail":
        return
    if action.do == "accept":
        yield "a success " + (
            "in any case" if action.condition == "always" else "if an earlier attempt may have done it"
        )
    else:
        yield "no wait" if action.backoff is None else _wait(action.backoff)
        yield "uses up an attempt" if action.counts else "free: uses up no attempt"
    if action.max is not None:
        yield f"at most {times(action.max, 'time')}"
    if action.lasts is not None:
        yield f"for at most {duration(action.lasts)}"
    may_end = action.max is not None or action.lasts is not None or action.do in {"refresh", "rename"}
    if may_end or (action.do == "accept" and action.condition != "always"):
        yield "then fail" if action.then is None else f"then {label(policy, action.then)}"


def _wait(backoff: Backoff) -> str:
    if backoff.kind == "list":
        return f"waits of {', '.join(map(duration, backoff.delays))}"
    if backoff.kind == "constant":
        return f"waits of {duration(backoff.base)}"
    return f"waits that grow from {duration(backoff.base)} to {duration(backoff.cap)}"


def _operations(provider: str, known: Catalogue | None, policy: Policy | None) -> Iterator[OperationEntry]:
    catalogued = {} if known is None else known.operations
    declared = {} if policy is None else policy.operations.get(provider, {})
    # A request that fits no operation is named by its method.
    for name in sorted({*catalogued, *declared} - METHODS.keys(), key=str.lower):
        facts = catalogued.get(name)
        own = () if policy is None else operation_of(policy, provider, name)
        lost, repeat = (
            ({}, None if facts is None else facts.repeat) if policy is None else _lost(policy, provider, name)
        )
        yield OperationEntry(
            operation=name,
            request="" if facts is None else facts.request or "",
            repeat=repeat or "",
            meaning=REPEATS[repeat] if repeat else "",
            facts={} if facts is None or known is None else dict(_facts(facts, known)),
            read_back=None if facts is None else facts.read_back,
            codes=() if facts is None else facts.codes,
            source="" if facts is None or known is None else known.sources[facts.source],
            lost=lost,
            declared=tuple(f"{each.name} = {each.value}" + (f" at {each.at}" if each.at else "") for each in own),
        )


def _facts(facts: OperationFacts, known: Catalogue) -> Iterator[tuple[str, str]]:
    if facts.key:
        yield "key", ", ".join(facts.key)
    if facts.rename is not None:
        rule = known.names.get(facts.name or "")
        yield "renamed by", facts.rename + ("" if rule is None else f": {rule.meaning}")
    if facts.limit is not None:
        yield "limit", f"{facts.limit} ({known.source_of_limit(facts)})"
    if facts.settle is not None:
        yield "settles within", f"{duration(facts.settle)} ({known.sources[facts.settle_source or facts.source]})"
    if facts.shown_once:
        yield "shown once, in this answer only", ", ".join(facts.shown_once)
    if facts.answer:
        yield "every good answer has", ", ".join(facts.answer)


def _lost(policy: Policy, provider: str, operation: str) -> tuple[dict[str, str], Repeat]:
    """Return what follows a lost answer, by situation; and what a repeat does, as the policy sees it."""
    explanation = explain(f"{provider}:{operation}/lost", policy, provider=provider)
    first = (each for each in explanation.situations if each.when.startswith("as the first fault"))
    found = {each.when.removeprefix("as the first fault").removeprefix(", "): each.then for each in first}
    return found, explanation.plan.repeat
