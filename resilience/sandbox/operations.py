"""The names that a sandbox understands: the catalogue's operations and codes, with suggestions for near misses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from resilience.catalog import catalogue, providers

ASSUME_ROLE = "AssumeRole"
"""The operation of both vendors' STS; all others belong to the MQTT service."""

_ALIKE = 0.9
"""How similar, from 0 to 1, an unknown code is to a known one if it counts as misspelled: two swapped letters are."""


def operations(provider: str) -> frozenset[str]:
    """Return the operations of a provider, STS included."""
    return frozenset(catalogue(provider).operations)


def resolve(name: str, provider: str | None) -> tuple[str | None, str]:
    """
    Split ``provider:Operation`` and check that some operation can match.

    Args:
        name: An operation or a glob (``Create*``), with or without ``provider:``.
        provider: The provider if ``name`` does not say it; None for every one that knows the operation.

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
    Refuse a code that looks like a misspelling of a known one; other unknown codes pass.

    Raises:
        ValueError: With the spelling that was probably meant.
    """
    names = frozenset().union(*(catalogue(each).codes for each in ([provider] if provider else providers())))
    hint = "" if code in names else suggest(code, names, _ALIKE)
    if hint:
        raise ValueError(f"unknown code {code!r}{hint} (to send it all the same, say kind='code')")


def suggest(name: str, names: Iterable[str], cutoff: float) -> str:
    """Return ``; did you mean ...?``, or nothing if no name is near."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=cutoff)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
