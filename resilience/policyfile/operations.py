"""Which operations exist: those of the catalogue, and those that the policy declares."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from resilience.catalog import catalogue, providers


@functools.cache
def catalogued(provider: str) -> frozenset[str]:
    """Return the operations of a provider that the catalogue knows; none for a provider without a catalogue."""
    return frozenset(catalogue(provider).operations) if provider in providers() else frozenset()


@functools.cache
def _all_catalogued() -> frozenset[str]:
    return frozenset().union(*map(catalogued, providers()))


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
        """Tell whether a scope may name operations that nobody has listed: it belongs to an API without a catalogue."""
        provider = scope.removeprefix("transport").removeprefix(".")
        return bool(provider) and not catalogued(provider)


@functools.lru_cache(maxsize=256)
def matches(glob: str, names: frozenset[str]) -> frozenset[str]:
    """Return the names that a glob with ``*`` meets."""
    pattern = re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)
    return frozenset(name for name in names if pattern.fullmatch(name))
