"""Rules that assume an effect which the fault does not prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resilience.catalog import CodeClass
from resilience.core.decision import LEADS_ON
from resilience.core.fault import Repeat
from resilience.core.operations.apis import METHODS
from resilience.core.policy import Action
from resilience.policyfile.decode.operations import catalogued
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import OperationKey, RuleAt, few_names
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.spelling import nearest
from resilience.policyfile.messages.wording import quoted

_CARE: Final[dict[Repeat, int]] = {"safe": 0, "equal": 1, "conflict": 2, "duplicate": 3}
_LIKE_AN_OPERATION: Final = 0.85  # one wrong letter, and not another verb before the same noun

# Names of operations begin so if "it does not exist" means success.
_REMOVING: Final = ("Delete", "Remove", "Revoke", "UnRegister", "Unbind", "Untag", "Close", "KickOut")

# Codes that tell whether the resource exists. After any other code an accept is a guess.
_TELLING: Final[frozenset[CodeClass | None]] = frozenset({"exists", "taken", "missing", "dry_run", None})

# A resource in use, or a protected one, exists; that is enough if an earlier attempt may have created it.
_HINTING: Final[frozenset[CodeClass | None]] = frozenset({"state", "denied"})


def repeated(view: View) -> Iterator[Problem]:
    """RP012: an unknown effect declared to be ``none`` although a repeat does it twice."""
    for each in view.rules:
        rule = each.rule
        if rule.effect != "none" or view.known_effect(rule) != "unknown" or not _goes_on(rule.action):
            continue
        twice = [operation for operation in view.contests.met(rule) if view.repeat(operation) == "duplicate"]
        if twice:
            message = (
                f'effect = "none" for {quoted(rule.code)}, although the request may have run: a retry would do '
                f"{few_names(twice)} twice; leave effect out, so that the executor asks a verifier first"
            )
            yield view.problem(each.inner("effect"), ids.REPEATED, message, severity="error", layer=each.layer)


def careless(view: View) -> Iterator[Problem]:
    """RP064: an operation declared less careful than in the catalogue."""
    for provider, declared in view.policy.operations.items():
        for name, each in declared.items():
            facts = view.operation_facts((provider, name))
            if facts is None or each.repeat is None or _CARE[each.repeat] >= _CARE[facts.repeat]:
                continue
            result = "does it twice" if facts.repeat == "duplicate" else "is refused"
            message = (
                f'{name} is declared "{each.repeat}", and the catalogue says "{facts.repeat}": a repeat {result}; '
                "leave it out, or say in [lint] how you know better"
            )
            yield view.problem(view.declared_at(provider, name, "repeat"), ids.CARELESS_OPERATION, message)


def uncounted(view: View) -> Iterator[Problem]:
    """RP061: attempts that may have taken effect, but do not count."""
    doubtful = (each for each in view.rules if (each.rule.effect or view.known_effect(each.rule)) == "unknown")
    again = (each for each in doubtful if each.rule.action.do in {"retry", "verify"} and not _is_harmless(view, each))
    free = (each for each in again if _is_free(each.rule.action))
    for each in view.mistakes(free, "counts"):
        message = (
            f"counts = false is for attempts that the service refused before they ran; after {each.codes} they may "
            "have run, so each attempt has to count"
        )
        yield view.problem(each.path, ids.UNCOUNTED_DOUBT, message, layer=each.layer)


def uncounted_unknown(view: View) -> Iterator[Problem]:
    """RP061: attempts after a fault that no rule matches, which do not count."""
    for action in view.policy.unknown.chain:
        if action.do == "verify" and _is_free(action):
            message = (
                "counts = false is for attempts that the service refused before they ran; after a fault without a rule "
                "they may have run, so each attempt has to count"
            )
            path = view.latest(("unknown",), ("actions", action.key, "counts"))
            yield view.problem(path, ids.UNCOUNTED_DOUBT, message)


def _is_free(action: Action) -> bool:
    """Tell whether the attempts of an action neither count nor end after a time of its own."""
    return not action.counts and action.lasts is None


def _is_harmless(view: View, each: RuleAt) -> bool:
    """Tell whether the operations of a rule may be repeated, and a limit ends the attempts."""
    action, met = each.rule.action, view.contests.met(each.rule)
    is_bounded = action.max is not None or action.lasts is not None or view.policy.limits.deadline is not None
    return is_bounded and bool(met) and all(view.repeat(operation) in {"safe", "equal"} for operation in met)


def unverified_success(view: View) -> Iterator[Problem]:
    """RP013: a failure taken for a success without a check."""
    for each in view.rules:
        if view.is_rehearsal(each.layer) and view.class_of(each.rule) == "exists":
            continue
        for action in each.rule.action.chain:
            if action.do != "accept" or action.dry_run:
                continue
            message = _doubt(view, each, action)
            if message is not None:
                path = each.inner("if") if action is each.rule.action else each.path
                yield view.problem(path, ids.UNVERIFIED_SUCCESS, message, layer=each.layer)
                break


def _doubt(view: View, each: RuleAt, action: Action) -> str | None:
    """Return the message about an accept that does not prove success, or None."""
    rule, class_ = each.rule, view.class_of(each.rule)
    if class_ == "dry_run":
        return f'{quoted(rule.code)} means that nothing was done; say as = "dry_run"'
    if action.condition == "ours" and class_ in _HINTING:
        return None
    if class_ not in _TELLING:
        return f"{quoted(rule.code)} does not prove that the resource exists: this takes a failure for a success"
    if action.condition == "ours":
        return None
    wrong = [operation for operation in view.documented(rule) if _is_wrong(view, operation, class_)]
    if not wrong:
        return None
    return (
        f'if = "always" takes {quoted(rule.code)} for a success of {few_names(wrong)}, also when another program did '
        'it or the request named the wrong resource; use if = "ours", or verify'
    )


def _is_wrong(view: View, operation: OperationKey, class_: CodeClass | None) -> bool:
    if view.repeat(operation) == "safe" and (class_ is not None or not _removes(operation)):
        return False
    return not (class_ == "missing" and _removes(operation))


def _removes(operation: OperationKey) -> bool:
    return operation[1].startswith(_REMOVING)


def misspelled(view: View) -> Iterator[Problem]:
    """RP072: a declared operation with almost the name of one in the catalogue, or in an API of the policy."""
    for provider, declared in view.policy.operations.items():
        api = view.policy.apis.get(provider)
        own = () if api is None else (*METHODS, *(template.operation for template in api.operations))
        listed = catalogued(provider).union(own)
        for name in sorted(set(declared) - listed):
            near = nearest(name, listed, cutoff=_LIKE_AN_OPERATION)
            if near:
                place = "of the catalogue" if near not in own else f"of [sources.{provider}]"
                message = (
                    f'{quoted(name)} is no operation {place}; did you mean "{near}"? '
                    "if it is another one, say so in [lint]"
                )
                yield view.problem(("operations", provider, name), ids.LIKE_AN_OPERATION, message, at="key")


def _goes_on(action: Action) -> bool:
    return any(each.do in LEADS_ON for each in action.chain)
