"""The effective values of a policy, with their places and the values that they replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import asdict, frozen

from resilience.core.backoff import Backoff
from resilience.core.fault import Origin, Repeat
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action, Rule
from resilience.policyfile import Policy
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.tables import ACTION, BACKOFF

REPEATS: Final[Mapping[Repeat, str]] = {
    "safe": "a repeat changes nothing",
    "equal": "the same again changes nothing, and another content is refused",
    "conflict": "the service refuses a second one",
    "duplicate": "a repeat does it twice",
}
"""What doing an operation again does, in words."""


@frozen(kw_only=True)
class Replaced:
    """A replaced value, as its file has it, with its place."""

    value: str
    at: Origin


@frozen(kw_only=True)
class Value:
    """
    One effective value.

    Attributes:
        name: Its key, with the table if the context does not name it.
        value: The value, in the spelling of policies.
        at: Its place; None for a default.
        replaced: The values that it replaced, the last one first.
    """

    name: str
    value: str
    at: Origin | None = None
    replaced: tuple[Replaced, ...] = ()


def duration(seconds: float | None) -> str:
    """Return a length of time in the spelling of policies: ``250ms``, ``1m30s``, ``none``."""
    if seconds is None:
        return "none"
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{rest:g}s" if rest else "")
    return text or "0s"


def written(value: object) -> str:
    """Return a value in the spelling of policies, on one line."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "[" + ", ".join(map(written, value)) + "]"
        case Mapping():
            return "{ " + ", ".join(f"{key} = {written(each)}" for key, each in value.items()) + " }"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def value_at(policy: Policy, name: str, value: str, path: KeyPath | None) -> Value:
    """Return a value with its place; ``path`` is None for a value that no file can set."""
    if path is None:
        return Value(name=name, value=value)
    replaced = tuple(Replaced(value=written(each), at=at) for each, at in policy.overridden(*path))
    return Value(name=name, value=value, at=policy.origin(*path), replaced=replaced)


def declared_keys(found: Declaration) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the keys of a declared operation with their values; the path of ``repeat`` is empty."""
    if found.repeat is not None:
        yield (), found.repeat
    for key in ("key", "rename", "read_back", "requires", "unique"):
        value = getattr(found, key)
        if value is not None:
            yield (key,), written(value)
    for key, value in asdict(found.name).items() if found.name is not None else ():
        if value is not None:
            yield ("name", key), written(value)
    if found.settle is not None:
        yield ("settle",), duration(found.settle)
    if found.on_lost is not None:
        yield ("on_lost",), found.on_lost


def operation_of(policy: Policy, provider: str | None, operation: str) -> tuple[Value, ...]:
    """Return the values of an operation in ``[operations]``."""
    found = policy.operations.get(provider or "", {}).get(operation)
    if found is None or found.is_assumed:
        return ()
    path = ("operations", provider or "", operation)
    return tuple(value_at(policy, ".".join(key) or "repeat", text, (*path, *key)) for key, text in declared_keys(found))


def limits_of(policy: Policy) -> tuple[Value, ...]:
    """Return the limits of a call."""
    limits = policy.limits
    found = {
        "deadline": duration(limits.deadline),
        "attempt_timeout": duration(limits.attempt_timeout),
        "max_attempts": str(limits.max_attempts),
        "settle": duration(limits.settle),
    }
    return tuple(value_at(policy, name, value, ("limits", name)) for name, value in found.items())


def is_named(policy: Policy, action: Action) -> bool:
    """Tell whether an action has a name, and is no inline one."""
    return action.key in policy.actions


def label(policy: Policy, action: Action) -> str:
    """Return the label of an action: its name, or its verb."""
    return action.key if is_named(policy, action) else f"{action.do} (inline)"


def action_of(policy: Policy, action: Action, rule: Rule | None) -> tuple[Value, ...]:
    """
    Return all values of an action and of its backoff.

    Args:
        policy: The policy.
        action: The action.
        rule: The rule with the action; None for the action of ``unknown``.
    """
    base: KeyPath | None = None
    if is_named(policy, action):
        base = ("actions", action.key)
    elif rule is not None:
        base = rule.path

    def at(key: str) -> KeyPath | None:
        return None if base is None else (*base, key)

    found = described(policy, action)
    values = [value_at(policy, key, value, at(key)) for key, value in found.items()]
    if action.backoff is not None:
        values += backoff_of(policy, action.backoff)
    return tuple(values)


def described(policy: Policy, action: Action) -> dict[str, str]:
    """Return the keys of an action with their values, in the spelling of policies."""
    found = {
        "do": action.do,
        "pattern": action.pattern,
        "max_length": written(action.max_length),
        "if": action.condition,
        "as": "dry_run" if action.dry_run else None,
        "backoff": "none" if action.backoff is None else action.backoff.name,
        "counts": written(action.counts),
        "max": "max_refreshes" if action.do == "refresh" and action.max is None else written(action.max),
        "for": None if action.lasts is None else duration(action.lasts),
        "then": "fail" if action.then is None else label(policy, action.then),
    }
    return {key: value for key, value in found.items() if value is not None and ACTION[key].fits(action.do)}


def backoff_of(policy: Policy, backoff: Backoff) -> Iterator[Value]:
    """Yield the values of a backoff with their places."""
    for key, value in grows(backoff).items():
        yield value_at(policy, f"backoff.{backoff.name}.{key}", value, ("backoff", backoff.name, key))


def grows(backoff: Backoff) -> dict[str, str]:
    """Return the keys that a backoff's kind uses with their values, in the spelling of policies."""
    found = {
        "kind": backoff.kind,
        "base": duration(backoff.base),
        "factor": f"{backoff.factor:g}",
        "delays": "[" + ", ".join(map(duration, backoff.delays)) + "]",
        "cap": duration(backoff.cap),
        "jitter": backoff.jitter,
        "server_hint": written(backoff.server_hint),
    }
    return {key: value for key, value in found.items() if BACKOFF[key].fits(backoff.kind)}
