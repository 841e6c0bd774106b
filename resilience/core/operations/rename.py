"""
Compute the next name of a rename: deterministic, legal, and never too long.

Two names may have the same beginning: ``line-controller-0001`` and ``line-controller-0002``. So a shortened name has a
hash of the whole name at its end, unless the pattern has a ``{hash}`` already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

from resilience.core.policy import Action

_HASH_DIGITS: Final = 8

# The separators between a shortened name and its hash; the first that the service allows is used.
_SEPARATORS: Final = ("-", "_", "")


@frozen(kw_only=True)
class NameLaw:
    """
    The service's rules for a name.

    Attributes:
        max_length: The longest legal name, in characters; None if no limit is known.
        keep_prefix: How many leading characters a rename must not change.
        is_legal: Tells whether a name is legal.
    """

    max_length: int | None
    keep_prefix: int = 0
    is_legal: Callable[[str], bool]


def name_hash(*parts: str) -> str:
    """Return a hash of these parts, in eight hex digits: the ``{hash}`` of a rename pattern."""
    # A script may take its names from file names, which need not be valid Unicode on Linux.
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]


def next_name(original: str, number: int, action: Action, law: NameLaw | None, *, digest: str) -> str | None:
    """
    Return the next name of a rename; None if the pattern gives no legal new name.

    The name is the same in every run, so that a second run of a script finds the names of its
    first run. If the result would be too long, the original is shortened, and ends with the
    digest unless the pattern has ``{hash}``.

    Args:
        original: The name of the first attempt.
        number: 2 for the first rename, 3 for the second, ...
        action: The rename action, with its pattern and length limit.
        law: The service's rules for names; None if they are unknown.
        digest: The hash of account, scope and original name; see :func:`name_hash`.
    """

    def build(name: str) -> str:
        return action.pattern.replace("{n}", str(number)).replace("{hash}", digest).replace("{name}", name)

    limits = [limit for limit in (action.max_length, law.max_length if law else None) if limit is not None]
    longest = min(limits, default=None)
    uses = action.pattern.count("{name}")
    names: Iterator[str] = iter((original,))
    if longest is not None and uses and (room := (longest - len(build(""))) // uses) < len(original):
        names = _shortened(original, room, law, digest="" if "{hash}" in action.pattern else digest)
    for candidate in map(build, names):
        fits = longest is None or len(candidate) <= longest
        if fits and candidate != original and _obeys(candidate, original, law):
            return candidate
    return None


def _shortened(original: str, room: int, law: NameLaw | None, *, digest: str) -> Iterator[str]:
    """Yield the shortened forms of a name, the best first; none if too little of the name would remain."""
    least = max(1, law.keep_prefix if law else 1)
    for separator in _SEPARATORS if digest else ("",):
        kept = room - len(separator) - len(digest)
        if kept >= least:
            yield f"{original[:kept]}{separator}{digest}"


def _obeys(candidate: str, original: str, law: NameLaw | None) -> bool:
    return law is None or (candidate.startswith(original[: law.keep_prefix]) and law.is_legal(candidate))
