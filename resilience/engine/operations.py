"""Which operation a name means, and what is known about it."""

from __future__ import annotations

import difflib

from attrs import field, frozen

from resilience.catalog import OperationFacts, catalogue, providers
from resilience.core.fault import Effect, Repeat
from resilience.core.policy import PolicyValues
from resilience.core.rename import NameLaw


@frozen(kw_only=True)
class Operation:
    """
    One operation, as a policy and the catalogue together describe it.

    Attributes:
        name: Its own name, without the provider.
        provider: Its provider, or None where none is known.
        repeat: What a repeat does: the policy's word, else the catalogue's, else ``duplicate``.
        key: The request fields that name the resource.
        rename: The request field that a rename changes, or None.
        law: What the service says about names in that field, or None.
    """

    name: str
    provider: str | None
    repeat: Repeat
    key: tuple[str, ...] = ()
    rename: str | None = None
    law: NameLaw | None = field(default=None, eq=False)


def described(provider: str, name: str, *, policy: PolicyValues) -> Operation:
    """Return what is known of a provider's operation; one that nobody knows counts as ``duplicate``."""
    facts = catalogue(provider).operation(name) if provider in providers() else None
    return _described(name, provider, facts, policy.repeats.get(provider, {}).get(name))


def resolve(operation: str, *, policy: PolicyValues, provider: str | None) -> Operation:
    """
    Find an operation by ``Name`` or ``provider:Name``.

    Without a prefix it is the executor's provider's; without such a provider, that
    of the only provider that knows it.

    Raises:
        ValueError: Nobody knows it, or more than one provider does.
    """
    prefix, colon, name = operation.rpartition(":")
    owner = prefix if colon else provider
    if owner is None:
        owner = _only_owner(name, policy)
    facts = catalogue(owner).operation(name) if owner in providers() else None
    declared = policy.repeats.get(owner, {}).get(name)
    if facts is None and declared is None and owner in providers():
        raise ValueError(_unknown(name, owner, policy))
    return _described(name, owner, facts, declared)


def checked_provider(provider: str | None, policy: PolicyValues) -> str | None:
    """
    Return the provider of an executor.

    Raises:
        ValueError: Neither the catalogue nor the policy knows it, and it looks like one that they know.
    """
    scopes = {rule.scope.rpartition(".")[2] for rule in policy.rules} - {"transport"}
    known = {*providers(), *policy.repeats, *policy.apis, *scopes}
    if provider is None or provider in known:
        return provider
    near = difflib.get_close_matches(provider, known, n=1)
    if near:
        raise ValueError(f'unknown provider "{provider}"; did you mean "{near[0]}"?')
    return provider


def effect_of(provider: str | None, code: str) -> Effect | None:
    """Return what the catalogue knows about the effect of a refused request, None where it is silent."""
    if provider not in providers():
        return None
    facts = catalogue(provider).code(code)
    return None if facts is None else facts.effect


def _described(name: str, owner: str, facts: OperationFacts | None, declared: Repeat | None) -> Operation:
    if facts is None:
        return Operation(name=name, provider=owner, repeat=declared or "duplicate")
    law = None
    if facts.name is not None:
        rule = catalogue(owner).names[facts.name]
        law = NameLaw(max_length=rule.max_length, keep_prefix=rule.keep_prefix, is_legal=rule.is_legal)
    return Operation(
        name=name,
        provider=owner,
        repeat=declared or facts.repeat,
        key=facts.key,
        rename=facts.rename,
        law=law,
    )


def _only_owner(name: str, policy: PolicyValues) -> str:
    owners = [each for each in providers() if catalogue(each).operation(name) is not None]
    owners += [each for each, declared in policy.repeats.items() if name in declared and each not in owners]
    if len(owners) == 1:
        return owners[0]
    if owners:
        listed = " or ".join(f'"{each}:{name}"' for each in owners)
        raise ValueError(f"operation {name!r} is known for {' and '.join(owners)}: say {listed}")
    raise ValueError(_unknown(name, None, policy))


def _unknown(name: str, owner: str | None, policy: PolicyValues) -> str:
    searched = [owner] if owner is not None else list(providers())
    known = [each for owner in searched for each in catalogue(owner).operations]
    known += [each for owner in searched for each in policy.repeats.get(owner, {})]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else "."
    table = owner or "<provider>"
    return (
        f'unknown operation "{name}"{hint} '
        f"An operation that the catalogue does not know is declared under [operations.{table}]"
        + ("" if owner else " and found with Executor(provider=...)")
    )
