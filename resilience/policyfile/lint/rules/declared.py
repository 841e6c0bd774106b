"""Declared operations with settings that cannot work."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from resilience.catalog import catalogue, code_facts, providers
from resilience.core.fault import Effect
from resilience.core.operations import advice
from resilience.core.operations.apis import METHODS
from resilience.core.plan import Plan
from resilience.core.policy import Rule
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import OperationKey, RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_ONE_SLIP: Final = 0.85

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def forgotten(view: View) -> Iterator[Problem]:
    """RP075: an operation that the ledger cannot remember."""
    if view.policy.ledger is None:
        return
    for provider, operations in view.policy.operations.items():
        for name, declared in operations.items():
            operation = (provider, name)
            # The ledger cannot remember requests without an operation; the summary of a run reports these.
            if name in METHODS and declared.is_assumed:
                continue
            is_apart = declared.key == () and not declared.unique
            if view.repeat(operation) == "safe" or is_apart or declared.unique or view.key(operation):
                continue
            table = ("sources", provider, "operations") if declared.is_assumed else ("operations", provider)
            message = advice.unremembered(view.subject(operation))
            yield view.problem((*table, name), ids.UNREMEMBERED, message, at="key")


def misspelled_field(view: View) -> Iterator[Problem]:
    """RP077: a field with almost the spelling of one in the catalogue."""
    for provider, operations in view.policy.operations.items():
        if provider not in providers():
            continue
        known = {each for facts in catalogue(provider).operations.values() for each in (*facts.key, *facts.distinct)}
        for name, declared in operations.items():
            for key in ("key", "unique"):
                for index, field in enumerate(getattr(declared, key) or ()):
                    near = difflib.get_close_matches(field, known, n=1, cutoff=_ONE_SLIP)
                    if field.partition(".")[0] not in known and near:
                        message = (
                            f'no request of {provider} is known to have {quoted(field)}; did you mean "{near[0]}"?'
                        )
                        yield view.problem(("operations", provider, name, key, index), ids.LIKE_A_FIELD, message)


def inert(view: View) -> Iterator[Problem]:
    """RP076: a rule whose action can never happen: another attempt, or new credentials."""
    for each in view.rules:
        message = _no_attempt(view, each) or _no_credentials(view, each)
        if message is not None:
            yield view.problem(each.path, ids.INERT, message, layer=each.layer)


def nothing_ours(view: View) -> Iterator[Problem]:
    """RP076: a rule whose action can never happen: an accept. Whether it can happen depends on other rules too."""
    for each in view.answering("accept"):
        message = _never_ours(view, each)
        if message is not None and _no_attempt(view, each) is None:
            yield view.problem(each.path, ids.INERT, message, layer=each.layer)


def _no_attempt(view: View, each: RuleAt) -> str | None:
    """Return the message about a rule for another attempt that never happens for one of its operations."""
    rule = each.rule
    if not advice.leads_on(rule.action):
        return None
    for operation in _meant(view, rule):
        if rule.action.do == "rename" and view.rename(operation) is None and not view.subject(operation).is_declared:
            continue  # RP065 reports this, and its advice is enough
        is_twice = view.repeat(operation) == "duplicate" and not view.may_look(operation)
        if is_twice and advice.may_leave_doubt(rule, _effect_of, operation[0]):
            return advice.unrepeatable(view.subject(operation), rule.code, rule)
    return None


def _meant(view: View, rule: Rule) -> list[OperationKey]:
    """
    Return the operations that the author of a rule probably had in mind.

    A rule for all operations of a catalogue is not about a single "duplicate" operation. Requests without an operation
    count if the API names no operation at all. A provider without declared operations is called by functions of the
    program, which may have verifiers.
    """
    found: list[OperationKey] = []
    if rule.scope.removeprefix("transport.") in providers() and (rule.operation is None or "*" in rule.operation):
        return found
    # POST first, because most requests without an operation use it.
    for provider, name in sorted(view.contests.met(rule), key=lambda operation: (operation[1] != "POST", operation)):
        declared = view.declared((provider, name))
        api = view.policy.apis.get(provider)
        is_unnamed = name in METHODS and api is not None and bool(api.operations)
        is_open = provider not in providers() and (declared is None or declared.is_assumed) and not is_unnamed
        if rule.operation == name or is_open:
            found.append((provider, name))
    return found


def _never_ours(view: View, each: RuleAt) -> str | None:
    """Return the message about an ``accept`` if no earlier attempt can have been ours."""
    rule = each.rule
    if rule.action.do != "accept" or rule.action.condition != "ours" or rule.action.dry_run:
        return None
    if rule.scope.removeprefix("transport.") in providers():
        return None
    # The catalogue's operations have verifiers, and the ledger of `resilience run` remembers them.
    met = [operation for operation in sorted(view.contests.met(rule)) if _makes(view, operation)]
    if not met or any(_can_be_ours(view, operation) for operation in met):
        return None
    return advice.never_ours(view.subject(met[0]), rule)


def _makes(view: View, operation: OperationKey) -> bool:
    """Tell whether an operation outside of the catalogue may create a resource."""
    template = view.template(operation)
    is_named = operation[1] not in METHODS and operation[0] not in providers()
    return is_named and (template is None or template.method not in _READING)


def _can_be_ours(view: View, operation: OperationKey) -> bool:
    provider, name = operation
    return advice.can_be_ours(
        Plan(
            operation=name,
            provider=provider,
            policy=view.policy,
            repeat=view.repeat(operation),
            can_verify=view.may_look(operation),
            effect_of=_effect_of,
        )
    )


def _no_credentials(view: View, each: RuleAt) -> str | None:
    """Return the message about a refresh for an API without a source; an SDK's client may have a source itself."""
    provider = each.rule.scope.removeprefix("transport.")
    if each.rule.action.do != "refresh" or provider not in view.policy.apis or provider in providers():
        return None
    has_source = getattr(view.policy.credentials.get(provider), "source", None) is not None
    return None if has_source else advice.no_source(provider)


def _effect_of(provider: str | None, code: str) -> Effect | None:
    facts = code_facts(provider, code)
    return None if facts is None else facts.effect
