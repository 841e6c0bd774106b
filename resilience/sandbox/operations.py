"""The operations and codes of a sandbox, which are the catalogue's, with suggestions for misspelled ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from resilience.catalog import catalogue, providers

ASSUME_ROLE = "AssumeRole"
"""The operation of both vendors' STS; all others belong to the MQTT service."""

_ALIKE = 0.9
"""The least likeness of a misspelled code, from 0 to 1: two swapped letters."""


def operations(provider: str) -> frozenset[str]:
    """Return the operations of a provider, STS included."""
    return frozenset(catalogue(provider).operations)


def resolve(name: str, provider: str | None) -> tuple[str | None, str]:
    """
    Split ``provider:Operation``, and check that it matches an operation.

    Args:
        name: An operation or a glob (``Create*``), with or without ``provider:``.
        provider: The provider of a ``name`` without one; None for every provider with the operation.

    Returns:
        The provider or None, and the bare name.

    Raises:
        ValueError: No such provider or operation; the message suggests near ones.
    """
    prefix, colon, bare = name.rpartition(":")
    provider = prefix if colon else provider
    if provider is not None and provider not in providers():
        raise ValueError(f"unknown provider {provider!r}; expected one of {', '.join(providers())}")
    names = frozenset().union(*(operations(each) for each in ([provider] if provider else providers())))
    if not any(fnmatchcase(known, bare) for known in names):
        where = f" of {provider}" if provider else ""
        raise ValueError(f"unknown operation {bare!r}{where}{suggest(bare, names, 0.6)}")
    return provider, bare


def check_code(code: str, provider: str | None) -> None:
    """
    Refuse a misspelled code; other unknown codes pass.

    Raises:
        ValueError: The code is probably misspelled; the message suggests the right spelling.
    """
    names = frozenset().union(*(catalogue(each).codes for each in ([provider] if provider else providers())))
    hint = "" if code in names else suggest(code, names, _ALIKE)
    if hint:
        raise ValueError(f"unknown code {code!r}{hint} (to send it anyway, say kind='code')")


def suggest(name: str, names: Iterable[str], cutoff: float) -> str:
    """Return ``; did you mean ...?``, or nothing if no name is near."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=cutoff)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
