"""Which name a rename takes next: deterministic, legal, and never longer than allowed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from attrs import frozen

from resilience.core.policy import Action

_HASH_DIGITS = 8


@frozen(kw_only=True)
class NameLaw:
    """
    What the service says about a name.

    Attributes:
        max_length: The longest legal name, in characters; None where no limit is known.
        keep_prefix: How many leading characters a rename leaves alone.
        is_legal: Whether a name is legal.
    """

    max_length: int | None
    keep_prefix: int = 0
    is_legal: Callable[[str], bool]


def name_hash(*parts: str) -> str:
    """Return eight hex digits that stand for these parts: the ``{hash}`` of a rename pattern."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_HASH_DIGITS]


def next_name(original: str, number: int, action: Action, law: NameLaw | None, *, digest: str) -> str | None:
    """
    Return the name that a rename takes, or None if the pattern leads to no legal new one.

    The original name is shortened where the result would be too long, so that
    a re-run of the same script meets the names of its earlier run.

    Args:
        original: The name of the first attempt.
        number: 2 for the first rename, 3 for the second, ...
        action: The rename, with its pattern and length limit.
        law: What the service allows, or None where nothing is known.
        digest: What ``{hash}`` stands for; see :func:`name_hash`.
    """

    def build(name: str) -> str:
        return action.pattern.replace("{n}", str(number)).replace("{hash}", digest).replace("{name}", name)

    limits = [limit for limit in (action.max_length, law.max_length if law else None) if limit is not None]
    name = original
    uses = action.pattern.count("{name}")
    if limits and uses:
        room = (min(limits) - len(build(""))) // uses
        if room < max(1, law.keep_prefix if law else 1):
            return None
        name = original[:room]
    candidate = build(name)
    if candidate == original or (limits and len(candidate) > min(limits)):
        return None
    if law is not None and not (candidate.startswith(original[: law.keep_prefix]) and law.is_legal(candidate)):
        return None
    return candidate
