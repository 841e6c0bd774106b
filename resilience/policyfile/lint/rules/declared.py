"""Operations that the policy describes, and what cannot be done with them as it says."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.core.fault import Effect
from resilience.core.operations import advice
from resilience.core.plan import Plan
from resilience.core.policy import METHODS, Rule
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import Operation, RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_ONE_SLIP: Final = 0.85

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def forgotten(view: View) -> Iterator[Problem]:
    """RP075: with a ledger, an operation that nothing can remember."""
    if view.policy.ledger is None:
        return
    for provider, operations in view.policy.operations.items():
        for name, said in operations.items():
            operation = (provider, name)
            # What the policy calls by no name is no operation that it could remember; the end of a run says so.
            if name in METHODS and said.is_assumed:
                continue
            is_apart = said.key == () and not said.unique
            if view.repeat(operation) == "safe" or is_apart or said.unique or view.key(operation):
                continue
            table = ("sources", provider, "operations") if said.is_assumed else ("operations", provider)
            message = advice.unremembered(view.subject(operation))
            yield view.problem((*table, name), ids.UNREMEMBERED, message, at="key")


def misspelled_field(view: View) -> Iterator[Problem]:
    """RP077: a field of a catalogue's operation that is spelled almost like one that the catalogue knows."""
    for provider, operations in view.policy.operations.items():
        if provider not in providers():
            continue
        known = {each for facts in catalogue(provider).operations.values() for each in (*facts.key, *facts.distinct)}
        for name, said in operations.items():
            for key in ("key", "unique"):
                for index, field in enumerate(getattr(said, key) or ()):
                    near = difflib.get_close_matches(field, known, n=1, cutoff=_ONE_SLIP)
                    if field.partition(".")[0] not in known and near:
                        message = (
                            f'no request of {provider} is known to have {quoted(field)}; did you mean "{near[0]}"?'
                        )
                        yield view.problem(("operations", provider, name, key, index), ids.LIKE_A_FIELD, message)


def inert(view: View) -> Iterator[Problem]:
    """RP076: a rule that asks for what never happens: another attempt, or new credentials."""
    for each in view.rules:
        message = _no_attempt(view, each) or _no_credentials(view, each)
        if message is not None:
            yield view.problem(each.path, ids.INERT, message, layer=each.layer)


def nothing_ours(view: View) -> Iterator[Problem]:
    """RP076: a rule that asks for what never happens: an accept of what is ours. Other rules tell what can be ours."""
    for each in view.answering("accept"):
        message = _never_ours(view, each)
        if message is not None and _no_attempt(view, each) is None:
            yield view.problem(each.path, ids.INERT, message, layer=each.layer)


def _no_attempt(view: View, each: RuleAt) -> str | None:
    """Return why a rule for another attempt never makes one for some operation that it is for."""
    rule = each.rule
    if not advice.leads_on(rule.action):
        return None
    for operation in _meant(view, rule):
        if rule.action.do == "rename" and view.rename(operation) is None and not view.subject(operation).is_declared:
            continue  # said as such, and what is to be written then is enough
        is_twice = view.repeat(operation) == "duplicate" and not view.may_look(operation)
        if is_twice and advice.may_leave_doubt(rule, _effect_of, operation[0]):
            return advice.unrepeatable(view.subject(operation), rule.code, rule)
    return None


def _meant(view: View, rule: Rule) -> list[Operation]:
    """
    Return the operations that the author of a rule had in mind.

    A rule for all operations is also there for others than one that is said to be done twice: by the policy, or by the
    catalogue. Requests without a name are meant where no request has one. Where the policy lists no operation of a
    provider, its functions are the program's own, which may know how to look.
    """
    found: list[Operation] = []
    if rule.scope.removeprefix("transport.") in providers() and (rule.operation is None or "*" in rule.operation):
        return found
    # Of requests without a name, most are made with POST.
    for provider, name in sorted(view.met(rule), key=lambda operation: (operation[1] != "POST", operation)):
        said = view.declared((provider, name))
        api = view.policy.apis.get(provider)
        is_unnamed = name in METHODS and api is not None and bool(api.operations)
        is_open = provider not in providers() and (said is None or said.is_assumed) and not is_unnamed
        if rule.operation == name or is_open:
            found.append((provider, name))
    return found


def _never_ours(view: View, each: RuleAt) -> str | None:
    """Return why an accept that asks for an earlier attempt of ours never finds one."""
    rule = each.rule
    if rule.action.do != "accept" or rule.action.condition != "ours" or rule.action.dry_run:
        return None
    if rule.scope.removeprefix("transport.") in providers():
        return None
    # The catalogue's operations are looked for by ready-made verifiers, and remembered by the ledger of a command.
    met = [operation for operation in sorted(view.met(rule)) if _makes(view, operation)]
    if not met or any(_can_be_ours(view, operation) for operation in met):
        return None
    return advice.never_ours(view.subject(met[0]), rule)


def _makes(view: View, operation: Operation) -> bool:
    """Tell whether an operation of one's own may make something that can be there already."""
    template = view.template(operation)
    is_named = operation[1] not in METHODS and operation[0] not in providers()
    return is_named and (template is None or template.method not in _READING)


def _can_be_ours(view: View, operation: Operation) -> bool:
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
    """Return why a refresh of an API's credentials never gets any; clients of SDKs may have a source of their own."""
    provider = each.rule.scope.removeprefix("transport.")
    if each.rule.action.do != "refresh" or provider not in view.policy.apis or provider in providers():
        return None
    has_source = getattr(view.policy.credentials.get(provider), "source", None) is not None
    return None if has_source else advice.no_source(provider)


def _effect_of(provider: str | None, code: str) -> Effect | None:
    facts = catalogue(provider).code(code) if provider in providers() and provider is not None else None
    return None if facts is None else facts.effect
