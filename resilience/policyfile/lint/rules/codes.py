"""Rules that misread a code, or whose code no service sends."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Iterator, Mapping
from typing import Final

from resilience.catalog import CodeClass, catalogue, providers
from resilience.core.match import lineage
from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.format.rule_keys import (
    is_provider_table,
    is_status,
    is_transport_code,
    operation_before_a_dot,
)
from resilience.policyfile.format.shared_limits import SHARED
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.spelling import nearest
from resilience.policyfile.messages.wording import quoted, suggestion

_AGAIN: Final = frozenset({"retry", "verify"})
_CREDENTIAL: Final = frozenset({"credential", "signature"})
_PASSING: Final[dict[CodeClass | None, str]] = {
    "throttle": "too many calls at once: the same call passes a little later",
    "transient": "the service is away for a moment",
}
_LIKE_A_SIBLING: Final = 0.85  # between a typing mistake and another sub-code of the same family
_LIKE_A_PROVIDER: Final = 0.7
_MISUSE: Final = (TypeError, AttributeError, NameError, LookupError, AssertionError, ImportError, SyntaxError)
_CANCELLATIONS: Final = frozenset({"Cancelled", "CancelledError", "asyncio.CancelledError", "trio.Cancelled"})


def passing(view: View) -> Iterator[Problem]:
    """RP015: no retry of a fault that passes by itself."""
    for each in view.mistakes((each for each in view.rules if _is_passing(view, each)), "do"):
        if not view.is_rehearsal(each.layer):
            why = _PASSING.get(view.class_of(each.rules[0].rule), "")
            message = f"{each.codes} passes by itself, and this gives up: {why}; retry with a backoff"
            yield view.problem(each.path, ids.PASSING, message, layer=each.layer)


def _is_passing(view: View, each: RuleAt) -> bool:
    # Of faults without a code only these statuses surely pass.
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
    for each in (each for each in view.rules if each.is_first):
        message = None if _programming_error(each) else _stranger(each.rule.scope, each.rule.code, "its rule", "rules")
        if message is not None:
            yield view.problem(each.key, ids.UNKNOWN_CODE, message, at="key", layer=each.layer)


def unknown_injection(view: View) -> Iterator[Problem]:
    """RP023: a code in ``[chaos]`` that the catalogue does not know."""
    for injection in view.policy.chaos.injections:
        code, provider = injection.code, injection.provider
        message = None if is_transport_code(code) else _stranger(provider, code, "it", "chaos")
        if message is not None:
            path = ("chaos", provider, injection.id.removeprefix(f'{provider}."')[:-1])
            yield view.problem(path, ids.UNKNOWN_CODE, message, at="key")


def _stranger(provider: str, code: str, what: str, table: str) -> str | None:
    """Return the message about a code that no service sends; None for a known code, and without a complete list."""
    if provider not in providers():
        is_odd = not provider.startswith("transport") and is_status(code)
        return f'{quoted(code)} reads like a status; in [rules.transport] it is "http-{code}"' if is_odd else None
    known = catalogue(provider).codes
    families = _families(provider)
    if code in known or code in families:
        return None
    near = nearest(code, families.get(code.rpartition(".")[0], ()), cutoff=_LIKE_A_SIBLING)
    if catalogue(provider).code(code) is not None:
        # A sub-code outside of the catalogue is fine, unless its spelling is close to a listed one.
        hint = f'; did you mean "{near}"?' if near else None
    else:
        owners = [name for name in providers() if code in catalogue(name).codes]
        narrow = operation_before_a_dot(code, provider)
        hint = (
            f'; a slash stands behind an operation: write "{narrow}"'
            if narrow
            else f"; it is a code of {owners[0]}, so {what} belongs in [{table}.{owners[0]}]"
            if owners
            else suggestion(code, known) or "; check its spelling in the service's list of error codes"
        )
    return None if hint is None else f"the catalogue of {provider} does not know the code {quoted(code)}{hint}"


@functools.cache
def _families(provider: str) -> Mapping[str, tuple[str, ...]]:
    """Return the codes of a catalogue by the code above them; codes without one under an empty text."""
    families: dict[str, list[str]] = {}
    for name in catalogue(provider).codes:
        parent = name.rpartition(".")[0]
        families.setdefault(parent, []).append(name)
        for each in lineage(parent):
            families.setdefault(each, [])
    return {parent: tuple(names) for parent, names in families.items()}


def programming_error(view: View) -> Iterator[Problem]:
    """RP036: a rule for a cancellation or a programming error."""
    for each in (each for each in view.rules if each.is_first):
        kind = _programming_error(each)
        if kind:
            message = (
                f"{quoted(each.rule.code)} is {kind}: it leaves a call at once, and no rule ever sees it; delete this"
            )
            yield view.problem(each.key, ids.PROGRAMMING_ERROR, message, severity="error", at="key", layer=each.layer)


def unknown_provider(view: View) -> Iterator[Problem]:
    """RP062: a table for a provider that is spelled almost like a known one."""
    known = {*providers(), *view.policy.apis}
    names = (*sorted(known), "transport")
    for layer in view.stack.layers:
        for path in _provider_tables(layer):
            name = path[-1]
            near = None if name in known else nearest(name, names, cutoff=_LIKE_A_PROVIDER)
            if near is None or (near == "transport" and path[0] != "rules"):
                continue
            message = f'no service is called {quoted(name)}, so nothing here is ever met; did you mean "{near}"?'
            yield view.problem(path, ids.UNKNOWN_PROVIDER, message, severity="error", at="key", layer=layer)


def _provider_tables(layer: Layer) -> Iterator[tuple[str, ...]]:
    for table in ("rules", "operations", "credentials", "chaos", *sorted(SHARED)):
        for name, value in layer.table.get(table, {}).items():
            if (table, name) != ("rules", "transport") and isinstance(value, dict):
                yield (table, name)
    transport = layer.table.get("rules", {}).get("transport", {})
    for name, value in transport.items():
        if isinstance(value, dict) and is_provider_table(name):
            yield ("rules", "transport", name)


def _programming_error(each: RuleAt) -> str | None:
    """Return the description of a code that names a Python exception; None for a service's code."""
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
