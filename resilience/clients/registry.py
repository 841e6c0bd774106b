"""All adapters, and the adapter of a class, a package or a provider."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final
from weakref import WeakKeyDictionary

from resilience.catalog.plugins import Plugin, plugins
from resilience.clients.outline import ROOMS
from resilience.clients.sdk import Sdk

# Every fault needs the adapter of its class. Weak, so that classes that a program makes and drops can be collected.
_OWNERS: Final[WeakKeyDictionary[type, tuple[Sdk | None]]] = WeakKeyDictionary()


@cache
def sdks() -> tuple[Sdk, ...]:
    """
    Return all adapters: first ours, then those of third parties, which the first call imports.

    Raises:
        PluginError: An adapter of a third party cannot be imported, or is no :class:`Sdk`.
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
    """Return the beginnings of the names of the top-level packages of vendors' SDKs."""
    return tuple(name for sdk in sdks() if sdk.provider for name in sdk.packages)


@cache
def of_package(package: str) -> Sdk | None:
    """Return the adapter of a top-level package; None if it has none."""
    return next((sdk for sdk in sdks() if f"{package}.".startswith(sdk.packages)), None)


def of_class(cls: type) -> Sdk | None:
    """Return the adapter of a class of an SDK, or of a class that extends one; None for other classes."""
    known = _OWNERS.get(cls)
    if known is None:
        bases = (of_package(base.__module__.partition(".")[0]) for base in cls.__mro__)
        known = _OWNERS[cls] = (next((sdk for sdk in bases if sdk is not None), None),)
    return known[0]


@cache
def of_provider(provider: str | None) -> Sdk | None:
    """Return the first adapter of a provider, which may have several SDKs; None if it has none."""
    return next((sdk for sdk in sdks() if provider and sdk.provider == provider), None)


@cache
def hooks() -> Mapping[str, tuple[str, ...]]:
    """Return the modules that have client classes, each with the names of these classes."""
    return {module: names for sdk in sdks() for module, names in sdk.hooks.items()}
