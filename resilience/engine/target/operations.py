"""Find an operation by its name, in the catalogue and the policy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import field, frozen

from resilience.catalog import CodeClass, OperationFacts, catalogue, providers
from resilience.core.admission.result import Result
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.declared import Declaration
from resilience.core.operations.rename import NameLaw
from resilience.core.operations.subject import Subject
from resilience.core.policy import PolicyValues, Rule


@frozen(kw_only=True)
class Operation:
    """
    One operation, as a policy and the catalogue together describe it.

    Attributes:
        name: The name, without the provider.
        provider: The provider; None if it is unknown.
        repeat: What a repeat does: from the policy, else from the catalogue, else ``duplicate``.
        key: The request fields that name the resource.
        rename: The request field that a rename changes, or None.
        law: The service's rules for names in that field, or None.
        read_back: The operation that finds the resource, if the policy names one.
        found_by: The operation that finds the resource: from the policy, else from the catalogue.
        requires: The fields that every success has, if the policy names them; a success without one is ``garbled``.
        settle: The operation's own time to settle, in seconds; None for that of all calls.
        unique: The request fields that distinguish a purchase from all others, if the policy names them.
        discards: Whether a verifier may discard what an attempt made whose answer is lost.
        distinct: The request fields that the policy may name in ``unique``.
        declaration: The entry in the policy's ``[operations]``, or None.
        is_catalogued: Whether the catalogue has the operation.
    """

    name: str
    provider: str | None
    repeat: Repeat
    key: tuple[str, ...] = ()
    rename: str | None = None
    law: NameLaw | None = field(default=None, eq=False)
    read_back: str | None = None
    found_by: str | None = None
    requires: tuple[str, ...] = ()
    settle: float | None = None
    unique: tuple[str, ...] = ()
    discards: bool = False
    distinct: tuple[str, ...] = ()
    declaration: Declaration | None = None
    is_catalogued: bool = False

    @property
    def ledger_keys(self) -> tuple[tuple[str, ...], ...]:
        """Sets of request fields; the first set that a request has is the key of its resource in the ledger."""
        return tuple(each for each in (self.unique, self.key) if each)

    @property
    def is_for_ledger(self) -> bool:
        """
        Whether a ledger must remember calls of the operation.

        A ``safe`` operation need not be remembered. Neither need one with an empty key in the policy: each run means it
        anew, such as a message that is sent, or a client that is disconnected.
        """
        is_apart = self.declaration is not None and self.declaration.key == () and not self.unique
        return self.repeat != "safe" and not is_apart

    def subject(self, fields: tuple[str, ...] = ()) -> Subject:
        """Return the subject of advice; ``fields`` are the request fields that may name the resource."""
        return Subject(
            provider=self.provider,
            operation=self.name,
            repeat=self.repeat,
            declaration=self.declaration,
            is_catalogued=self.is_catalogued,
            fields=self.key or fields,
        )


def described(provider: str, name: str, *, policy: PolicyValues) -> Operation:
    """Return a provider's operation; the repeat of an unknown one is ``duplicate``."""
    facts = catalogue(provider).operation(name) if provider in providers() else None
    return _described(name, provider, facts, policy.operations.get(provider, {}).get(name))


def resolve(operation: str, *, policy: PolicyValues, provider: str | None) -> Operation:
    """
    Find an operation by ``Name`` or ``provider:Name``.

    Without a prefix the provider is the executor's, or else the only provider that knows
    the operation.

    Raises:
        ValueError: No provider has the operation, or several have it.
    """
    prefix, colon, name = operation.rpartition(":")
    owner = prefix if colon else provider
    if owner is None:
        owner = _only_owner(name, policy)
    facts = catalogue(owner).operation(name) if owner in providers() else None
    declared = policy.operations.get(owner, {}).get(name)
    if facts is None and declared is None and owner in providers():
        raise ValueError(_unknown(name, owner, policy))
    return _described(name, owner, facts, declared)


def is_about(operation: Operation, rule: Rule) -> bool:
    """Tell whether a rule is for an operation: the rule names it, or the rule's code is documented for it."""
    if rule.operation == operation.name:
        return True
    if operation.provider not in providers() or rule.scope != operation.provider:
        return False
    code = catalogue(operation.provider).code(rule.code)
    return code is not None and operation.name in code.operations


