"""Which operations exist: those of the catalogue, and those that the policy declares."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from attrs import frozen

from resilience.catalog import catalogue, providers
from resilience.core.policy import PolicyValues
from resilience.policyfile.messages.wording import quoted, suggestion


@functools.cache
def catalogued(provider: str) -> frozenset[str]:
    """Return the operations of a provider that the catalogue knows; none for a provider without a catalogue."""
    return frozenset(catalogue(provider).operations) if provider in providers() else frozenset()


@functools.cache
def _all_catalogued() -> frozenset[str]:
    return frozenset().union(*map(catalogued, providers()))


def named_providers(policy: PolicyValues) -> tuple[str, ...]:
    """
    Return the providers that a policy speaks of: in rules, operations, sources, credentials or chaos.

    Those of the catalogue come first. A policy that names no provider is for all of the catalogue.
    """
    named = {rule.scope.removeprefix("transport").removeprefix(".") for rule in policy.rules} - {""}
    named.update(
        policy.operations, policy.apis, policy.credentials, (each.provider for each in policy.chaos.injections)
    )
    listed = [each for each in providers() if each in named]
    return (*listed, *sorted(named.difference(listed))) or providers()


@frozen
class Operations:
    """
    The operations that rules may name.

    Attributes:
        declared: What ``[operations.PROVIDER]`` of the policy adds, by provider.
    """

    declared: Mapping[str, Iterable[str]]

    def known(self, scope: str) -> frozenset[str]:
        """Return the operations of a scope's provider; of every provider for ``transport``."""
        provider = scope.removeprefix("transport").removeprefix(".")
        listed = catalogued(provider) if provider else _all_catalogued()
        declared = [names for name, names in self.declared.items() if provider in {"", name}]
        # The same set again where nothing is added: that is nearly always, and it need not be hashed again.
        return listed.union(*declared) if declared else listed

    def is_open(self, scope: str) -> bool:
        """Tell whether a scope may name any operation: neither a catalogue nor the policy lists those of its API."""
        provider = scope.removeprefix("transport").removeprefix(".")
        return bool(provider) and not catalogued(provider) and not self.declared.get(provider)

    def unknown(self, operation: str, scope: str) -> str | None:
        """Return the message about an operation that a scope cannot name; None for a glob, or where it can."""
        if "*" in operation or self.is_open(scope):
            return None
        known = self.known(scope)
        if operation in known:
            return None
        own = scope.removeprefix("transport").removeprefix(".")
        owners = [name for name in dict.fromkeys((*providers(), *self.declared)) if operation in self.known(name)]
        if owners:
            return f"{quoted(operation)} is an operation of {owners[0]}, and this table is for {own}"
        near = suggestion(operation, known)
        if own and not catalogued(own) and not near:
            # A company's own API: what it does not declare counts as one that a repeat does twice, and may be named.
            return None
        return (
            f"unknown operation {quoted(operation)}{near or ';'} "
            f"an operation that the catalogue does not know is declared in [operations.{own or 'PROVIDER'}]"
        )
