"""The operations that exist: those of the catalogue, and those that the policy declares."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from attrs import frozen

from resilience.catalog import catalogue, providers
from resilience.core.policy import PolicyValues
from resilience.policyfile.messages.wording import quoted, suggestion


@functools.cache
def catalogued(provider: str) -> frozenset[str]:
    """Return the operations of a provider in the catalogue; none for a provider without a catalogue."""
    return frozenset(catalogue(provider).operations) if provider in providers() else frozenset()


@functools.cache
def _all_catalogued() -> frozenset[str]:
    return frozenset().union(*map(catalogued, providers()))


def named_providers(policy: PolicyValues) -> tuple[str, ...]:
    """
    Return the providers that a policy names in rules, operations, sources, credentials, limits or chaos.

    Providers of the catalogue come first. A policy that names none is for all of the catalogue.
    """
    named = {rule.scope.removeprefix("transport").removeprefix(".") for rule in policy.rules} - {""}
    named.update(policy.operations, policy.apis, policy.credentials, policy.rates, policy.budgets, policy.breakers)
    named.update(each.provider for each in policy.chaos.injections)
    listed = [each for each in providers() if each in named]
    return (*listed, *sorted(named.difference(listed))) or providers()


@frozen
class Operations:
    """
    The operations that rules may name.

    Attributes:
        declared: The operations of ``[operations.PROVIDER]``, by provider.
    """

    declared: Mapping[str, Iterable[str]]

    def known(self, scope: str) -> frozenset[str]:
        """Return the operations of a scope's provider; of every provider for ``transport``."""
        provider = scope.removeprefix("transport").removeprefix(".")
        listed = catalogued(provider) if provider else _all_catalogued()
        declared = [names for name, names in self.declared.items() if provider in {"", name}]
        # Mostly nothing is added. The same set has its hash already.
        return listed.union(*declared) if declared else listed

    def is_open(self, scope: str) -> bool:
        """Tell whether a scope may name any operation, because its API has neither catalogue nor declarations."""
        provider = scope.removeprefix("transport").removeprefix(".")
        return bool(provider) and not catalogued(provider) and not self.declared.get(provider)

    def unknown(self, operation: str, scope: str) -> str | None:
        """Return the message about an unknown operation; None for a glob, or for a known operation."""
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
            # Rules may also name operations that a company's own API does not declare: their repeat is "duplicate".
            return None
        return (
            f"unknown operation {quoted(operation)}{near or ';'} "
            f"an operation that the catalogue does not know is declared in [operations.{own or 'PROVIDER'}]"
        )