def checked_provider(provider: str | None, policy: PolicyValues) -> str | None:
    """
    Return the provider of an executor.

    Raises:
        ValueError: The provider is unknown, and its name is similar to that of a known one.
    """
    known = {*providers(), *named_by(policy)}
    if provider is None or provider in known:
        return provider
    near = difflib.get_close_matches(provider, known, n=1)
    if near:
        raise ValueError(f'unknown provider "{provider}"; did you mean "{near[0]}"?')
    return provider


def named_by(policy: PolicyValues) -> frozenset[str]:
    """Return the providers that a policy names: in its rules, its operations and its APIs."""
    scopes = {rule.scope.rpartition(".")[2] for rule in policy.rules} - {"transport"}
    return frozenset({*policy.operations, *policy.apis, *scopes})


def effect_of(provider: str | None, code: str) -> Effect | None:
    """Return the catalogue's effect of a request that was refused with a code; None if it has none."""
    if provider not in providers():
        return None
    facts = catalogue(provider).code(code)
    return None if facts is None else facts.effect


_RESULTS: Final[Mapping[CodeClass, Result]] = {
    "throttle": "throttled",
    "transient": "failed",
    "internal": "failed",
    "client": "failed",
    "local": "cancelled",
}
"""What attempts come to that end with codes of these classes; with any other the service has refused the request."""


def result_of_code(provider: str | None, code: str) -> Result | None:
    """Return what the catalogue knows about how an attempt ended with this code, None where it is silent."""
    if provider not in providers():
        return None
    facts = catalogue(provider).code(code)
    return None if facts is None else _RESULTS.get(facts.class_, "ignored")


def _described(name: str, owner: str, facts: OperationFacts | None, declaration: Declaration | None) -> Operation:
    """Merge the entries of the catalogue and the policy; the policy's entry wins."""
    declared = declaration or Declaration()
    key = declared.key if declared.key is not None else () if facts is None else facts.key
    rename = declared.rename or (None if facts is None else facts.rename)
    return Operation(
        name=name,
        provider=owner,
        repeat=declared.repeat or ("duplicate" if facts is None else facts.repeat),
        key=key,
        rename=rename if rename in key else None,
        law=_law(owner, facts, declared),
        read_back=declared.read_back,
        found_by=declared.read_back or (None if facts is None else facts.read_back),
        requires=declared.requires or (),
        settle=declared.settle if facts is None or declared.settle is not None else facts.settle,
        unique=declared.unique or (),
        discards=declared.on_lost == "discard",
        distinct=() if facts is None else facts.distinct,
        declaration=declaration,
        is_catalogued=facts is not None,
    )


def _law(owner: str, facts: OperationFacts | None, declared: Declaration) -> NameLaw | None:
    if declared.name is not None:
        return NameLaw(max_length=declared.name.max_length, is_legal=declared.name.is_legal)
    # The catalogue's rules for names hold only for the field that the catalogue renames.
    if facts is None or facts.name is None or declared.rename not in {None, facts.rename}:
        return None
    rule = catalogue(owner).names[facts.name]
    return NameLaw(max_length=rule.max_length, keep_prefix=rule.keep_prefix, is_legal=rule.is_legal)


def _only_owner(name: str, policy: PolicyValues) -> str:
    # Several services have an operation of that name, and mostly the policy is for one of them. Then the catalogues of
    # the others are not even read.
    named = _owners(name, policy, named_by(policy))
    owners = named if len(named) == 1 else _owners(name, policy, (*providers(), *policy.operations))
    if len(owners) == 1:
        return owners[0]
    if owners:
        listed = " or ".join(f'"{each}:{name}"' for each in owners)
        raise ValueError(f"operation {name!r} is known for {' and '.join(owners)}: say {listed}")
    raise ValueError(_unknown(name, None, policy))


def _owners(name: str, policy: PolicyValues, among: Iterable[str]) -> list[str]:
    """Return those of some providers that have an operation, in the catalogue or in the policy."""
    known = [each for each in providers() if each in among and catalogue(each).operation(name) is not None]
    return [*known, *(each for each, listed in policy.operations.items() if name in listed and each not in known)]


def _unknown(name: str, owner: str | None, policy: PolicyValues) -> str:
    searched = [owner] if owner is not None else list(providers())
    known = [each for owner in searched for each in catalogue(owner).operations]
    known += [each for owner in searched for each in policy.operations.get(owner, {})]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else "."
    table = owner or "<provider>"
    return (
        f'unknown operation "{name}"{hint} '
        f"An operation that the catalogue does not know is declared under [operations.{table}]"
        + ("" if owner else " and found with Executor(provider=...)")
    )
