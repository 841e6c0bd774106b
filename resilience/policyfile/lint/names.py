"""Things that are named and lead nowhere: names that cannot be built, and names that nothing uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.core import advice
from resilience.core.policy import METHODS, Action
from resilience.core.rename import NameLaw, next_name
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import Operation, RuleAt, chain
from resilience.policyfile.lint.view import View
from resilience.policyfile.problems import Problem
from resilience.policyfile.spelling import nearest
from resilience.policyfile.wording import quoted

_SAMPLES: Final = ("GID_sensors-berlin", "sensors-berlin")
_DIGEST: Final = "0123abcd"
_ALIKE: Final = 0.8


def nothing_to_rename(view: View) -> Iterator[Problem]:
    """RP065: a rename for operations that have no name to change."""
    for each in view.rules:
        if not any(action.do == "rename" for action in chain(each.rule.action)):
            continue
        # Whether a narrower rule answers first is another matter, and said as such.
        wanted = view.wanted(each.rule) or frozenset()
        facts_of_code = view.facts(each.rule)
        told = () if facts_of_code is None else facts_of_code.operations
        operations = frozenset(operation for operation in wanted if operation[1] in told) or wanted
        # Where nothing is declared, the program may call anything, and nothing of it has a name.
        provider = each.rule.scope.removeprefix("transport.")
        is_open = provider not in {*providers(), "transport"}
        if any(view.rename(operation) is not None for operation in operations) or not (operations or is_open):
            continue
        named = sorted(operation for operation in operations if operation[1] not in METHODS)
        message = advice.nothing_to_rename(
            view.subject(named[0] if named else (provider, each.rule.operation or "NAME"))
        )
        yield view.problem(each.path, ids.NOTHING_TO_RENAME, message, severity="error", layer=each.layer)


def bad_names(view: View) -> Iterator[Problem]:
    """RP019: a rename that builds the same name twice, or one that the service refuses."""
    seen: set[str] = set()
    for each in view.rules:
        for action in chain(each.rule.action):
            if action.do != "rename" or action.key in seen:
                continue
            message = _bad_name(view, each, action)
            if message is not None:
                seen.add(action.key)
                home = ("actions", action.key) if action.key in view.policy.actions else each.path
                key = "max_length" if "max_length" in message else "pattern"
                path = (*home, key) if view.stack.setter((*home, key)) else home
                # Building the same name again is only a waste.
                yield view.problem(path, ids.BAD_NAMES, message, severity="warning" if "again" in message else "error")


def _bad_name(view: View, each: RuleAt, action: Action) -> str | None:
    if "{n}" not in action.pattern and action.max != 1:
        return (
            f"pattern {quoted(action.pattern)} has no {{n}}, so every rename builds the same name again; "
            "add {n}, or allow one rename with max = 1"
        )
    for operation in sorted(view.documented(each.rule)):
        found = _law(view, operation)
        if found is None:
            continue
        meaning, law = found
        sample = next((name for name in _SAMPLES if law.is_legal(name)), None)
        if sample is None or next_name(sample, 2, action, law, digest=_DIGEST) is not None:
            continue
        without = NameLaw(max_length=law.max_length, keep_prefix=law.keep_prefix, is_legal=law.is_legal)
        free = Action(key=action.key, do="rename", pattern=action.pattern)
        if next_name(sample, 2, free, without, digest=_DIGEST) is not None:
            return f"max_length {action.max_length} leaves no room for a legal name of {operation[1]}: {meaning}"
        return f"pattern {quoted(action.pattern)} builds no legal name for {operation[1]}: {meaning}"
    return None


def _law(view: View, operation: Operation) -> tuple[str, NameLaw] | None:
    """Return the rule for names of an operation, in words and as renames ask it."""
    said = view.declared(operation)
    if said is not None and said.name is not None:
        words = f"a name matches {said.name.pattern}" if said.name.pattern else "a name"
        most = f", with at most {said.name.max_length} characters" if said.name.max_length else ""
        return f"{words}{most}", NameLaw(max_length=said.name.max_length, is_legal=said.name.is_legal)
    facts = view.operation_facts(operation)
    if facts is None or facts.name is None:
        return None
    rule = catalogue(operation[0]).names[facts.name]
    return rule.meaning, NameLaw(max_length=rule.max_length, keep_prefix=rule.keep_prefix, is_legal=rule.is_legal)


def unused(view: View) -> Iterator[Problem]:
    """RP063: an action or a backoff that nothing uses; it may be a misspelled name of another."""
    if not view.rules and view.stack.root.source.base is None:
        # A file of the package without rules defines what other files use.
        return
    used = view.used
    backoffs = {action.backoff.name for action in used.values() if action.backoff is not None}
    # The machine falls back to the default where a verification has none of its own.
    yield from _unused(view, "backoff", view.policy.backoffs, backoffs | {"default"})
    yield from _unused(view, "actions", view.policy.actions, set(used))


def _unused(view: View, table: str, defined: Collection[str], used: set[str]) -> Iterator[Problem]:
    for name in defined:
        setter = view.stack.setter((table, name))
        # What a file above defines may be meant for others that extend it.
        if name in used or setter is None or setter.source is not view.stack.root.source:
            continue
        near = nearest(name, used, cutoff=_ALIKE)
        what = "action" if table == "actions" else "backoff"
        if near:
            message = f'nothing uses the {what} {quoted(name)}; did you mean "{near}"?'
            yield view.problem((table, name), ids.UNUSED, message, at="key")
        else:
            message = f"nothing uses the {what} {quoted(name)}"
            yield view.problem((table, name), ids.UNUSED, message, severity="info", at="key")
