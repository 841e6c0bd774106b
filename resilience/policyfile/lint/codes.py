"""Rules that answer a code as if it said something else, or a code that no service sends."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Iterator
from typing import Final

from resilience.catalog import CodeClass, catalogue, providers
from resilience.policyfile.layers import Layer
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.problems import Problem
from resilience.policyfile.rulekeys import is_provider_table
from resilience.policyfile.wording import quoted, suggestion

_AGAIN: Final = frozenset({"retry", "verify"})
_CREDENTIAL: Final = frozenset({"credential", "signature"})
_PERMANENT: Final[dict[CodeClass | None, str]] = {
    "permission": "the caller may not do this, however often it asks",
    "parameter": "the same request is as wrong the next time",
    "quota": "an allowance is used up, and waiting frees nothing",
    "denied": "somebody has to change the state of the resource first",
    "billing": "the account cannot pay",
    "configuration": "the endpoint, the region or the version is wrong",
    "local": "the SDK was used wrongly, and nothing was sent",
    "exists": "it is there already, and will be",
    "taken": "the name belongs to somebody else, for good",
    "missing": "what the call names is not there",
    "dry_run": "the request would have succeeded, and nothing was done",
}
_PASSING: Final[dict[CodeClass | None, str]] = {
    "throttle": "too many calls at once: the same call passes a little later",
    "transient": "the service is away for a moment",
}
_LIKE_A_SIBLING: Final = 0.85  # between a typing mistake and another sub-code of the same family
_LIKE_A_PROVIDER: Final = 0.7
_MISUSE: Final = (TypeError, AttributeError, NameError, LookupError, AssertionError, ImportError, SyntaxError)
_CANCELLATIONS: Final = frozenset({"Cancelled", "CancelledError", "asyncio.CancelledError", "trio.Cancelled"})


def permanent(view: View) -> Iterator[Problem]:
    """RP014: a code that stays as it is, tried again."""
    for each in view.mistakes((each for each in view.rules if _is_permanent(view, each)), "do"):
        first = each.rules[0]
        class_ = view.class_of(first.rule)
        message = (
            f"{each.codes} does not pass by itself: {_PERMANENT.get(class_, '')} ({_source(view, first)}); "
            f"{_instead(class_)}"
        )
        yield view.problem(each.path, ids.PERMANENT, message, severity="error", layer=each.layer)


def _is_permanent(view: View, each: RuleAt) -> bool:
    class_ = view.class_of(each.rule)
    if each.rule.action.do not in _AGAIN or class_ not in _PERMANENT or _is_lagging_read(view, each, class_):
        return False
    # Some say that the answer was no use, not that nothing has happened: then looking is right.
    return each.rule.action.do != "verify" or (each.rule.effect or view.known_effect(each.rule)) == "none"


def passing(view: View) -> Iterator[Problem]:
    """RP015: a code that passes by itself, given up at once."""
    for each in view.mistakes((each for each in view.rules if _is_passing(view, each)), "do"):
        if not view.is_rehearsal(each.layer):
            why = _PASSING.get(view.class_of(each.rules[0].rule), "")
            message = f"{each.codes} passes by itself, and this gives up: {why}; retry with a backoff"
            yield view.problem(each.path, ids.PASSING, message, layer=each.layer)


def _is_passing(view: View, each: RuleAt) -> bool:
    # Without a code only these statuses are certain, and a rehearsal may want to see every throttling.
    unsure = each.rule.scope.startswith("transport") and each.rule.code not in {"http-429", "http-503"}
    return each.rule.action.do == "fail" and view.class_of(each.rule) in _PASSING and not unsure


def unrefreshed(view: View) -> Iterator[Problem]:
    """RP017: refused credentials, sent again."""
    refused = (each for each in view.rules if each.rule.action.do in _AGAIN and view.class_of(each.rule) in _CREDENTIAL)
    for each in view.mistakes(refused, "do"):
        is_token = view.class_of(each.rules[0].rule) == "credential"
        cure = '"refresh"' if is_token else '"fail": a person has to look at keys and clock'
        message = f"{each.codes} refuses the credentials, and the same ones are sent again; use {cure}"
        yield view.problem(each.path, ids.UNREFRESHED, message, layer=each.layer)


def unknown_code(view: View) -> Iterator[Problem]:
    """RP023: a code that the catalogue does not know."""
    for each in view.rules:
        if each.rule.scope not in providers() or _programming_error(each):
            continue
        known = catalogue(each.rule.scope).codes
        code = each.rule.code
        if code in known or any(name.startswith(f"{code}.") for name in known):
            continue
        siblings = [name for name in known if name.rpartition(".")[0] == code.rpartition(".")[0]]
        near = difflib.get_close_matches(code, siblings, n=1, cutoff=_LIKE_A_SIBLING)
        if view.facts(each.rule) is not None:
            # A sub-code that nobody listed is fine; one that is a letter away from another is not.
            hint = f'; did you mean "{near[0]}"?' if near else None
        else:
            owners = [name for name in providers() if code in catalogue(name).codes]
            hint = (
                f"; it is a code of {owners[0]}, so its rule belongs in [rules.{owners[0]}]"
                if owners
                else suggestion(code, known) or "; check its spelling in the service's list of error codes"
            )
        if hint is not None:
            message = f"the catalogue of {each.rule.scope} does not know the code {quoted(code)}{hint}"
            yield view.problem(each.path, ids.UNKNOWN_CODE, message, at="key", layer=each.layer)


def programming_error(view: View) -> Iterator[Problem]:
    """RP036: a rule for what is no fault of a service."""
    for each in view.rules:
        kind = _programming_error(each)
        if kind:
            message = (
                f"{quoted(each.rule.code)} is {kind}: it leaves a call at once, and no rule ever sees it; delete this"
            )
            yield view.problem(each.path, ids.PROGRAMMING_ERROR, message, severity="error", at="key", layer=each.layer)


def unknown_provider(view: View) -> Iterator[Problem]:
    """RP062: a table for a provider that is spelled almost like a known one."""
    for layer in view.stack.layers:
        for path in _provider_tables(layer):
            name = path[-1]
            near = difflib.get_close_matches(name, (*providers(), "transport"), n=1, cutoff=_LIKE_A_PROVIDER)
            if name in providers() or not near or (near[0] == "transport" and path[0] != "rules"):
                continue
            message = f'no service is called {quoted(name)}, so nothing here is ever met; did you mean "{near[0]}"?'
            yield view.problem(path, ids.UNKNOWN_PROVIDER, message, severity="error", at="key", layer=layer)


def _provider_tables(layer: Layer) -> Iterator[tuple[str, ...]]:
    for table in ("rules", "operations", "credentials"):
        for name in layer.table.get(table, {}):
            if (table, name) != ("rules", "transport"):
                yield (table, name)
    transport = layer.table.get("rules", {}).get("transport", {})
    for name, value in transport.items():
        if isinstance(value, dict) and is_provider_table(name):
            yield ("rules", "transport", name)


def _programming_error(each: RuleAt) -> str | None:
    """Return what a code is that names a Python exception of no service; None for a code."""
    code = each.rule.code
    if each.rule.scope.startswith("transport") or (
        each.rule.scope in providers() and code in catalogue(each.rule.scope).codes
    ):
        return None
    if code in _CANCELLATIONS:
        return "a cancellation"
    kind = getattr(builtins, code.removeprefix("builtins."), None)
    if not isinstance(kind, type) or not issubclass(kind, BaseException):
        return None
    if not issubclass(kind, Exception):
        return "no error, but the end of the program"
    return "a programming error" if issubclass(kind, _MISUSE) else None


def _is_lagging_read(view: View, each: RuleAt, class_: CodeClass | None) -> bool:
    """Tell whether a rule waits for something to appear: a read of its own may lag behind the write."""
    met = view.met(each.rule)
    return (
        class_ == "missing"
        and each.rule.operation is not None
        and bool(met)
        and all(view.repeat(operation) == "safe" and not _changes(operation[1]) for operation in met)
    )


def _changes(operation: str) -> bool:
    return not operation.startswith(("Describe", "Get", "List", "Query", "BatchQuery"))


def _source(view: View, each: RuleAt) -> str:
    facts = view.facts(each.rule)
    return f"catalogue: {facts.meaning}" if facts else "RFC 9110"


def _instead(class_: CodeClass | None) -> str:
    match class_:
        case "exists":
            return 'use "accept", or "fail"'
        case "taken":
            return 'use "rename", or "fail"'
        case "dry_run":
            return 'use "accept" with as = "dry_run"'
        case _:
            return 'use "fail"'
