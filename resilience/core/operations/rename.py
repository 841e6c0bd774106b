"""
Which name a rename takes next: deterministic, legal, never longer than allowed, and tied to the name it came from.

A name that is cut loses what tells it from others: ``line-controller-0001`` and ``line-controller-0002`` have one
beginning. So a shortened name keeps a hash of the whole one, unless the pattern has a ``{hash}`` already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

from resilience.core.policy import Action

_HASH_DIGITS: Final = 8

# What stands between the rest of a shortened name and its hash: the first that the service allows.
_SEPARATORS: Final = ("-", "_", "")


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
    # A script may build its names from file names, and those of Linux may be no Unicode.
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]


def next_name(original: str, number: int, action: Action, law: NameLaw | None, *, digest: str) -> str | None:
    """
    Return the name that a rename takes, or None if the pattern leads to no legal new one.

    It is the same in every run, so that a re-run of a script meets the names of its
    earlier run. Where the result would be too long, the original gives way; what is left of it
    ends with the digest, unless the pattern says ``{hash}``.

    Args:
        original: The name of the first attempt.
        number: 2 for the first rename, 3 for the second, ...
        action: The rename, with its pattern and length limit.
        law: What the service allows, or None where nothing is known.
        digest: Stands for the whole original, and for whose it is and where; see :func:`name_hash`.
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
    """Yield what a name may be cut to, the best first; nothing where too little of it would be left."""
    least = max(1, law.keep_prefix if law else 1)
    for separator in _SEPARATORS if digest else ("",):
        kept = room - len(separator) - len(digest)
        if kept >= least:
            yield f"{original[:kept]}{separator}{digest}"


def _obeys(candidate: str, original: str, law: NameLaw | None) -> bool:
    return law is None or (candidate.startswith(original[: law.keep_prefix]) and law.is_legal(candidate))
