"""What a policy says of operations: ``[operations.PROVIDER]``, which adds to a catalogue or stands for one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from attrs import frozen

from resilience.core.fault import Repeat
from resilience.core.grammar.pattern import Pattern

# A token may be what makes a request unique; these never are.
_SECRET: Final = re.compile("secret|passw|private_?key|access_?key", re.IGNORECASE)


def is_secret_field(name: str) -> bool:
    """Tell whether a field's name says that its value must not be kept."""
    return _SECRET.search(name) is not None


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    return Pattern.of(text)


@frozen(kw_only=True)
class DeclaredName:
    """
    What a service takes for the name that a rename changes.

    Attributes:
        pattern: A regular expression that the whole name matches; None for any name.
        max_length: Most characters; None where no limit is known.
    """

    pattern: str | None = None
    max_length: int | None = None

    def is_legal(self, name: str) -> bool:
        """Tell whether the service takes this name."""
        too_long = self.max_length is not None and len(name) > self.max_length
        return bool(name) and not too_long and (self.pattern is None or _pattern(self.pattern).matches(name))


@frozen(kw_only=True)
class Declaration:
    """
    One operation in ``[operations]``; None wherever the policy says nothing, and fields are spelled as on the wire.

    Attributes:
        repeat: What doing it again does.
        key: The request fields that together name what it makes; empty where each call is one of its own, so that a
            ledger is not to remember any.
        rename: The field of the key that a rename changes.
        name: The rule for names in that field.
        read_back: The operation that tells whether it has happened.
        requires: Fields without which a success is ``garbled``.
        settle: How long after a doubtful attempt "it is not there" is not yet believed, in seconds.
        unique: The request fields by which one purchase is told from all others.
        is_assumed: Whether ``[operations]`` does not have it: the method of its request says what a repeat does.
    """

    repeat: Repeat | None = None
    key: tuple[str, ...] | None = None
    rename: str | None = None
    name: DeclaredName | None = None
    read_back: str | None = None
    requires: tuple[str, ...] | None = None
    settle: float | None = None
    unique: tuple[str, ...] | None = None
    is_assumed: bool = False
