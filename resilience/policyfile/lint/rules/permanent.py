"""RP014: a retry of a fault that stays until a person changes something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resilience.catalog import CodeClass
from resilience.core.policy import Action
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import RuleAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_PERMANENT: Final[dict[CodeClass | None, str]] = {
    "permission": "the caller may not do this, however often it asks",
    "parameter": "the same request is as wrong the next time",
    "quota": "an allowance is used up, and waiting frees nothing",
    "denied": "a person has to change the state of the resource first",
    "billing": "the account cannot pay",
    "configuration": "the endpoint, the region or the version is wrong",
    "local": "the SDK was used wrongly, and nothing was sent",
    "exists": "the resource exists already",
    "taken": "another account owns the name, for good",
    "missing": "the resource does not exist",
    "dry_run": "the request would have succeeded, and nothing was done",
}

# Classes that a remedy may cure. A new token may have a permission that the old one lacked.
_REFRESHED: Final[frozenset[CodeClass | None]] = frozenset({"permission"})
_RENAMED: Final[frozenset[CodeClass | None]] = frozenset({"exists", "taken", "denied"})


def permanent(view: View) -> Iterator[Problem]:
    """RP014: a retry of a fault that does not pass by itself, at once or after another action."""
    at_once = [each for each in view.rules if _is_hopeless(view, each, each.rule.action)]
    for each in view.mistakes(at_once, "do"):
        first = each.rules[0]
        message = f"{_why(view, each.codes, first)}; {_cure(view, first, first.rule.action)}"
        yield view.problem(each.path, ids.PERMANENT, message, severity="error", layer=each.layer)
    known = set(map(id, at_once))
    later = [each for each in view.rules if id(each) not in known and _later(view, each) is not None]
    for each in view.mistakes(later, "then"):
        first = each.rules[0]
        action = _later(view, first)
        if action is not None:
            leads = f"`then` leads to {quoted(action.key)}, which does {action.do}"
            message = f"{_why(view, each.codes, first)}; {leads}: {_cure(view, first, action)}"
            yield view.problem(each.path, ids.PERMANENT, message, severity="error", layer=each.layer)


def _later(view: View, each: RuleAt) -> Action | None:
    """Return the first hopeless action in the chain of ``then``, or None."""
    later = list(each.rule.action.chain)[1:]
    return next((action for action in later if _is_hopeless(view, each, action)), None)


def _is_hopeless(view: View, each: RuleAt, action: Action) -> bool:
    class_ = view.class_of(each.rule)
    if class_ not in _PERMANENT or _is_lagging_read(view, each, class_) or _is_too_early(view, each, action):
        return False
    # Several codes may share a status, so a refresh or a rename may be right for one of them.
    is_code = not each.rule.scope.startswith("transport")
    match action.do:
        case "retry":
            return True
        case "verify":
            # After a fault with an unknown effect, asking a verifier is right.
            return (each.rule.effect or view.known_effect(each.rule)) == "none"
        case "refresh":
            return is_code and class_ not in _REFRESHED
        case "rename":
            return is_code and class_ not in _RENAMED
    return False


def _why(view: View, codes: str, each: RuleAt) -> str:
    return f"{codes} does not pass by itself: {_PERMANENT.get(view.class_of(each.rule), '')} ({_source(view, each)})"


def _cure(view: View, each: RuleAt, action: Action) -> str:
    instead = _instead(view.class_of(each.rule))
    match action.do:
        case "refresh":
            return f"new credentials do not change that; {instead}"
        case "rename":
            return f"another name does not change that; {instead}"
    return instead


def _is_lagging_read(view: View, each: RuleAt, class_: CodeClass | None) -> bool:
    """Tell whether a rule waits for a resource to appear, because reads of the service lag behind writes."""
    met = view.contests.met(each.rule)
    return (
        class_ == "missing"
        and each.rule.operation is not None
        and bool(met)
        and all(view.repeat(operation) == "safe" and not _changes(operation[1]) for operation in met)
    )


def _is_too_early(view: View, each: RuleAt, action: Action) -> bool:
    """Tell whether a rule waits for a time, on operations that may not see at once what was made just before."""
    met = view.contests.met(each.rule)
    return (
        view.class_of(each.rule) == "missing"
        and each.rule.operation is not None
        and action.do == "retry"
        and action.lasts is not None
        and bool(met)
        and all(view.repeat(operation) == "safe" and view.settle(operation) is not None for operation in met)
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
