"""What a policy's keys, codes, actions and operations mean, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.cli.lsp.documents import Document, Documents, Spot
from resilience.cli.lsp.names import NamedThing, thing_at
from resilience.cli.values import action_of, backoff_of, described, label, value_at, written
from resilience.core.fault import Origin
from resilience.core.policy import Action, Rule
from resilience.policyfile import Policy
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.tables import (
    LEDGER,
    LIMITS,
    NAMED,
    OPERATION,
    RULE,
    SOURCE,
    STATE,
    TELEMETRY,
    TOP,
)

_TRANSPORT: Final[Mapping[str, str]] = {
    "unsent": "the request never left: refused, no route, no such host, no TLS, no connection in time",
    "lost": "the connection broke, or no answer came in time: the request may have taken effect",
    "garbled": "an answer that cannot be read, or an error status without a code",
}


def hover(documents: Documents, document: Document, spot: Spot) -> str | None:
    """Return what stands at a spot, in Markdown; None if there is nothing to say."""
    thing = thing_at(document, spot)
    if thing is not None and not (spot.plain[:1] == ("rules",) and spot.is_key):
        return "\n\n".join(_thing(documents, document, thing)) or None
    plain = spot.plain
    if plain[:1] == ("rules",) and spot.is_key and len(plain) >= 3:  # noqa: PLR2004  # the table, its scope, the code
        return "\n\n".join(_rule(documents, document, plain)) or None
    row = row_of(plain)
    if row is not None:
        return "\n\n".join(_key(documents, document, plain, row))
    return None


def row_of(plain: tuple[str | int, ...]) -> Key | None:
    """Return the row of a key in the tables of the format; None for a name, or for an unknown key."""
    match plain:
        case (str(key),):
            return TOP.get(key)
        case ("limits", str(key)):
            return LIMITS.get(key)
        case ("state", str(key)):
            return STATE.get(key)
        case ("ledger", str(key)):
            return LEDGER.get(key)
        case ("telemetry", str(key)):
            return TELEMETRY.get(key)
        case ("sources", _, str(key)):
            return SOURCE.get(key)
        case ("operations", _, _, str(key)):
            return OPERATION.get(key)
        case ("rules", _, _, str(key)) | ("rules", _, _, int(), str(key)) | ("rules", "transport", _, _, str(key)):
            return RULE.get(key)
        case (str(table), _, str(key)) if table in NAMED:
            return NAMED[table].get(key)
        case _:
            return None


def _key(documents: Documents, document: Document, plain: tuple[str | int, ...], row: Key) -> Iterator[str]:
    """Yield the meaning of a key, and its effective value in each environment."""
    yield f"**{plain[-1]}**: {row.meaning}"
    if row.choices:
        yield f"one of {', '.join(f'`{each}`' for each in row.choices)}"
    if row.default is not None:
        yield f"default: `{written(row.default)}`"
    values = list(_values(documents, document, plain))
    if values:
        yield "\n".join(values)


def _values(documents: Documents, document: Document, plain: tuple[str | int, ...]) -> Iterator[str]:
    """Yield where the effective value comes from, in each environment, and what it replaced."""
    told: dict[tuple[Origin | None, str], list[str]] = {}
    for policy in documents.policies(document):
        found = value_at(policy, "", "", plain)
        before = "; ".join(f"replaces `{each.value}` ({each.at})" for each in found.replaced)
        told.setdefault((found.at, before), []).append(policy.env or "without environment")
    for (at, before), environments in told.items():
        where = "the default" if at is None else str(at)
        yield f"- {', '.join(environments)}: {where}{f'; {before}' if before else ''}"


def _thing(documents: Documents, document: Document, thing: NamedThing) -> Iterator[str]:
    """Yield an action or a backoff, with the places of its values, in each environment."""
    yield f"**{thing.name}**, {'an action' if thing.kind == 'actions' else 'a backoff'}"
    told: dict[str, list[str]] = {}
    for policy in documents.policies(document):
        if thing.kind == "actions":
            action = policy.actions.get(thing.name)
            values = () if action is None else action_of(policy, action, None)
        else:
            used = {each.backoff.name: each.backoff for each in _actions(policy) if each.backoff is not None}
            backoff = used.get(thing.name)
            values = () if backoff is None else tuple(backoff_of(policy, backoff))
        lines = [f"| `{each.name}` | `{each.value}` | {each.at or 'default'} |" for each in values]
        if lines:
            text = "\n".join(["| key | value | set at |", "|---|---|---|", *lines])
            told.setdefault(text, []).append(policy.env or "without environment")
    for text, environments in told.items():
        yield f"{', '.join(environments)}:\n\n{text}" if len(told) > 1 else text


def _actions(policy: Policy) -> Iterator[Action]:
    for action in (policy.unknown, *policy.actions.values(), *(rule.action for rule in policy.rules)):
        yield from action.chain


def _rule(documents: Documents, document: Document, plain: tuple[str | int, ...]) -> Iterator[str]:
    """Yield what a code means, what is known of it, and what the policy does about it in each environment."""
    scope = ".".join(str(each) for each in plain[1:-1] if not isinstance(each, int))
    operation, _, code = str(plain[-1]).rpartition("/")
    provider = scope.rpartition(".")[2]
    yield f"**{code}**" + (f" on `{operation}`" if operation else "")
    if scope.partition(".")[0] == "transport":
        yield _TRANSPORT.get(code, f"the HTTP status {code.removeprefix('http-')}, without a code that a rule names")
    elif provider in providers():
        known = catalogue(provider)
        facts = known.code(code)
        if facts is None:
            yield f"the catalogue of {known.service} does not know this code"
        else:
            status = "" if facts.status is None else f", HTTP {facts.status}"
            yield f"{facts.meaning}\n\nclass `{facts.class_}`, effect `{facts.effect}`{status}"
            yield f"*{known.sources[facts.source]}*"
        if operation and (named := known.operation(operation)) is not None:
            yield f"`{operation}`: repeat `{named.repeat}`" + (
                f", read back by `{named.read_back}`" if named.read_back else ""
            )
    told: dict[str, list[str]] = {}
    for policy in documents.policies(document):
        rules = [rule for rule in policy.rules if rule.scope == scope and _key_of(rule) == str(plain[-1])]
        text = "; else ".join(_answer(policy, rule) for rule in rules) or "no such rule"
        told.setdefault(text, []).append(policy.env or "without environment")
    yield "\n".join(f"- {', '.join(environments)}: {text}" for text, environments in told.items())


def _key_of(rule: Rule) -> str:
    return rule.code if rule.operation is None else f"{rule.operation}/{rule.code}"


def _answer(policy: Policy, rule: Rule) -> str:
    values = {key: value for key, value in described(policy, rule.action).items() if key != "do"}
    told = ", ".join(f"{key} = {value}" for key, value in values.items() if value not in {"none", ""})
    where = "" if rule.origin is None else f" ({rule.origin})"
    asked = "" if rule.message is None else "if its message fits: "
    return f"{asked}**{label(policy, rule.action)}**: `{rule.action.do}`{f', {told}' if told else ''}{where}"
