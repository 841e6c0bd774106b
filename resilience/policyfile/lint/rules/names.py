"""Names that lead nowhere: renames without a legal name, and actions and backoffs without a use."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Literal, NamedTuple

from resilience.catalog import catalogue, providers
from resilience.core.operations import advice
from resilience.core.operations.apis import METHODS
from resilience.core.operations.rename import NameLaw, next_name
from resilience.core.policy import Action
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import OperationKey, RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem, Severity
from resilience.policyfile.messages.spelling import nearest
from resilience.policyfile.messages.wording import quoted

_SAMPLES: Final = ("GID_sensors-berlin", "sensors-berlin")
_SHORT: Final = ("GID_abc", "abc")
_DIGEST: Final = "0123abcd"
_ALIKE: Final = 0.8


def nothing_to_rename(view: View) -> Iterator[Problem]:
    """RP065: a rename for operations that have no name to change."""
    for each in view.answering("rename"):
        # Another lint rule reports narrower rules that answer first.
        wanted = view.contests.wanted(each.rule) or frozenset()
        facts_of_code = view.facts(each.rule)
        documented = () if facts_of_code is None else facts_of_code.operations
        operations = frozenset(operation for operation in wanted if operation[1] in documented) or wanted
        # Without declarations, the program may call any operation, but a rename knows no field of it.
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
    """RP019: a rename with an equal, an illegal or an unrelated new name."""
    seen: set[str] = set()
    for each in view.answering("rename"):
        for action in each.rule.action.chain:
            if action.do != "rename" or action.key in seen:
                continue
            found = _bad_name(view, each, action)
            if found is not None:
                seen.add(action.key)
                home = ("actions", action.key) if action.key in view.policy.actions else each.path
                path = (*home, found.key) if view.stack.setter((*home, found.key)) else home
                yield view.problem(path, ids.BAD_NAMES, found.message, severity=found.severity)


class _BadName(NamedTuple):
    """A mistake in a rename, with the wrong key of the action."""

    key: Literal["pattern", "max_length"]
    severity: Severity
    message: str


def _bad_name(view: View, each: RuleAt, action: Action) -> _BadName | None:
    pattern = quoted(action.pattern)
    if "{n}" not in action.pattern and action.max != 1:
        message = (
            f"pattern {pattern} has no {{n}}, so every rename builds the same name again; "
            "add {n}, or allow one rename with max = 1"
        )
        return _BadName("pattern", "warning", message)
    if "{name}" not in action.pattern and "{hash}" not in action.pattern:
        message = (
            f"pattern {pattern} has neither {{name}} nor {{hash}}, so which resource gets which name depends on the "
            "order of the calls, in each run anew; add {name} or {hash}"
        )
        return _BadName("pattern", "warning", message)
    for operation in sorted(view.documented(each.rule)):
        found = _law(view, operation)
        bad = None if found is None else _no_name(action, *found, operation[1])
        if bad is not None:
            return bad
    return None


def _no_name(action: Action, meaning: str, law: NameLaw, operation: str) -> _BadName | None:
    """Return the mistake of a rename that builds no name for an operation, or only from short names; else None."""
    sample = next((name for name in _SAMPLES if law.is_legal(name)), None)
    if sample is None or next_name(sample, 2, action, law, digest=_DIGEST) is not None:
        return None
    if any(next_name(name, 2, action, law, digest=_DIGEST) for name in _SHORT if law.is_legal(name)):
        limits = [limit for limit in (action.max_length, law.max_length) if limit is not None]
        around = len(action.pattern.replace("{n}", "2").replace("{hash}", _DIGEST).replace("{name}", ""))
        message = (
            f"a name of {operation} with more than {min(limits) - around} characters is not renamed: at most "
            f"{min(limits)} leave no room for what a shortened name keeps, its beginning and a hash of the whole"
        )
        return _BadName("max_length", "warning", message)
    without = NameLaw(max_length=law.max_length, keep_prefix=law.keep_prefix, is_legal=law.is_legal)
    free = Action(key=action.key, do="rename", pattern=action.pattern)
    if next_name(sample, 2, free, without, digest=_DIGEST) is not None:
        message = f"max_length {action.max_length} leaves no room for a legal name of {operation}: {meaning}"
        return _BadName("max_length", "error", message)
    return _BadName(
        "pattern", "error", f"pattern {quoted(action.pattern)} builds no legal name for {operation}: {meaning}"
    )


def _law(view: View, operation: OperationKey) -> tuple[str, NameLaw] | None:
    """Return the rule for names of an operation, in words and as a function."""
    declared = view.declared(operation)
    if declared is not None and declared.name is not None:
        name = declared.name
        words = f"a name matches {name.pattern}" if name.pattern else "a name"
        most = f", with at most {name.max_length} characters" if name.max_length else ""
        return f"{words}{most}", NameLaw(max_length=name.max_length, is_legal=name.is_legal)
    facts = view.operation_facts(operation)
    if facts is None or facts.name is None:
        return None
    rule = catalogue(operation[0]).names[facts.name]
    return rule.meaning, NameLaw(max_length=rule.max_length, keep_prefix=rule.keep_prefix, is_legal=rule.is_legal)


def unused(view: View) -> Iterator[Problem]:
    """RP063: an action or a backoff without a use; another name may be misspelled."""
    if not view.rules and view.stack.root.source.base is None:
        # A file of the package without rules defines actions for other files.
        return
    used = view.used
    backoffs = {action.backoff.name for action in used.values() if action.backoff is not None}
    # A verification without a backoff uses the default one.
    yield from _unused(view, "backoff", view.policy.backoffs, backoffs | {"default"})
    yield from _unused(view, "actions", view.policy.actions, used.keys() & view.policy.actions.keys())


def _unused(view: View, table: str, defined: Collection[str], used: set[str]) -> Iterator[Problem]:
    for name in defined:
        setter = view.stack.setter((table, name))
        # An extended file may define names for other files too.
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
