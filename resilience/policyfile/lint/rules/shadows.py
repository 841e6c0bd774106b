"""Rules that never answer, because other rules answer first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from resilience.core.policy import Rule
from resilience.policyfile.decode.operations import named_providers
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import OperationKey, RuleAt, few_names
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_SHOWN: Final = 3
_PROBED: Final = 256  # the characters of a text to search; few texts are longer than a line


def shadowed(view: View) -> Iterator[Problem]:
    """RP021: a rule that no fault can reach; RP067: a rule of a parent that answers some of the rule's operations."""
    never = _never_given(view)
    for each in view.rules:
        first = never.get(id(each.rule))
        if first is not None:
            why = "fits every fault" if first.rule.message is None else "fits every message that this one fits"
            message = f"this answer is never given: the one at {first.rule.origin} comes first and {why}; "
            message += "write it before that one, or delete it"
            yield view.problem(each.path, ids.SHADOWED, message, layer=each.layer)
            continue
        if not each.is_first:
            continue
        pattern = each.rule.operation or ""
        is_glob = "*" in pattern
        if not is_glob and view.contests.is_alone(each.rule):
            continue
        wanted = view.contests.wanted(each.rule)
        if is_glob and wanted is not None and not wanted:
            message = f"{quoted(pattern)} meets no operation of {_of(each)}, so this rule is never asked"
            yield view.problem(each.key, ids.SHADOWED, message, severity="error", at="key", layer=each.layer)
        elif wanted:
            yield from _compared(view, each, wanted)


def _never_given(view: View) -> dict[int, RuleAt]:
    """Return the answers of arrays that an earlier answer hides, by identity, with the earlier answer."""
    arrays: dict[KeyPath, list[RuleAt]] = {}
    for each in view.rules:
        if each.rule.entry is not None:
            arrays.setdefault(each.key, []).append(each)
    return {id(rule): first for answers in arrays.values() for rule, first in _hidden(answers)}


def _hidden(answers: Iterable[RuleAt]) -> Iterator[tuple[Rule, RuleAt]]:
    certain: RuleAt | None = None
    texts: dict[str, RuleAt] = {}
    lengths: set[int] = set()
    for each in answers:
        text = None if each.rule.message is None else each.rule.message.casefold()
        first = certain
        if first is None and text is not None:
            # A dictionary finds the texts, because an array may have thousands of answers.
            parts = (
                text[start : start + length]
                for length in lengths
                for start in range(min(len(text), _PROBED) - length + 1)
            )
            first = texts.get(text) or next((texts[part] for part in parts if part in texts), None)
        if first is not None:
            yield each.rule, first
        elif text is None:
            certain = each
        else:
            texts[text] = each
            lengths.add(len(text))


def _compared(view: View, each: RuleAt, wanted: frozenset[OperationKey]) -> Iterator[Problem]:
    lost = wanted - view.contests.met(each.rule)
    if not lost:
        return
    facts = view.facts(each.rule)
    documented = {operation for operation in wanted if facts and operation[1] in facts.operations}
    winners = _winners(view, each, lost)
    above = [winner for winner, _ in winners if _is_above(view, winner, each)]
    if lost == wanted and (each.rule.operation is not None or not each.rule.scope.startswith("transport")):
        message = f"this rule is never asked: {_listed(winners)}; write it for that operation, or delete it"
        yield view.problem(each.key, ids.SHADOWED, message, severity="error", at="key", layer=each.layer)
    elif documented and documented <= lost and any(winner in above for winner, _ in winners):
        hiding = [(winner, names & documented) for winner, names in winners if names & documented]
        message = (
            f"this rule has no effect: {quoted(each.rule.code)} is documented for {few_names(documented)} only, and "
            f"there {_listed(hiding)}; write it for that operation"
        )
        yield view.problem(each.key, ids.SHADOWED, message, at="key", layer=each.layer)
    elif each.rule.scope == "transport" and (hiding := _hiding(view, winners, above, wanted - lost)):
        scopes = " and ".join(f"[rules.{winner.rule.scope}]" for winner, _ in hiding)
        message = f"this rule has no effect: {_listed(hiding)}; write it in {scopes}"
        yield view.problem(each.key, ids.SHADOWED, message, at="key", layer=each.layer)
    else:
        partly = [(winner, names) for winner, names in winners if winner in above and _differ(winner, each)]
        if partly:
            message = f"narrower rules of the files that this one extends still answer in part: {_listed(partly)}"
            yield view.problem(each.key, ids.PARTLY_HIDDEN, message, severity="info", at="key", layer=each.layer)


def _hiding(
    view: View, winners: list[tuple[RuleAt, set[OperationKey]]], above: list[RuleAt], met: frozenset[OperationKey]
) -> list[tuple[RuleAt, set[OperationKey]]]:
    """Return the rules of extended files that hide a rule for all providers of the policy."""
    named = set(named_providers(view.policy))
    hiding = [(winner, names) for winner, names in winners if any(provider in named for provider, _ in names)]
    hidden = {provider for _, names in hiding for provider, _ in names}
    # A provider without a catalogue may have other operations.
    is_all = named <= hidden and named.isdisjoint(provider for provider, _ in met)
    return hiding if is_all and all(winner in above and winner.rule.operation is None for winner, _ in hiding) else []


def _winners(view: View, each: RuleAt, lost: Iterable[OperationKey]) -> list[tuple[RuleAt, set[OperationKey]]]:
    found: dict[int, tuple[RuleAt, set[OperationKey]]] = {}
    for operation in sorted(lost):
        winner = view.contests.winner(each.rule, operation)
        found.setdefault(id(winner), (winner, set()))[1].add(operation)
    return list(found.values())


def _is_above(view: View, winner: RuleAt, each: RuleAt) -> bool:
    """Tell whether the winner's file is one that the other rule's file extends."""
    names = [source.name for source in view.sources]
    return names.index(winner.layer.source.name) < names.index(each.layer.source.name)


def _differ(winner: RuleAt, each: RuleAt) -> bool:
    return winner.rule.action.key != each.rule.action.key or winner.rule.effect != each.rule.effect


def _listed(winners: list[tuple[RuleAt, set[OperationKey]]]) -> str:
    shown = [f"{winner.rule.id} at {winner.rule.origin} answers for {few_names(names)}" for winner, names in winners]
    return ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more rules" if len(shown) > _SHOWN else "")


def _of(each: RuleAt) -> str:
    return each.rule.scope.removeprefix("transport.") if each.rule.scope != "transport" else "any provider"
