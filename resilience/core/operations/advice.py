"""
Advice about actions that a policy asks for and that are impossible: why, and what to write instead, in one sentence.

``check`` gives it at the rule, before a run. A note, the log and the summary of a run give it for a call. All of them
take the sentence from here. ``check`` accepts every text that a sentence tells the user to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from resilience.core.decision import LEADS_ON
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.apis import METHODS, RequestTemplate, RestApi, is_placeholder
from resilience.core.operations.declared import Declaration, is_secret_field
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_GUESS: Final = ("name",)
_NAMING: Final = re.compile("(?:^|[_.])(?:name|id)$|(?:Name|Id)$")
_NOTHING: Final = Declaration()


@frozen(kw_only=True)
class Subject:
    """
    The operation of some advice.

    Attributes:
        provider: The provider.
        operation: The name of the operation.
        repeat: What a repeat does, as far as the catalogue or the policy says it.
        declaration: The entry in ``[operations]``; None if there is none.
        is_catalogued: Whether the catalogue has the operation.
        fields: Request fields; one of them probably names the operation's resource.
        reads: Operations that probably find the resource.
    """

    provider: str | None
    operation: str
    repeat: Repeat
    declaration: Declaration | None = None
    is_catalogued: bool = False
    fields: tuple[str, ...] = _GUESS
    reads: tuple[str, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Whether ``[operations]`` says what a repeat does, and not only the HTTP method."""
        return self.declaration is not None and not self.declaration.is_assumed and self.declaration.repeat is not None

    @property
    def table(self) -> str:
        """The table for the operation's declaration."""
        return f"[operations.{self.provider or 'PROVIDER'}]"

    @property
    def guess(self) -> tuple[str, ...]:
        """The fields that name the resource: those of the declaration, else the probable ones."""
        return (self.declaration or _NOTHING).key or self.fields or _GUESS

    def declared(self, **more: Any) -> str:
        """Return the line for the operation's declaration, with its present entries and some more."""
        declaration = evolve(self.declaration or _NOTHING, **more)
        if declaration.repeat is None and not self.is_catalogued:
            declaration = evolve(declaration, repeat=self.repeat)
        parts = [f"{key} = {_written(value)}" for key, value in _entries(declaration) if value is not None]
        return f"{self.table} {_key(self.operation)} = {{ {', '.join(parts)} }}"


def probable_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that probably name a request's resource; never a field for a secret."""
    known = tuple(each for each in fields if not is_secret_field(each))
    named = tuple(each for each in known if _NAMING.search(each))
    return named or known[:1]


def seen_in(subject: Subject, request: Mapping[str, Any]) -> Subject:
    """Return the subject with the fields of one of its requests; unchanged if the request adds none."""
    inside = tuple(each for each in subject.fields if each in request)
    if not request or inside == subject.fields:
        return subject
    others = [each for each in _texts(request) if each not in inside]
    return evolve(subject, fields=(*inside, *probable_names(others)) or subject.fields)


def _texts(request: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of fields with a text or a number; a field inside another has a name of two parts."""
    for name, value in request.items():
        if isinstance(value, str | int):
            yield before + name
    for name, value in request.items():
        if isinstance(value, Mapping) and not before:
            yield from _texts(value, f"{name}.")


def probable_key(template: RequestTemplate | None) -> tuple[str, ...]:
    """
    Return the fields that probably name a request's resource.

    These are the placeholders in its path. If the path ends with a word, the name itself is in the body.
    """
    if template is None:
        return _GUESS
    inside = tuple(each[1:-1] for each in template.segments if is_placeholder(each))
    is_whole = bool(template.segments) and is_placeholder(template.segments[-1])
    return inside if is_whole else (*inside, *(each for each in _GUESS if each not in inside))


def probable_reads(template: RequestTemplate | None, api: RestApi | None) -> tuple[str, ...]:
    """Return the operations that probably find a request's resource: with one more part in the path."""
    if template is None or api is None:
        return ()
    wanted = template.segments
    return tuple(
        each.operation
        for each in api.operations
        if each.method == "GET"
        and (each.segments == wanted or (each.segments[:-1] == wanted and is_placeholder(each.segments[-1])))
        and is_placeholder(each.segments[-1] if each.segments else "")
    )


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
    tags = f", or unique = {_written(tuple(others[:1]))} if its tags do" if others else ""
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
    key = _quoted(rule.id[len(rule.scope) + 2 : -1])
    means = f"if {rule.code} means that nothing was done"
    if _BARE.fullmatch(rule.action.key):
        return f'{key} = {{ do = {_quoted(rule.action.key)}, effect = "none" }} {means}'
    return f'effect = "none" in the rule {key} {means}'


def _name(subject: Subject) -> str:
    return f"{subject.provider}:{subject.operation}" if subject.provider else subject.operation


def _entries(declaration: Declaration) -> list[tuple[str, object]]:
    name = (
        None
        if declaration.name is None
        else {"pattern": declaration.name.pattern, "max_length": declaration.name.max_length}
    )
    settle = None if declaration.settle is None else f"{declaration.settle:g}s"
    return [
        ("repeat", declaration.repeat),
        ("key", declaration.key),
        ("rename", declaration.rename),
        ("name", name),
        ("read_back", declaration.read_back),
        ("requires", declaration.requires),
        ("settle", settle),
        ("unique", declaration.unique),
    ]


def _written(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_written(each)}' for key, each in value.items() if each is not None)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)
