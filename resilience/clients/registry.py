"""The adapters that there are, and which of them a class, a function or a provider belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final
from weakref import WeakKeyDictionary

from resilience.catalog.plugins import Plugin, plugins
from resilience.clients.outline import ROOMS
from resilience.clients.sdk import Sdk

# Every fault asks this of its class. Weak, so that classes made on the fly may go.
_OWNERS: Final[WeakKeyDictionary[type, tuple[Sdk | None]]] = WeakKeyDictionary()


@cache
def sdks() -> tuple[Sdk, ...]:
    """
    Return all adapters: ours, and those of third parties; the latter are imported at the first call.

    Raises:
        PluginError: One of the latter cannot be imported, or is none.
    """
    return (*(_own(name) for room in ROOMS for name in room.adapters), *map(_adapter, plugins()))


def _own(name: str) -> Sdk:
    module, _, cls = name.partition(":")
    sdk: Sdk = getattr(import_module(module), cls)()
    return sdk


def _adapter(plugin: Plugin) -> Sdk:
    sdk = plugin.load()
    if not isinstance(sdk, Sdk):
        raise plugin.broken(f"expected a resilience.clients.sdk.Sdk, found {type(sdk).__qualname__}")
    return sdk


@cache
def packages() -> tuple[str, ...]:
    """Return how the names of the top-level packages of vendors' SDKs begin."""
    return tuple(name for sdk in sdks() if sdk.provider for name in sdk.packages)


@cache
def of_package(package: str) -> Sdk | None:
    """Return the adapter of a top-level package."""
    return next((sdk for sdk in sdks() if f"{package}.".startswith(sdk.packages)), None)


def of_class(cls: type) -> Sdk | None:
    """Return the adapter of a class that comes from an SDK, or extends one that does."""
    known = _OWNERS.get(cls)
    if known is None:
        bases = (of_package(base.__module__.partition(".")[0]) for base in cls.__mro__)
        known = _OWNERS[cls] = (next((sdk for sdk in bases if sdk is not None), None),)
    return known[0]


@cache
def of_provider(provider: str | None) -> Sdk | None:
    """Return the adapter of a provider; the first of them, where it has several SDKs."""
    return next((sdk for sdk in sdks() if provider and sdk.provider == provider), None)


@cache
def hooks() -> Mapping[str, tuple[str, ...]]:
    """Return full names of modules, and the classes in them that are clients to put under a policy."""
    return {module: names for sdk in sdks() for module, names in sdk.hooks.items()}
