"""
Advice about actions that a policy asks for and that are impossible: why, and what to write instead, in one sentence.

``check`` gives it at the rule, before a run. A note, the log and the summary of a run give it for a call. All of them
take the sentence from here. ``check`` accepts every text that a sentence tells the user to write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resilience.core.decision import LEADS_ON
from resilience.core.fault import Effect
from resilience.core.operations.apis import METHODS
from resilience.core.operations.subject import BARE, Subject, written
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule


def unremembered(subject: Subject) -> str:
    """Return the advice for an operation that a ledger cannot remember, because no field names its resource."""
    reason = f"the ledger cannot remember {_name(subject)}: no key says which fields of a request name what it makes"
    if subject.is_catalogued:
        none = f"write {subject.declared(key=())} if each call is one of its own"
        return f"{reason}; {none}, or name these fields"
    return f"{reason}; write {subject.declared(key=subject.guess)}, or key = [] if each call is one of its own"


def keyless(subject: Subject, field: str) -> str:
    """Return the advice for a call that a ledger cannot remember, because it lacks a field of the key."""
    rest = tuple(each for each in subject.guess if each != field)
    write = f"write {subject.declared(key=rest)} if that is enough" if rest else "name the fields that it has"
    return f'the ledger cannot remember a call of {_name(subject)} whose request has no "{field}"; {write}'


def indistinct(subject: Subject, fields: Sequence[str]) -> str:
    """Return the advice for purchases that no field distinguishes."""
    first, *others = fields
    unique = subject.declared(unique=(first,))
    tags = f", or unique = {written(tuple(others[:1]))} if its tags do" if others else ""
    return (
        f"nothing tells which call of {subject.operation} bought what is there; write {unique} "
        f"if no two purchases have the same {first}{tags}"
    )


def nothing_to_rename(subject: Subject) -> str:
    """Return the advice for a rename of an operation without a field for the name."""
    reason = f"no field is known to hold the name of what {subject.operation} makes, so nothing is renamed"
    if subject.is_catalogued:
        return f"{reason}; answer with another action"
    key, repeat = subject.guess, subject.repeat if subject.is_declared else "conflict"
    return f"{reason}; write {subject.declared(repeat=repeat, key=key, rename=key[-1])}"


def unrepeatable(subject: Subject, label: str, rule: Rule | None, *, ask: str = "") -> str:
    """
    Return the advice for an operation that is not sent again, because it may have taken effect.

    Args:
        subject: The operation.
        label: The label of the attempt's fault.
        rule: The rule that asks for another attempt; None if an earlier run left the doubt.
        ask: How the program can register a verifier; empty if it cannot.
    """
    again = f"after {label} it may have happened, and nothing says whether it has, so it is not sent again"
    if subject.operation in METHODS:
        reason = (
            f'a {subject.operation} that [sources.{subject.provider}.operations] does not name counts as "duplicate"'
        )
        named = Subject(provider=subject.provider, operation="CreateX", repeat="conflict", fields=subject.fields)
        write = (
            f'write there CreateX = "{subject.operation} /path" and {named.declared(key=named.guess)} '
            "if the service refuses a second one"
        )
    elif subject.is_declared or subject.is_catalogued:
        reason = f'{subject.operation} is "duplicate"'
        looks = subject.reads[0] if subject.reads else None
        write = ""
        if looks is not None and subject.declaration is not None and subject.declaration.read_back is None:
            write = f"write {subject.declared(key=subject.guess, read_back=looks)} if {looks} says whether it is there"
    else:
        reason = f'{subject.operation} is not declared and counts as "duplicate"'
        write = f"write {subject.declared(repeat='conflict', key=subject.guess)} if the service refuses a second one"
    others = [write, ask, _without_effect(rule)]
    return f"{reason}: {again}; {', or '.join(filter(None, others)) or 'look before you run this again'}"


def never_ours(subject: Subject, rule: Rule) -> str:
    """Return the advice for an accept with ``if = "ours"`` that can never apply."""
    code = rule.code
    if subject.repeat == "equal":
        return (
            f'{subject.operation} is "equal", so {code} speaks of another content, and nothing can look whose it is; '
            "name the operation that says it: read_back"
        )
    if subject.repeat == "duplicate":
        write = f"write {subject.declared(repeat='conflict', key=subject.guess)} if the service refuses a second one"
        counts = "is" if subject.is_declared or subject.is_catalogued else "is not declared and counts as"
        return (
            f'{subject.operation} {counts} "duplicate": it is not sent again after an attempt that may have taken '
            f"effect, so {code} never speaks of an attempt of ours; {write}"
        )
    table = f"[rules.transport.{subject.provider}]" if subject.provider else "[rules.transport]"
    return (
        f"no rule sends {subject.operation} again after an attempt that may have taken effect, so {code} never speaks "
        f'of an attempt of ours; write "lost" = "retry" in {table}'
    )


def no_source(provider: str) -> str:
    """Return the advice for a refresh without a source of credentials."""
    return (
        f"a client of plain HTTP brings its own credentials, and only a program that gives Executor(credentials="
        f'{{"{provider}": ...}}) a source can renew those of {provider}; write "fail" where there is none'
    )


def may_leave_doubt(rule: Rule, effect_of: Callable[[str | None, str], Effect | None], provider: str | None) -> bool:
    """Tell whether a fault that a rule matches may have had an effect."""
    if rule.effect is not None:
        return rule.effect == "unknown"
    if rule.scope.startswith("transport"):
        return rule.code != "unsent" and not rule.code.startswith("http-4")
    return effect_of(provider, rule.code) != "none"


def leads_on(action: Action | None) -> bool:
    """Tell whether an action, or one of its ``then``, may lead to another attempt."""
    return action is not None and any(each.do in LEADS_ON for each in action.chain)


def can_be_ours(plan: Plan) -> bool:
    """Tell whether "it exists" can be about an earlier attempt: whether an attempt may follow a doubtful one."""
    if not plan.can_be_ours or (plan.must_verify_first and not plan.can_verify):
        return False
    if plan.policy.ledger is not None:
        return True
    if plan.limits.max_attempts <= 1:
        return False
    starts = [(rule, action) for rule, action in plan.reachable() if rule is None or action is rule.action]
    return any(
        leads_on(action) and (rule is None or may_leave_doubt(rule, plan.effect_of, plan.provider))
        for rule, action in starts
    )


def _without_effect(rule: Rule | None) -> str:
    """Return the clause about declaring a code as without effect; empty for a transport fault."""
    if rule is None or rule.scope.startswith("transport") or rule.effect is not None:
        return ""
    key = written(rule.id[len(rule.scope) + 2 : -1])
    means = f"if {rule.code} means that nothing was done"
    if BARE.fullmatch(rule.action.key):
        return f'{key} = {{ do = {written(rule.action.key)}, effect = "none" }} {means}'
    return f'effect = "none" in the rule {key} {means}'


def _name(subject: Subject) -> str:
    return f"{subject.provider}:{subject.operation}" if subject.provider else subject.operation
